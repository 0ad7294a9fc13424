"""A scope as tables: what each thread does from each of its local states, and what the judge makes of what is seen.

This is a *product* form, no list of global states. A thread's next step is looked up by its local state and the values
of the few columns that the step touches; the judge's by its own state and the events of the step. Whoever composes the
tables again has to find the reachable global states himself, and if he finds one that we did not, he will sooner or
later look up an entry that is not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.reached import Reached
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, WIDTH, Row, Transitions
from everyturn.verdicts.checker import CONFORMS, SINK, Judge, JudgeState
from everyturn.world import objects
from everyturn.world.observer import SHARED_DATA
from everyturn_model.events import Event

SHARED: Final = tuple(objects.COLUMNS.index(name) for name in SHARED_DATA)
"""The columns that are seen as a whole: where a Cancel begins or ends, and at rest."""

Key = tuple[int, ...]


class StepOutcome(NamedTuple):
    """One outcome of a step: new values of the columns that it touches, the next local state, the number of its
    events."""

    values: Key
    local: int
    events: int


@dataclass(slots=True)
class ThreadTable:
    """The steps of one thread: local state → touched columns, and their values → ways (none: blocked)."""

    name: str
    columns: dict[int, Key] = field(default_factory=dict)
    steps: dict[int, dict[Key, tuple[StepOutcome, ...]]] = field(default_factory=dict)
    waits: set[int] = field(default_factory=set)
    """Local states in which it still wants something, so that it counts as blocked at rest."""
    unseen: set[int] = field(default_factory=set)
    """Those of them in which nobody has seen its work begin: that it was called is told at rest."""

    @property
    def outcomes(self) -> int:
        """The most outcomes that a step has."""
        return max(1, *(len(ways) for step in self.steps.values() for ways in step.values()))


@dataclass(slots=True)
class ScopeTables:
    """A whole scope. Every number is dense: 0 to the respective size - 1. Event number 0 is "nothing was seen".

    ``initial``: columns, judge, threads. ``judged``: judge state → events → judge state. ``broken``: invariant → the
    judge states in which it has been violated. ``rests``: shared columns and :attr:`marks` (bit by bit) → the events of
    rest. ``seen``: the events by their numbers.
    """

    title: str
    columns: tuple[str, ...]
    initial: Row
    threads: tuple[ThreadTable, ...]
    judged: dict[int, dict[int, int]]
    broken: dict[str, set[int]]
    rests: dict[Key, int]
    sizes: Row
    seen: tuple[tuple[Event, ...], ...]
    states: int
    transitions: int

    @property
    def judge(self) -> int:
        """The judge's first state."""
        return self.initial[len(self.columns)]

    @property
    def marks(self) -> list[tuple[int, set[int]]]:
        """Which threads wait, and which of them unseen, bit by bit: the thread's place, and the local states that set
        it."""
        waits = [(place, thread.waits) for place, thread in enumerate(self.threads)]
        return [*waits, *((place, thread.unseen) for place, thread in enumerate(self.threads))]

    @property
    def judges(self) -> int:
        """How many states the judge has."""
        return self.sizes[len(self.columns)]

    @property
    def events(self) -> int:
        """How many different things are seen of a step."""
        return len(self.seen)

    def locals(self, thread: int) -> int:
        """How many local states a thread has."""
        return self.sizes[len(self.columns) + 1 + thread]


def tables(reached: Reached) -> ScopeTables:
    """The tables of everything that was reached."""
    return _Tabulation(reached).tables()


class _Tabulation:
    """Fills the tables with what the reachable rows need."""

    def __init__(self, reached: Reached) -> None:
        self.reached = reached
        self.transitions: Transitions = reached.transitions
        self.threads = [ThreadTable(thread.name) for thread in reached.world.threads]
        self.events = Interned()
        self.events.number(())
        self.judged: dict[int, dict[int, int]] = {}
        self.rests: dict[Key, int] = {}
        self._touched = _touched(self.transitions)

    def tables(self) -> ScopeTables:
        for row in self.reached.rows:
            if not self._row(row):
                self._rest(row)
        return self._renumbered()

    def _row(self, row: Row) -> bool:
        """Enter every step from ``row``; whether there is one."""
        moved = False
        before = self.judged.setdefault(row[JUDGE], {})
        for number, thread in enumerate(self.threads):
            local = row[FIRST_THREAD + number]
            key = tuple(row[column] for column in self._touched[local])
            steps = thread.steps.setdefault(local, {})
            if key not in steps:
                steps[key] = self._ways(row, number)
            for choice, way in enumerate(steps[key]):
                moved = True
                if way.events and way.events not in before:
                    successors = list(self.transitions.moves(row, number))
                    before[way.events] = successors[choice].row[JUDGE]
        return moved

    def _ways(self, row: Row, thread: int) -> tuple[StepOutcome, ...]:
        place = FIRST_THREAD + thread
        touched = self._touched[row[place]]
        return tuple(
            StepOutcome(
                tuple(after[column] for column in touched),
                after[place],
                self.events.number(self.transitions.seen(row, thread, choice)),
            )
            for _, choice, after, _ in self.transitions.moves(row, thread)
        )

    def _rest(self, row: Row) -> None:
        judged, _, seen = self.transitions.rest(row)
        number = self.events.number(seen)
        self.rests[(*(row[column] for column in SHARED), self._waiting(row))] = number
        self.judged[row[JUDGE]][number] = judged

    def _waiting(self, row: Row) -> int:
        waits = [self._waits(number, row[FIRST_THREAD + number]) for number in range(len(self.threads))]
        marks = (*(wait > 0 for wait in waits), *(wait > 1 for wait in waits))
        return sum(mark << number for number, mark in enumerate(marks))

    def _waits(self, thread: int, local: int) -> int:
        """As :attr:`LocalState.waits`; a daemon does not count."""
        return 0 if self.reached.world.threads[thread].daemon else self.transitions.locals[local].waits

    # dense numbers -----------------------------------------------------------------------------------------------

    def _renumbered(self) -> ScopeTables:
        """The same with dense numbers: local states by thread, judge states so that those alike in what is broken lie
        together."""
        broken = self._broken()
        judges = {*self.judged, *(after for each in self.judged.values() for after in each.values())}
        in_order = sorted(judges, key=lambda judge: ([judge in each for each in broken.values()], judge))
        judge = {old: new for new, old in enumerate(in_order)}
        local = [{old: new for new, old in enumerate(sorted(thread.steps))} for thread in self.threads]
        first = self.reached.rows[0]
        threads = range(len(self.threads))
        return ScopeTables(
            title=f"{self.reached.world.revision} {self.reached.world.scope} ({self.reached.world.granularity})",
            columns=objects.COLUMNS,
            initial=(
                *first[:WIDTH],
                judge[first[JUDGE]],
                *(local[each][first[FIRST_THREAD + each]] for each in threads),
            ),
            threads=tuple(self._thread(number, local[number]) for number in threads),
            judged={judge[old]: {e: judge[after] for e, after in each.items()} for old, each in self.judged.items()},
            broken={name: {judge[old] for old in olds if old in judge} for name, olds in broken.items()},
            rests=self.rests,
            sizes=(*(len(each.values) for each in self.transitions.columns), len(judge), *map(len, local)),
            seen=tuple(self.events.values),
            states=len(self.reached),
            transitions=self.reached.transitions_count,
        )

    def _thread(self, number: int, new: Mapping[int, int]) -> ThreadTable:
        thread = self.threads[number]
        steps = {
            new[local]: {
                key: tuple(StepOutcome(w.values, new[w.local], w.events) for w in ways) for key, ways in each.items()
            }
            for local, each in thread.steps.items()
        }
        columns = {new[local]: self._touched[local] for local in thread.steps}
        waits = {new[local]: self._waits(number, local) for local in thread.steps}
        unseen = {local for local, wait in waits.items() if wait > 1}
        return ThreadTable(thread.name, columns, steps, {local for local, wait in waits.items() if wait}, unseen)

    def _broken(self) -> dict[str, set[int]]:
        judge: Judge = self.transitions.judge
        states: Iterable[JudgeState] = self.transitions.judged.values
        broken: dict[str, set[int]] = {invariant.name: set() for invariant in judge.invariants}
        if judge.conformance:
            broken[CONFORMS] = set()
        for number, state in enumerate(states):
            for invariant, monitor in zip(judge.invariants, state.monitors, strict=True):
                if monitor is SINK:
                    broken[invariant.name].add(number)
            if state.belief is SINK:
                broken[CONFORMS].add(number)
        return broken


def _touched(transitions: Transitions) -> dict[int, Key]:
    """For each local state the columns that a step from it depends on or changes, up to the next scheduling point."""
    locals_ = transitions.locals
    found: dict[int, set[int]] = {number: set(_own(transitions, number)) for number in range(len(locals_))}
    grew = True
    while grew:
        grew = False
        for number, touched in found.items():
            for _, after, _ in locals_[number].next.values():
                state = locals_[after]
                if state.operation is not None and not state.point and not found[after] <= touched:
                    touched |= found[after]
                    grew = True
    return {number: tuple(sorted(touched)) for number, touched in found.items()}


def _own(transitions: Transitions, number: int) -> Iterator[int]:
    state = transitions.locals[number]
    if state.operation is None:
        return
    yield from (objects.COLUMNS.index(name) for name in objects.columns(state.operation))
    thread = transitions.world.threads[state.thread]
    ends = any(transitions.locals[each.after].operation is None for each in state.next.values())
    if transitions.world.watches_shared_data(thread) and (not state.begun or ends):
        yield from SHARED


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as runs, first and last included."""
    found: list[tuple[int, int]] = []
    for number in sorted(numbers):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found
