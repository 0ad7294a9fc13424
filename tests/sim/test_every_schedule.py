"""The explorer against an oracle that keeps nothing: every schedule, each run from its start, no state ever merged.

The dispatchers below keep a bit that a race decides in all places where Python can keep one; a state identity that does
not see the place merges two states, and an outcome is lost.
"""

from __future__ import annotations

import mimetypes
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from tests.sim.small_agents import Small

from everyturn.checking.countercheck.proofs import audited
from everyturn.engines.coroutines.exploration import outcome
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import AgentFault, Disagreement, HiddenState
from everyturn.verdicts.checker import Judge
from everyturn.world import objects
from everyturn.world.observer import Step
from everyturn.world.operations import Note, Operation
from everyturn.world.scope import Scope
from everyturn.world.world import World, begins_with
from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.errors import StoreError
from everyturn_impl.ports import Ports, Shared
from everyturn_model.events import CancelReturned, Event, Submitted
from everyturn_model.invariants import Invariant, Kind, Violated
from everyturn_model.lifecycle import Ledger

Found = tuple[set[str], set[object]]
"""The invariants that are violated in some run, and all outcomes."""


class OneRun:
    """One run from its start: decisions from ``prefix``, then always the first; ``fine``: each operation is a step."""

    def __init__(self, world: World, judge: Judge, prefix: Sequence[int], *, fine: bool) -> None:
        self.world, self.judge, self.prefix, self.fine = world, judge, prefix, fine
        self.values = dict(zip(objects.COLUMNS, world.initial, strict=True))
        self.made: list[tuple[int, int]] = []
        self.violated: set[str] = set()
        self.state = judge.start()
        self.begun: set[int] = set()
        self.last: dict[int, Operation] = {}
        self.kept: dict[int, tuple[Note, ...]] = {}
        self.waiting: dict[int, Operation] = {}
        self.coroutines = [world.start(thread) for thread in range(len(world.threads))]

    def go(self) -> object:
        """Run until nothing can move; the outcome."""
        for thread in range(len(self.coroutines)):
            self.resume(thread, None)
            self.kept[thread] = tuple(self.world.gate.notes)
        for thread in range(len(self.coroutines)):
            self.settle(thread)
        while enabled := [thread for thread in sorted(self.waiting) if self.ways(thread)]:
            thread = enabled[self.decide(len(enabled))]
            self.perform(thread)
            self.settle(thread)
        threads = self.world.threads
        waiting = [thread for thread in sorted(self.waiting) if not threads[thread].daemon]
        blocked = tuple(threads[thread].name for thread in waiting)
        unseen = tuple(threads[thread] for thread in waiting if thread not in self.begun)
        self.see(*self.world.rest(tuple(self.values.values()), blocked, unseen))
        for coroutine in self.coroutines:
            coroutine.close()
        return outcome(self.state.ledger)

    def decide(self, among: int) -> int:
        if among == 1:
            return 0
        decision = self.prefix[len(self.made)] if len(self.made) < len(self.prefix) else 0
        self.made.append((decision, among))
        return decision

    def ways(self, thread: int) -> objects.Outcomes:
        operation = self.waiting[thread]
        before = tuple(self.values[name] for name in objects.columns(operation))
        return objects.apply(operation, before, self.world.threads[thread].name)

    def settle(self, thread: int) -> None:
        """Let a thread go on to its next step."""
        while thread in self.waiting and not (self.fine or self.stops(thread)):
            self.perform(thread)

    def stops(self, thread: int) -> bool:
        return self.world.stops(self.waiting[thread], begun=thread in self.begun, before=self.last.get(thread))

    def perform(self, thread: int) -> None:
        which, operation = self.world.threads[thread], self.waiting[thread]
        touched = objects.columns(operation)
        before = tuple(self.values[name] for name in touched)
        ways = self.ways(thread)
        result, after = ways[self.decide(len(ways))]
        if thread not in self.begun and begins_with(operation, result):
            self.begun.add(thread)
            self.see(*self.world.begun(which, tuple(self.values.values())))
        self.last[thread] = operation
        self.values.update(zip(touched, after, strict=True))
        word = self.resume(thread, result)
        self.kept[thread] = (*self.kept.get(thread, ()), *self.world.gate.notes)
        notes = self.kept.pop(thread) if thread in self.begun else ()
        step = Step(which.name, operation, result, before, after, notes)
        self.world.check_thread_locality(step)
        self.see(*self.world.seen(step))
        if word is not None:
            self.see(*self.world.ended(which, word, tuple(self.values.values())))

    def resume(self, thread: int, result: Any) -> str | None:
        self.world.gate.notes.clear()
        try:
            self.waiting[thread] = self.world.resume(self.coroutines[thread], result, begun=thread in self.begun)
        except StopIteration as end:
            self.waiting.pop(thread, None)
            return str(end.value)
        return None

    def see(self, *events: Any) -> None:
        self.state, findings = self.judge.step(self.state, events)
        self.violated |= {finding.invariant for finding in findings}


def every_schedule(
    agent: Any, scope: str, granularity: str = "access", *, fine: bool = False, judge: Judge | None = None
) -> Found:
    """What all runs find, depth first."""
    world, judge = World(Scope.parse(scope), agent, granularity), judge or Judge()
    todo: list[tuple[int, ...]] = [()]
    violated: set[str] = set()
    outcomes: set[object] = set()
    while todo:
        prefix = todo.pop()
        run = OneRun(world, judge, prefix, fine=fine)
        outcomes.add(run.go())
        violated |= run.violated
        made = tuple(decision for decision, _ in run.made)
        for place in range(len(prefix), len(made)):
            todo += [(*made[:place], other) for other in range(1, run.made[place][1])]
    return violated, outcomes


def explored(agent: Any, scope: str, granularity: str = "access", reduce: str = "dead") -> Found:
    """What the explorer finds."""
    found = LevelExplorer(World(Scope.parse(scope), agent, granularity), Judge(), reduce).run()
    assert found.complete
    return set(found.violations), found.outcomes


@pytest.mark.parametrize(
    ("revision", "scope", "granularity"),
    [
        ("d4", "A+1q", "access"),
        ("d4", "A+1c", "await"),
        ("d1", "A+1c", "await"),
        ("hardened", "A+1c", "await"),
        ("d4", "A+1e+n", "await"),
        ("d4", "A+x", "await"),
        ("d0", "A+x", "await"),
        ("d4", "I+1q", "await"),
    ],
)
def test_every_schedule_of_a_revision_finds_what_the_explorer_finds(
    revision: str, scope: str, granularity: str
) -> None:
    """Violated invariants and outcomes are the same."""
    every = every_schedule(revision, scope, granularity)
    assert explored(revision, scope, granularity) == explored(revision, scope, granularity, "ample") == every


@pytest.mark.parametrize(("revision", "scope"), [("d4", "A+1q"), ("hardened", "A+1q"), ("d0", "I+1q"), ("d4", "I")])
def test_what_is_no_scheduling_point_leaves_out_nothing(revision: str, scope: str) -> None:
    """Letting others run before every single operation finds no more."""
    assert every_schedule(revision, scope, fine=True) == explored(revision, scope)


# a bit that a race decides -------------------------------------------------------------------------------------------


class Races(Small):
    """p1 sets the mark; p2 reads it, keeps what it has read through an await, and tells it."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p1":
            await self.ports.mark.set(1)
        else:
            await self.keep(call, await self.ports.mark.get() > 0)

    async def keep(self, call: Call, seen: bool) -> None:
        raise NotImplementedError

    async def pause(self) -> None:
        await self.ports.queue.get()

    async def tell(self, call: Call, seen: bool) -> None:
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, cancelled=seen), None)


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


KEEPERS = [each for kind in (Races, HasACell) for each in kind.__subclasses__() if "keep" in vars(each)]


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


# what an onlooker has seen ------------------------------------------------------------------------------------------


class BeginsInALoop(Races):
    """Asks whether the workspace is closing, before its work has begun and after, at the same place."""

    async def submit(self, call: Call) -> Call:
        while True:
            await self.ports.closing.get()
            if await self.ports.mark.get():
                return call
            await self.ports.mark.set(1)

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.tell(call, False)


def test_work_begins_once_though_a_thread_comes_back_to_where_it_had_not_begun() -> None:
    """The place is the same, and the next step is not: it is no beginning any more."""

    def step(begun: frozenset[str], event: Event, ledger: Ledger) -> frozenset[str] | Violated:
        if not isinstance(event, Submitted):
            return begun
        return Violated("twice") if event.prompt in begun else begun | {event.prompt}

    once = Invariant("once", "Each prompt begins once.", Kind.ALWAYS, step, frozenset())
    agent: Any = BeginsInALoop
    found = LevelExplorer(World(Scope.parse("AA"), agent), Judge([once], conformance=False)).run()
    assert found.complete
    assert not found.violations


class EndsWithAWrite(Races):
    async def cancel(self) -> None:
        await self.ports.mark.set(2)


def test_what_a_cancel_leaves_is_seen_of_it() -> None:
    """The shared data after its last step, not before; and each Cancel is seen by its own name, though all run the same
    code."""
    agent: Any = EndsWithAWrite
    explorer = LevelExplorer(World(Scope.parse("A+2c"), agent), Judge())
    explorer.run()
    seen = {(event.operation, event.shared.mark) for event in explorer.events if isinstance(event, CancelReturned)}
    assert seen == {("cancel1", 2), ("cancel2", 2)}


# what is private unless it is said to be shared ----------------------------------------------------------------------


class AnothersHook(Races):
    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p1":
            await self.ports.mark.set(1)
            await self.ports.hooks.keep("p2", Completion("p2", "r2"))
        elif await self.ports.mark.get():
            await self.tell(call, await self.ports.hooks.take("p2") is None)


class AnothersContext(Races):
    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p1":
            await self.ports.mark.set(1)
            await self.ports.contexts.cancel(Context(("w", "p2")))
        elif await self.ports.mark.get():
            await self.tell(call, await self.ports.contexts.done(caller))


class JoinsThreads(Races):
    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        ends: Any = self.ports.threads
        if call.prompt == "p1":
            await ends.end("p1")
            await self.ports.mark.set(1)
            await ends.end("p2")
        else:
            await self.ports.threads.join_all()
            await self.tell(call, await self.ports.mark.get() > 0)


@pytest.mark.parametrize(
    ("agent", "shared"), [(AnothersHook, "hooks"), (AnothersContext, "contexts"), (JoinsThreads, "threads")]
)
def test_what_threads_share_is_a_scheduling_point_once_it_is_said(agent: type[Races], shared: str) -> None:
    """Until then it is refused: leaving the point out would leave out behaviour. Said, nothing is left out."""
    with pytest.raises(AgentFault, match=f"add '{shared}' to the tuple `shares`"):
        explored(agent, "AA")
    sharing = type(agent.__name__, (agent,), {"shares": (shared,)})
    assert explored(sharing, "AA") == every_schedule(sharing, "AA", fine=True)


# what another frame sets ---------------------------------------------------------------------------------------------


class SetInAnotherFrame(Races):
    """An inner function sets a variable of the one that waits for it, which from Python 3.13 on it can."""

    async def keep(self, call: Call, seen: bool) -> None:
        await self.tell(call, await self.outer())

    async def outer(self) -> bool:
        kept = True
        await self.inner()
        return kept

    async def inner(self) -> None:
        await self.pause()
        sys._getframe(1).f_locals["kept"] = await self.ports.mark.get() > 1
        await self.pause()

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p1":
            await self.ports.mark.set(2)
        else:
            await self.keep(call, seen=False)


def test_a_frame_that_another_may_set_is_looked_at_anew() -> None:
    """Though it has not run meanwhile."""
    assert explored(SetInAnotherFrame, "AA") == every_schedule(SetInAnotherFrame, "AA")
