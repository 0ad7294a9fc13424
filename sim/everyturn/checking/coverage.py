"""Coverage: how much of an agent, of the shared data's operations and of the specification a scope puts to the test.

A proof speaks of what a scope reaches. This says what that is:

* *statements* and *branches* of the agent's methods (:mod:`everyturn.checking.statements`);
* *operations* on shared data, and which of them failed;
* *races*: a pair of accesses, each an operation at a place in the agent's code, meets if in some reachable state two
  threads are at them, both can move, both touch one variable, and one of them changes that variable somewhere in the
  scope. It is the notion of a data race by reachability (Savage et al.: Eraser, ACM TOCS 1997, section 1), without its
  blame: with atomic accesses a pair that meets is where the order of threads decides;
* *actions* and *guards* of the specification that were asked, and those that refused; *witnesses*.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable
from itertools import combinations
from typing import Any, Final

import msgspec

from everyturn.checking.statements import Missed, ReachedCode, Share, Tracer, short
from everyturn.engines.coroutines.exploration import ExplorationProgress, Sight, resident
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.verdicts.checker import Finding, Judge, JudgeState
from everyturn.verdicts.expectations import unreached
from everyturn.world import objects
from everyturn.world.operations import CALLS, OWN, Operation
from everyturn.world.results import fault_of
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher
from everyturn_model.conformance import Matcher, Refusal
from everyturn_model.events import Event
from everyturn_model.spec import ACTIONS
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.witnesses import WITNESSES

COVERAGE_SCHEMA: Final = "everyturn/coverage/1"
DEFAULT_MAX_STATES: Final = 200_000
HIDDEN: Final = (CancelTakesEffect, ClearTakesEffect)
"""No log tells of these: they go with the return of their operation."""


class CoveredRace(msgspec.Struct):
    """Two accesses to one variable: operation and place of each; whether they can meet."""

    variable: str
    first: str
    second: str
    meets: bool


class Coverage(msgspec.Struct):
    """What one cell reached. ``operations``: how often an operation is waited for, in how many local states."""

    revision: str
    scope: str
    granularity: str
    states: int
    complete: bool
    seconds: float
    statements: Share
    missed: list[Missed]
    never_entered: list[str]
    branches: Share
    missed_branches: list[Missed]
    operations: dict[str, int]
    failed_operations: list[str]
    missed_operations: list[str]
    races: list[CoveredRace]
    actions: dict[str, bool]
    guards: Share
    refusals: dict[str, int]
    witnesses: dict[str, bool]
    unreached: list[str]
    interrupted: bool = False


class Coverages(msgspec.Struct):
    """What one command found."""

    cells: list[Coverage]
    interrupted: bool = False
    schema: str = COVERAGE_SCHEMA
    command: str = "coverage"


def cover(
    revision: str | type[Dispatcher],
    scope: str,
    *,
    granularity: str = "access",
    max_states: int = DEFAULT_MAX_STATES,
    progress: ExplorationProgress | None = None,
) -> Coverage:
    """Explore a cell and say what it reached. Raises :class:`~everyturn.errors.UsageError`."""
    start = time.monotonic()
    world = _TracedWorld(Scope.parse(scope), revision, granularity)
    reach = _Reach(world)
    complete = reach.explore(max_states, progress)
    code = ReachedCode(type(world.agent), world.tracer)
    actions = [action for action in ACTIONS if action.event not in HIDDEN]
    asked = [action for action in actions if action.event in reach.judge.seen_kinds]
    witnesses = {each.name: any(map(each.shows, reach.judge.seen)) for each in WITNESSES}
    operations = reach.operations()
    return Coverage(
        revision=world.revision,
        scope=str(world.scope),
        granularity=granularity,
        states=len(reach.seen),
        complete=complete,
        seconds=round(time.monotonic() - start, 3),
        statements=code.statements,
        missed=code.missed,
        never_entered=code.never_entered,
        branches=code.branches,
        missed_branches=code.missed_branches,
        operations=operations,
        failed_operations=reach.failed(),
        missed_operations=[name for name in map(".".join, objects.OPERATIONS) if name not in operations],
        races=reach.races(),
        actions={action.name: action in asked for action in actions},
        guards=Share(sum(len(action.guards) for action in asked), sum(len(action.guards) for action in actions)),
        refusals=dict(sorted(reach.judge.refusals.items())),
        witnesses=witnesses,
        unreached=list(unreached(witnesses, world.scope)),
        interrupted=reach.interrupted,
    )


class _TracedWorld(World):
    """A world that notes which code of its agent runs."""

    def __init__(self, scope: Scope, revision: str | type[Dispatcher], granularity: str) -> None:
        super().__init__(scope, revision, granularity)
        classes = [each for each in type(self.agent).__mro__ if each.__module__ not in ("builtins", "abc", "typing")]
        self.tracer = Tracer({inspect.getfile(each) for each in classes})

    def resume(self, coroutine: Any, result: Any, *, begun: bool) -> Operation:
        """As ever, traced."""
        with self.tracer:
            return super().resume(coroutine, result, begun=begun)


class _Watcher(Judge):
    """A judge without invariants that notes events and what the specification says of them."""

    def __init__(self) -> None:
        super().__init__((), conformance=True)
        self.seen: set[Event] = set()
        self.refusals: dict[str, int] = {}

    @property
    def seen_kinds(self) -> set[type[Event]]:
        """The kinds of events that were seen."""
        return {type(event) for event in self.seen}

    def step(self, state: JudgeState, events: Iterable[Event]) -> tuple[JudgeState, tuple[Finding, ...]]:
        """As ever; of each refusal the guard is noted."""
        events = tuple(events)
        self.seen.update(events)
        belief = state.belief if isinstance(state.belief, frozenset) else frozenset()
        for event in events if belief else ():
            after = Matcher.advance(belief, event)
            if isinstance(after, Refusal):
                self.refusals[after.guard] = self.refusals.get(after.guard, 0) + 1
                break
            belief = after
        return super().step(state, events)


class _Reach:
    """The reachable states of a world: which local states can move at the same time, and what they change."""

    def __init__(self, world: World) -> None:
        self.judge = _Watcher()
        self.transitions = Transitions(world, self.judge)
        self.seen: set[Row] = set()
        self.meeting: set[tuple[int, int]] = set()
        self.changes: set[tuple[int, str]] = set()
        self.interrupted = False

    def explore(self, max_states: int, progress: ExplorationProgress | None) -> bool:
        """Visit every reachable state, at most about ``max_states``, until interrupted; whether that was all."""
        try:
            return self._explore(max_states, progress)
        except KeyboardInterrupt:
            self.interrupted = True
            return False

    def _explore(self, max_states: int, progress: ExplorationProgress | None) -> bool:
        start = time.monotonic()
        first = self.transitions.initial()
        self.seen, level, depth = {first}, [first], 0
        while level:
            following: list[Row] = []
            for row in level:
                following += self._visit(row)
                if len(self.seen) >= max_states:
                    return False
            if progress is not None:
                progress(Sight(len(self.seen), len(following), depth, time.monotonic() - start, resident()))
            level, depth = following, depth + 1
        return True

    def _visit(self, row: Row) -> list[Row]:
        """The new successors of a state, after noting who can move in it."""
        new: list[Row] = []
        moving: list[int] = []
        for thread, local in enumerate(row[FIRST_THREAD:]):
            for count, successor in enumerate(self.transitions.moves(row, thread)):
                if count == 0:
                    moving.append(local)
                self._note_changes(row, successor.row, local)
                if successor.row not in self.seen:
                    self.seen.add(successor.row)
                    new.append(successor.row)
        self.meeting.update(combinations(moving, 2))
        if not moving:
            self.transitions.rest(row)
        return new

    def _note_changes(self, before: Row, after: Row, local: int) -> None:
        for index, column in enumerate(objects.COLUMNS):
            if before[index] != after[index]:
                self.changes.add((local, column))

    # what was reached --------------------------------------------------------------------------------------------

    def operations(self) -> dict[str, int]:
        """Each operation and in how many local states a thread waits for it; what the world does around calls is
        none."""
        counts: dict[str, int] = {}
        for state in self.transitions.locals.states:
            if state.operation is not None and state.operation.object != CALLS:
                counts[str(state.operation)] = counts.get(str(state.operation), 0) + 1
        return dict(sorted(counts.items()))

    def failed(self) -> list[str]:
        """The operations that failed somewhere."""
        return sorted(
            {
                str(state.operation)
                for state in self.transitions.locals.states
                if any(fault_of(each.result) is not None for each in state.next.values())
            }
        )

    def races(self) -> list[CoveredRace]:
        """Every pair of accesses to one variable, one of which changes it, by two threads; whether they meet."""
        accesses = {number: self._access(number) for number in range(len(self.transitions.locals))}
        by_variable: dict[str, set[str]] = {}
        writers: set[tuple[str, str]] = set()
        for number, access in accesses.items():
            for variable in self._variables(number):
                by_variable.setdefault(variable, set()).add(access)
        for number, column in self.changes:
            writers |= {
                (variable, accesses[number]) for variable in self._variables(number) if _column(variable) == column
            }
        meets = {
            (variable, *sorted((accesses[one], accesses[other])))
            for one, other in self.meeting
            for variable in self._variables(one) & self._variables(other)
        }
        return [
            CoveredRace(variable, one, other, meets=(variable, one, other) in meets)
            for variable in sorted(by_variable)
            for one, other in _pairs(by_variable[variable])
            if (variable, one) in writers or (variable, other) in writers
        ]

    def _access(self, number: int) -> str:
        state = self.transitions.locals[number]
        return "" if state.place is None else f"{state.operation} {short(state.place.file)}:{state.place.line}"

    def _variables(self, number: int) -> frozenset[str]:
        """The variables that the operation of a local state touches; what the world may still do is none."""
        operation = self.transitions.locals[number].operation
        if operation is None:
            return frozenset()
        if operation.object.startswith(OWN):
            return frozenset({operation.object})
        return frozenset(objects.columns(operation)) - {"budget"}


def _pairs(accesses: set[str]) -> Iterable[tuple[str, str]]:
    ordered = sorted(accesses)
    return ((one, other) for index, one in enumerate(ordered) for other in ordered[index:])


def _column(variable: str) -> str:
    return "own" if variable.startswith(OWN) else variable
