"""Dispatchers that keep a bit that a race decides, wherever Python's code can keep one: each is told apart from the one
that keeps the other bit, or refused."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from tests.sim.test_every_schedule import Races, every_schedule, explored

from everyturn.checking.countercheck.proofs import audited
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import AgentFault, Disagreement, HiddenState
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call
from everyturn_impl.errors import StoreError
from everyturn_impl.ports import Ports, Shared


class InAZip(Races):
    """All pairs of a zip are kept in one tuple, which Python changes."""

    async def keep(self, call: Call, seen: bool) -> None:
        for _ in zip(("x", "x"), ("y", "y"), strict=True):
            await self.pause()
        await self.tell(call, seen)


class InAnIteratorWithinATuple(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        kept = (iter((1, 2)),)
        await self.pause()
        if seen:
            next(kept[0])
        await self.pause()
        await self.tell(call, next(kept[0]) == 2)


class InAnIteratorThatWasHandedOn(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        iterator = iter((1, 2))
        await self.advance(iterator, 1 if seen else 0)
        await self.tell(call, next(iterator) == 2)

    async def advance(self, iterator: Any, often: int) -> None:
        await self.pause()
        for _ in range(often):
            next(iterator)
        del iterator, often
        await self.pause()


def counter() -> Callable[[], int]:
    count = 0

    def more() -> int:
        nonlocal count
        count += 1
        return count

    return more


class InAClosureWithinATuple(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        kept = (counter(),)
        await self.pause()
        if seen:
            kept[0]()
        await self.pause()
        await self.tell(call, kept[0]() == 2)


class InAFunctionsAttribute(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        kept: Any = counter()
        kept.seen = seen
        await self.pause()
        await self.tell(call, kept.seen)


class InTheCauseOfAnError(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        try:
            raise StoreError("p2") from (ValueError() if seen else KeyError())
        except StoreError as error:
            await self.pause()
            await self.tell(call, isinstance(error.__cause__, ValueError))


class InTheContextOfAnError(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        try:
            try:
                raise ValueError if seen else KeyError
            finally:
                raise StoreError("p2")
        except StoreError as error:
            await self.pause()
            await self.tell(call, isinstance(error.__context__, ValueError))


class Slotted(Exception):
    __slots__ = ("seen",)
    seen: bool


class InASlotOfAnError(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        error = Slotted()
        error.seen = seen
        await self.pause()
        await self.tell(call, error.seen)


class InAFieldOfAnError(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        error = OSError()
        error.errno = int(seen)
        await self.pause()
        await self.tell(call, bool(error.errno))


class InAnErrorThatWasHandedOn(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        error: Any = ValueError()
        await self.hang(error, int(seen))
        await self.tell(call, bool(error.seen))

    async def hang(self, error: Any, seen: int) -> None:
        await self.pause()
        error.seen = seen
        del error, seen
        await self.pause()


class InAVariableThatFinallyKeepsAlive(Races):
    """The continue passes the `finally`, and the next round reads what the rest of this one would have set."""

    async def keep(self, call: Call, seen: bool) -> None:
        for number in (1, 2):
            if number == 2:
                await self.tell(call, seen)
                return
            try:
                if number == 1:
                    continue
            finally:
                await self.pause()
            seen = False


class InAVariableThatBreakKeepsAlive(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        for _ in (1,):
            seen = await self.ports.mark.get() > 0
            try:
                break
            finally:
                await self.pause()
        else:
            seen = False
        await self.tell(call, seen)


class InAVariableThatIsAnnotatedLater(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        kept = int(seen)
        await self.pause()
        kept: int  # type: ignore[no-redef]
        await self.tell(call, bool(kept))


class InAComprehension(Races):
    """What it yields stands before the await, and is evaluated after it; since Python 3.12 in the same frame."""

    async def keep(self, call: Call, seen: bool) -> None:
        kept = [seen for _ in (1,) if await self.ports.queue.get() == ()]
        await self.tell(call, kept[0])


class InAVariableThatIsNotNamed(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        await self.pause()
        await self.tell(call, locals()["seen"])


class InCodeThatWasMade(Races):
    """Two functions of one file and line."""

    async def keep(self, call: Call, seen: bool) -> None:
        made: dict[str, Any] = {}
        source = f"async def job(self, call):\n  await self.pause()\n  await self.tell(call, {seen})"
        exec(source, made)
        job = made.pop("job")
        del made, source, seen
        await job(self, call)


class InANameThatIsNotBoundYet(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        if seen:
            later = True

        def bound() -> bool:
            try:
                return later
            except NameError:
                return False

        await self.pause()
        await self.tell(call, bound())


class InATypeThatIsEqual(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        kept = (True,) if seen else (1,)
        await self.pause()
        await self.tell(call, kept[0] is True)


class InAMatch(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        match (seen, call.prompt):
            case (kept, str()):
                await self.pause()
                await self.tell(call, kept)


class InAnErrorThatIsRaisedAgain(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        try:
            try:
                raise ValueError if seen else KeyError
            except Exception:
                await self.pause()
                raise
        except ValueError:
            await self.tell(call, True)
        except KeyError:
            await self.tell(call, False)


class InAReturn(Races):
    async def keep(self, call: Call, seen: bool) -> None:
        await self.tell(call, await self.returned(seen))

    async def returned(self, seen: bool) -> bool:
        try:
            return seen
        finally:
            await self.pause()


@dataclass(frozen=True)
class Cell:
    """A shared object; ``hidden`` is none of its equality."""

    value: Any = 0
    hidden: Any = field(default=0, compare=False)

    def put(self, value: Any) -> tuple[None, Cell]:
        return None, Cell(value)

    def hide(self, value: Any) -> tuple[None, Cell]:
        return None, Cell(0, value)

    def get(self) -> tuple[Any, Cell]:
        return (self.value, self.hidden), self


class HasACell(Races):
    own: ClassVar[dict[str, Any]] = {"cell": Cell()}

    def __init__(self, ports: Ports, *, direct: bool = False, cell: Shared[Cell]) -> None:
        super().__init__(ports)
        self.cell = cell


class InATypeWithinAnObject(HasACell):
    async def keep(self, call: Call, seen: bool) -> None:
        await self.cell.do(Cell.put, True if seen else 1)
        del seen
        await self.pause()
        kept = await self.cell.do(Cell.get)
        await self.tell(call, kept[0] is True)


class InAFieldThatIsNotCompared(HasACell):
    async def keep(self, call: Call, seen: bool) -> None:
        await self.cell.do(Cell.hide, int(seen))
        del seen
        await self.pause()
        kept = await self.cell.do(Cell.get)
        await self.tell(call, kept[1] == 1)


KEEPERS = [
    each
    for kind in (Races, HasACell)
    for each in kind.__subclasses__()
    if "keep" in vars(each) and each.__module__ == __name__
]


@pytest.mark.parametrize("agent", KEEPERS, ids=lambda agent: agent.__name__)
def test_a_bit_is_seen_wherever_code_keeps_it(agent: type[Races]) -> None:
    """Violations and outcomes are those of every schedule, of which there are two."""
    every = every_schedule(agent, "AA")
    assert len(every[1]) == 2
    assert explored(agent, "AA") == explored(agent, "AA", reduce="ample") == every


# what would be kept where nobody looks -------------------------------------------------------------------------------


class Bag:
    """An object that its steps change in place."""

    def __init__(self) -> None:
        self.items: list[int] = []

    def put(self, item: int) -> tuple[None, Bag]:
        self.items.append(item)
        return None, self


def test_an_own_object_that_can_change_in_place_is_refused() -> None:
    """It would change for all interleavings at once."""
    agent: Any = type("HasABag", (HasACell,), {"own": {"cell": Bag()}})
    with pytest.raises(AgentFault, match=r"own\.cell: found a Bag: expected a value that is immutable"):
        World(Scope.parse("AA"), agent)


def remember(seen: bool | None = None, memory: list[bool] = [False]) -> bool:  # noqa: B006 - what this is about
    if seen is not None:
        memory[0] = seen
    return memory[0]


class InADefault(Races):
    remember = staticmethod(remember)

    async def keep(self, call: Call, seen: bool) -> None:
        self.remember(seen)
        await self.pause()
        await self.tell(call, self.remember())


def test_a_default_that_changes_is_named() -> None:
    """A mutable default is a global by another name."""
    with pytest.raises(HiddenState, match=r"InADefault\.remember.*\[0\] is changed from here"):
        explored(InADefault, "AA")


class InTheStandardLibrary(Races):
    """Whose functions are trusted to keep nothing, so that nobody looks: here, what names of files mean."""

    async def keep(self, call: Call, seen: bool) -> None:
        mimetypes.add_type("text/seen" if seen else "text/unseen", ".everyturn")
        del seen
        await self.pause()
        if mimetypes.guess_type("a.everyturn")[0] == "text/seen":
            self.ports.journal.cancelled_on_entry(call)


def test_two_histories_that_differ_in_the_journal_only_are_told_apart_by_the_audit() -> None:
    """The same state is reached, but something else was told on the way: they were wrongly taken for one."""
    agent: Any = InTheStandardLibrary
    explorer = LevelExplorer(World(Scope.parse("AA"), agent), Judge(()))
    explorer.run()
    with pytest.raises(Disagreement, match=r"were taken for one local state, at queue\.get"):
        audited(explorer)
