"""Between two places, while somebody looks at one after the other."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.things import PromptLine
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL


class Reserved(Desk):
    """What its threads share."""

    own = {"coming": PromptLine(), "marked": PromptLine()}
    coming: Shared[PromptLine]
    marked: Shared[PromptLine]

    async def submit(self, call: Call) -> Call:
        """Whoever is accepted is noted as coming, until his turn has begun."""
        await self.coming.do(PromptLine.join, call)
        return call


class LooksAtTheTurnFirst(Reserved):
    """Cancel ends the turn that runs, and marks who is coming."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.active.set(turn)
        await self.coming.do(PromptLine.leave, call)  # not coming any more: here
        if call in await self.marked.do(PromptLine.peek):
            await self.contexts.cancel(turn)
        if await self.ask(call, turn):
            await self.tell(call)
        else:
            await self.tell_cancelled(call)
        await self.active.delete(turn)

    async def cancel(self) -> None:
        running = await self.active.get()
        if running:
            await self.contexts.cancel(running)
        for call in await self.coming.do(PromptLine.peek):
            await self.marked.do(PromptLine.join, call)


class LooksAtWhoComesFirst(Reserved):
    """Cancel ends the turn that runs, and marks who is coming."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.active.set(turn)
        await self.coming.do(PromptLine.leave, call)  # not coming any more: here
        if call in await self.marked.do(PromptLine.peek):
            await self.contexts.cancel(turn)
        if await self.ask(call, turn):
            await self.tell(call)
        else:
            await self.tell_cancelled(call)
        await self.active.delete(turn)

    async def cancel(self) -> None:
        for call in await self.coming.do(PromptLine.peek):
            await self.marked.do(PromptLine.join, call)
        running = await self.active.get()
        if running:
            await self.contexts.cancel(running)


LEVEL = Level(
    name="reservation-gap",
    title="The gap between two places",
    goal="Press Cancel so that it is lost.",
    won="The Cancel was over, and the model has answered all the same: it is lost.",
    story="""p1 is always somewhere: it is noted as *coming* until its turn is active. The Cancel looks at both
        places, so it must find p1. Must it?""",
    terms=(Term("reservation", "A note that somebody is accepted and on his way. A real agent keeps such notes."),),
    hints=(
        "The Cancel looks at one place, then at the other one. p1 moves from one to the other.",
        "Let the Cancel look at the turn while p1 is still coming.",
    ),
    moral="""p1 moved from *coming* to *active*, and the Cancel looked in the opposite order: where p1 was not
        yet, and then where it was no more. Look first at where somebody comes from, then at where he goes.""",
    program=OnThreads(LooksAtTheTurnFirst, "A+1c", NO_LOST_CANCEL.name, "coming active marked contexts"),
    mended=OnThreads(LooksAtWhoComesFirst, "A+1c", NO_LOST_CANCEL.name, "coming active marked contexts"),
    fix="The two looks of the Cancel change places.",
)
