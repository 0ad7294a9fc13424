"""A statement that looks like one thing is two."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.things import Flag, Total
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_hang import NO_HANG


class Barrier(Desk):
    """What its threads share."""

    own = {"here": Total(), "open": Flag()}
    here: Shared[Total]
    open: Shared[Flag]


class CountsInOneLine(Barrier):
    """Both are answered as soon as both are here."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.here.do(Total.write, await self.here.do(Total.read) + 1)
        # Both are here as soon as two have been counted.
        if await self.here.do(Total.read) == 2:
            await self.open.do(Flag.hoist)
        await self.open.wait(Flag.seen)  # wait until the gate is open
        await self.tell(call)


class CountsInOneAccess(Barrier):
    """Both are answered as soon as both are here."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.here.do(Total.add, 1)
        # Both are here as soon as two have been counted.
        if await self.here.do(Total.read) == 2:
            await self.open.do(Flag.hoist)
        await self.open.wait(Flag.seen)  # wait until the gate is open
        await self.tell(call)


LEVEL = Level(
    name="one-line-two-accesses",
    title="One line, two accesses",
    goal="Make a client wait for ever: let the gate stay shut.",
    won="Both wait at the gate, and nobody will open it any more.",
    story="""Two prompts wait for each other at a gate. Each counts itself; who counts two opens the gate. `here
        + 1` is one line of code. How many accesses is it? The underline shows which one comes next.""",
    terms=(
        Term("access", "One read or one write of something shared. Nobody can come in between."),
        Term("client", "Who has sent a prompt, and waits until he is told that it is done."),
        Term("hang", "Somebody waits for something that nobody will do any more."),
    ),
    hints=(
        "The line reads first, and writes what it has read plus one. Who may come in between?",
        "Let both read before either writes.",
    ),
    moral="""Both read 0, both wrote 1. One of the two additions is gone: a *lost update*. In most languages `x =
        x + 1` is a read and a write, and another thread may run between them.""",
    program=OnThreads(CountsInOneLine, "AA", NO_HANG.name, "here open"),
    mended=OnThreads(CountsInOneAccess, "AA", NO_HANG.name, "here open"),
    fix="Read, add and write in one access.",
)
