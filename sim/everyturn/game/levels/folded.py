"""A prompt is folded although somebody waits for it."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_model.invariants.no_hang import NO_HANG


class FoldsEverybody(Desk):
    """Who comes while a turn runs is folded into it."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.mutex.lock()
        if await self.active.get():
            await self.queue.set((*await self.queue.get(), call))
            await self.mutex.unlock()
            return
        await self.active.set(turn)
        await self.mutex.unlock()
        await self.ask(call, turn)
        await self.mutex.lock()
        for other in await self.queue.get():  # these become part of this turn
            self.ports.journal.folded(other, turn)
        await self.queue.delete()
        await self.active.delete(turn)
        await self.mutex.unlock()
        await self.tell(call)


class TellsTheFolded(Desk):
    """Who comes while a turn runs gets a turn after it."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.mutex.lock()
        if await self.active.get():
            await self.queue.set((*await self.queue.get(), call))
            await self.mutex.unlock()
            return
        await self.active.set(turn)
        await self.mutex.unlock()
        await self.ask(call, turn)
        await self.mutex.lock()
        others = await self.queue.get()  # these get their own answers
        await self.queue.delete()
        await self.active.delete(turn)
        await self.mutex.unlock()
        await self.tell(call)
        for other in others:
            await self.tell(other)


LEVEL = Level(
    name="folded",
    title="Folded, and forgotten",
    goal="Make a client wait for ever.",
    won="The prompt is part of another turn, and nobody tells its client: it waits for ever.",
    story="""A real agent did this. Who sends a prompt while a turn runs is put into the queue, and the running
        turn takes the text into its own conversation: it is *folded*. Everything that belongs together is under
        a lock.""",
    terms=(
        Term("fold", "To append a waiting prompt to the turn that is running; it gets no turn of its own."),
        Term("run id", "A prompt with one has a client that waits until it is told that the prompt is done."),
    ),
    hints=(
        "There is no gap here. Who tells the client of a prompt that was folded?",
        "Let p2 come in while p1's turn runs.",
    ),
    moral="""Locks do not help against what was never written: nobody tells the client of a folded prompt. The
        agent's real fix leaves prompts with a run id in the queue, so that each gets an answer of its own.""",
    program=OnThreads(FoldsEverybody, "AA", NO_HANG.name, "mutex active queue"),
    mended=OnThreads(TellsTheFolded, "AA", NO_HANG.name, "mutex active queue"),
    fix="Who was in the queue gets an answer of his own.",
)
