"""Two threads answer one prompt."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.things import PromptLine
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_double_emit import NO_DOUBLE_EMIT


class Counter(Desk):
    """What its threads share."""

    own = {"line": PromptLine()}
    line: Shared[PromptLine]


class LooksThenTakes(Counter):
    """Each thread answers whoever is in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        while waiting := await self.line.do(PromptLine.peek):
            await self.tell(waiting[0])
            await self.line.do(PromptLine.leave, waiting[0])


class TakesAtOnce(Counter):
    """Each thread answers whoever is in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        while waiting := await self.line.do(PromptLine.take):
            await self.tell(waiting)


LEVEL = Level(
    name="double-answer",
    title="The double answer",
    goal="Have one prompt answered twice.",
    won="One prompt was answered twice.",
    story="""Prompts stand in line, and every thread answers whoever is first, then lets him go. Nobody waits in
        vain here. But two threads may be too many.""",
    terms=(Term("exactly once", "What an answer should come: neither lost nor twice. It is harder than it sounds."),),
    hints=(
        "When does a prompt leave the line: before or after it is answered?",
        "Let p2 look at the line while p1 is answering.",
    ),
    moral="""Looking, answering and letting go were three accesses. Meanwhile another thread saw the same prompt
        in line. If taking somebody out is one access, only one thread can have him.""",
    program=OnThreads(LooksThenTakes, "AA", NO_DOUBLE_EMIT.name, "line"),
    mended=OnThreads(TakesAtOnce, "AA", NO_DOUBLE_EMIT.name, "line"),
    fix="Take the first one out of the line in the same access in which you look.",
)
