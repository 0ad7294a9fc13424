"""Each has what the other one wants."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.things import Lock
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_hang import NO_HANG


class TwoDoors(Desk):
    """What its threads share."""

    own = {"session": Lock(), "store": Lock()}
    session: Shared[Lock]
    store: Shared[Lock]


class TakesThemInTwoOrders(TwoDoors):
    """A turn and a Cancel need the session and the store."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.session.wait(Lock.take)
        await self.store.wait(Lock.take)
        await self.tell(call)
        await self.store.do(Lock.give)
        await self.session.do(Lock.give)

    async def cancel(self) -> None:
        await self.store.wait(Lock.take)
        await self.session.wait(Lock.take)
        await self.session.do(Lock.give)
        await self.store.do(Lock.give)


class TakesThemInOneOrder(TwoDoors):
    """A turn and a Cancel need the session and the store."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.session.wait(Lock.take)
        await self.store.wait(Lock.take)
        await self.tell(call)
        await self.store.do(Lock.give)
        await self.session.do(Lock.give)

    async def cancel(self) -> None:
        await self.session.wait(Lock.take)
        await self.store.wait(Lock.take)
        await self.store.do(Lock.give)
        await self.session.do(Lock.give)


LEVEL = Level(
    name="two-locks",
    title="Two locks",
    goal="Make the client of p1 wait for ever.",
    won="Each waits for the lock that the other one has.",
    story="""A turn needs two locks, and so does the Cancel button, which is a thread of its own here. Nothing is
        read too early and nothing is forgotten. It can hang all the same.""",
    terms=(
        Term("deadlock", "Each of several waits for something that another of them has, so that nobody can go on."),
    ),
    hints=("In which order does each take the locks?", "Let each take its first lock before either takes its second."),
    moral="""Each has what the other one wants, and neither gives it back: a *deadlock*. If everybody takes the
        locks in one order, somebody always has the last one and can go on.""",
    program=OnThreads(TakesThemInTwoOrders, "A+1c", NO_HANG.name, "session store"),
    mended=OnThreads(TakesThemInOneOrder, "A+1c", NO_HANG.name, "session store"),
    fix="Everybody takes the session first, then the store.",
)
