"""The explorer against an oracle that keeps nothing: every schedule, each run from its start, no state ever merged.

The dispatchers below keep a bit that a race decides in all places where Python can keep one; a state identity that does
not see the place merges two states, and an outcome is lost.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
from tests.sim.small_agents import Small

from everyturn.engines.coroutines.exploration import outcome
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import AgentFault
from everyturn.verdicts.checker import Judge
from everyturn.world import objects
from everyturn.world.observer import Step
from everyturn.world.operations import Note, Operation
from everyturn.world.scope import Scope
from everyturn.world.world import World, begins_with
from everyturn_impl.calls import Call, Completion, Context
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
