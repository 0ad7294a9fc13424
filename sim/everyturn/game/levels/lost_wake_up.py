"""The worker looks for the last time, and then somebody relies on it."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.things import Flag, PromptLine
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_hang import NO_HANG


class Shop(Desk):
    """What its threads share."""

    own = {"line": PromptLine(), "working": Flag()}
    line: Shared[PromptLine]
    working: Shared[Flag]


class GoesToSleep(Shop):
    """Whoever finds nobody working works: for all who stand in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        if not await self.working.do(Flag.hoist):
            return  # it is up: somebody works, and will take us, too
        while waiting := await self.line.do(PromptLine.take):
            await self.tell(waiting)
        await self.working.do(Flag.lower)  # nobody is left: sleep


class LooksAgain(Shop):
    """Whoever finds nobody working works: for all who stand in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        if not await self.working.do(Flag.hoist):
            return  # it is up: somebody works, and will take us, too
        while waiting := await self.line.do(PromptLine.take):
            await self.tell(waiting)
        await self.working.do(Flag.lower)  # nobody is left: sleep
        if await self.line.do(PromptLine.peek):  # really nobody?
            await self.work()


LEVEL = Level(
    name="lost-wake-up",
    title="The lost wake-up",
    goal="Make a client wait for ever.",
    won="Somebody stands in line, and nobody works any more: the client waits for ever.",
    story="""Prompts stand in line. The first thread to raise the flag `working` is the worker and answers
        everybody in line; others see that it is up and leave, for the worker will take them, too. When the line
        is empty the worker lowers the flag and goes to sleep.""",
    terms=(
        Term("run id", "A prompt with one has a client that waits until it is told that the prompt is done."),
        Term("hang", "Somebody waits for something that nobody will do any more."),
        Term("wake-up", "A sign to somebody who sleeps, or is about to, that there is work again."),
    ),
    hints=(
        "When does the worker look at the line for the last time? And when does it say that it sleeps?",
        "Let p1 work until it has found the line empty. Then let p2 come, before p1 lowers the flag.",
    ),
    moral="""The second came after the worker's last look and before the flag was lowered: it relied on a worker
        that would never look again. This is a *lost wake-up*: the sign that there is work comes while the
        sleeper is no longer looking and not yet asleep, and nobody notices it.""",
    program=OnThreads(GoesToSleep, "AA", NO_HANG.name, "line working"),
    mended=OnThreads(LooksAgain, "AA", NO_HANG.name, "line working"),
    fix="After lowering the flag, look once more: who came meanwhile is seen.",
)
