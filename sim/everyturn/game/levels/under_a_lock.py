"""The worker's last look and its sleep, with nobody in between."""

from everyturn.game.level import Level, Term
from everyturn.game.levels.lost_wake_up import GoesToSleep, Shop
from everyturn.game.things import Flag, PromptLine
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_model.invariants.no_hang import NO_HANG


class SleepsUnderALock(Shop):
    """Whoever finds nobody working works: for all who stand in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.mutex.lock()
        await self.line.do(PromptLine.join, call)
        first = await self.working.do(Flag.hoist)
        await self.mutex.unlock()
        while first:
            await self.mutex.lock()
            if waiting := await self.line.do(PromptLine.take):
                await self.mutex.unlock()
                await self.tell(waiting)
            else:
                await self.working.do(Flag.lower)  # nobody is left: sleep
                await self.mutex.unlock()
                return


LEVEL = Level(
    name="under-a-lock",
    title="Under a lock",
    goal="Make a client wait for ever.",
    story="""The same shop, with another cure: standing in line and looking at the flag happen under a lock, and
        so do the worker's last look and its sleep. Can a wake-up still get lost?""",
    terms=(
        Term("lock (mutex)", "Who has taken it goes on; everybody else who wants it waits until it is given back."),
        Term("critical section", "What is done between taking a lock and giving it back."),
    ),
    hints=(
        "Can p2 come between the worker's last look and its sleep?",
        "What would p2 have to take first, and who has it just then?",
    ),
    moral="""Looking and going to sleep are one critical section now. Whoever comes stands in line before it, and
        is seen, or after it, and finds the flag down. There is no third way; the tool has looked for one in
        every order.""",
    program=OnThreads(SleepsUnderALock, "AA", NO_HANG.name, "mutex line working"),
    before=OnThreads(GoesToSleep, "AA", NO_HANG.name, "mutex line working"),
    fix="A lock around the two looks that belong together.",
)
