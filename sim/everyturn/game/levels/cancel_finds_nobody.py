"""A Cancel between accepted and active."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.things import Flag
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL


class WithAFlag(Desk):
    """What its threads share."""

    own = {"pressed": Flag()}
    pressed: Shared[Flag]


class ReachesWhatRuns(WithAFlag):
    """Cancel ends the turn that runs."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.active.set(turn)
        if await self.ask(call, turn):  # the model answers, unless the turn is cancelled
            await self.tell(call)
        else:
            await self.tell_cancelled(call)
        await self.active.delete(turn)

    async def cancel(self) -> None:
        running = await self.active.get()
        if running:
            await self.contexts.cancel(running)


class LeavesAFlag(WithAFlag):
    """Cancel ends the turn that runs, and leaves a flag for who is on his way."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.active.set(turn)
        if await self.pressed.do(Flag.read):
            await self.contexts.cancel(turn)
        if await self.ask(call, turn):  # the model answers, unless the turn is cancelled
            await self.tell(call)
        else:
            await self.tell_cancelled(call)
        await self.active.delete(turn)

    async def cancel(self) -> None:
        await self.pressed.do(Flag.hoist)
        running = await self.active.get()
        if running:
            await self.contexts.cancel(running)


LEVEL = Level(
    name="lost-cancel",
    title="The lost Cancel",
    goal="Press Cancel so that it is lost: p1 came before it, and is answered all the same.",
    won="The Cancel was over, and the model has answered all the same: it is lost.",
    story="""A user has sent p1 and presses Cancel, which is a thread of its own. It asks whose turn it is, and
        ends that turn. The model is expensive: after a Cancel it must not be asked any more.""",
    terms=(
        Term("accepted", "A prompt has come in, and its turn has not begun yet."),
        Term("window", "A moment between two steps in which something goes wrong if it happens just then."),
    ),
    hints=(
        "Where is p1 when it has come in, and its turn has not begun?",
        "Let p1 come in; then let the Cancel do all it does.",
    ),
    moral="""The Cancel found nobody, because p1 was accepted and not yet active: between two chairs. The user
        saw the button work, and was answered, and paid for it. So the Cancel must leave something behind for who
        is on his way.""",
    program=OnThreads(ReachesWhatRuns, "A+1c", NO_LOST_CANCEL.name, "active contexts"),
    mended=OnThreads(LeavesAFlag, "A+1c", NO_LOST_CANCEL.name, "active contexts"),
    fix="The Cancel raises a flag first; a turn looks at it as soon as it is active.",
)
