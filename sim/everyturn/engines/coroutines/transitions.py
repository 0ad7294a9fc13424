"""The transition system of a world: global states as rows of small integers, and their successors.

A row has one number for each shared column, one for the judge (ledger, monitors, specification) and one for each
thread's local state. Numbers stand for interned values. What an operation does to the columns it touches, and what a
thread does with a result, is worked out once and then looked up.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any, Final, NamedTuple

from everyturn.engines.coroutines.interned import Interned, columns
from everyturn.engines.coroutines.local_states import Locals, LocalState
from everyturn.errors import AgentFault
from everyturn.verdicts.checker import Finding, Judge
from everyturn.world import objects
from everyturn.world.objects.mutex import NotHeld
from everyturn.world.observer import Step
from everyturn.world.operations import OWN, Note, Operation
from everyturn.world.world import World, begins_with
from everyturn_model.events import Event

Row = tuple[int, ...]
WIDTH: Final = len(objects.COLUMNS)
JUDGE: Final = WIDTH
FIRST_THREAD: Final = WIDTH + 1
_INDEX: Final = {name: index for index, name in enumerate(objects.COLUMNS)}


class Successor(NamedTuple):
    """One transition: the thread that moved, which of its outcomes, and the row it leads to."""

    thread: int
    choice: int
    row: Row
    findings: tuple[Finding, ...]


class Effect(NamedTuple):
    """What one outcome of one operation does: new numbers for touched columns, the next local state, the events."""

    columns: tuple[tuple[int, int], ...]
    local: int
    result: Any
    notes: tuple[Note, ...]
    events: int


class _Outcome(NamedTuple):
    """One outcome of one operation on some values, whichever local state the thread does it from.

    ``key``: the result, as local states are told apart by it; ``seen``: the number of the events by what the thread
    notes.
    """

    result: Any
    key: Hashable
    before: objects.Values
    after: objects.Values
    columns: tuple[tuple[int, int], ...]
    seen: dict[tuple[Note, ...], int]


_Way = tuple[Row, tuple[Finding, ...], tuple[tuple[Row, Effect], ...]]
"""A row, what was violated on the way there, and the way: each row before, and the effect."""


class Transitions:
    """Successors of rows, for one world and one judge. ``keep_dead``: without eliminating dead variables."""

    def __init__(self, world: World, judge: Judge, *, keep_dead: bool = False) -> None:
        self.world = world
        self.judge = judge
        self.keeps_dead = keep_dead
        self.locals = Locals(world, keep_dead=keep_dead)
        self.columns = columns()
        self.judged = Interned()
        self.events = Interned()
        self.owned: list[tuple[Operation, objects.Values, str]] = []
        """Every step of a dispatcher's own object that was worked out: on which values, and by which thread."""
        self._outcomes: dict[tuple[int, ...], tuple[_Outcome, ...]] = {}
        self._effects: dict[tuple[int, ...], tuple[Effect, ...]] = {}
        self._touched: dict[int, tuple[int, ...]] = {}
        self._judgements: dict[tuple[int, int], tuple[int, tuple[Finding, ...]]] = {}

    # rows --------------------------------------------------------------------------------------------------------

    def initial(self) -> Row:
        """The row in which every thread stands before its first scheduling point."""
        numbers = [column.number(value) for column, value in zip(self.columns, self.world.initial, strict=True)]
        row: Row = (*numbers, self.judged.number(self.judge.start()), *self.locals.roots)
        for thread in range(len(self.world.threads)):
            local = self.locals[row[FIRST_THREAD + thread]]
            if local.operation is not None and not local.point:
                ((row, _, _),) = self._go(row, thread, FIRST_THREAD + thread)
        return row

    def values(self, row: Row) -> objects.Values:
        """The values of the shared columns in ``row``."""
        return tuple(column.values[number] for column, number in zip(self.columns, row, strict=False))

    def successors(self, row: Row) -> Iterator[Successor]:
        """Every transition from ``row``: by thread, then by outcome."""
        for thread in range(len(self.world.threads)):
            yield from self.moves(row, thread)

    def moves(self, row: Row, thread: int) -> Iterator[Successor]:
        """Every transition of one thread from ``row``; none if it is blocked or has ended."""
        place = FIRST_THREAD + thread
        for choice, (after, findings, _) in enumerate(self._go(row, thread, place)):
            yield Successor(thread, choice, after, findings)

    def ways(self, row: Row, thread: int) -> Iterator[tuple[Row, tuple[Any, ...]]]:
        """The row after each transition of one thread, and the results of those operations that might have had
        others."""
        for after, _, trail in self._go(row, thread, FIRST_THREAD + thread):
            yield after, tuple(effect.result for before, effect in trail if len(self.effects(before, thread)) > 1)

    def outcomes(self, row: Row, thread: int, choice: int) -> list[int]:
        """Which outcome each operation of a transition had, of those that have several."""
        _, _, trail = self._go(row, thread, FIRST_THREAD + thread)[choice]
        chosen = []
        for before, effect in trail:
            effects = self.effects(before, thread)
            if len(effects) > 1:
                chosen.append(effects.index(effect))
        return chosen

    def operations(self, row: Row, thread: int, choice: int) -> tuple[Operation, ...]:
        """What the thread does in a transition, in order."""
        _, _, trail = self._go(row, thread, FIRST_THREAD + thread)[choice]
        places = (self.locals[before[FIRST_THREAD + thread]] for before, _ in trail)
        return tuple(local.operation for local in places if local.operation is not None)

    def seen(self, row: Row, thread: int, choice: int) -> tuple[Event, ...]:
        """What an onlooker sees of a transition, in order."""
        _, _, trail = self._go(row, thread, FIRST_THREAD + thread)[choice]
        return tuple(event for before, effect in trail for event in self.follow(before, thread, effect)[1])

    def made(self, row: Row, thread: int, choice: int) -> tuple[tuple[str, object], ...]:
        """The operations of a transition, each with its result."""
        _, _, trail = self._go(row, thread, FIRST_THREAD + thread)[choice]
        place = FIRST_THREAD + thread
        return tuple((str(self.locals[before[place]].operation), effect.result) for before, effect in trail)

    def steps(self, row: Row, thread: int, choice: int) -> Iterator[tuple[int, Step]]:
        """Each operation of a transition, with the local state that made it."""
        _, _, trail = self._go(row, thread, FIRST_THREAD + thread)[choice]
        for before, effect in trail:
            local = before[FIRST_THREAD + thread]
            operation = self.locals[local].operation
            assert operation is not None
            touched = self.touched(local)
            old = tuple(self.columns[column].values[before[column]] for column in touched)
            numbers = dict(effect.columns)
            new = tuple(self.columns[column].values[numbers[column]] for column in touched)
            yield local, Step(self.world.threads[thread].name, operation, effect.result, old, new, effect.notes)

    # rest --------------------------------------------------------------------------------------------------------

    def rest(self, row: Row) -> tuple[int, tuple[Finding, ...], tuple[Event, ...]]:
        """The judge's number, the findings and what was seen, at rest in a row without successors."""
        seen = self.at_rest(row)
        judged, findings = self._judge(row[JUDGE], self.events.number(seen))
        return judged, findings, seen

    def at_rest(self, row: Row) -> tuple[Event, ...]:
        """What is seen of rest in a row without successors."""
        waiting = [
            (thread, self.locals[local])
            for thread, local in zip(self.world.threads, row[FIRST_THREAD:], strict=True)
            if self.locals[local].operation is not None and not thread.daemon
        ]
        blocked = tuple(thread.name for thread, _ in waiting)
        unseen = tuple(thread for thread, local in waiting if not local.begun)
        return self.world.rest(self.values(row), blocked, unseen)

    # one step ----------------------------------------------------------------------------------------------------

    def _go(self, row: Row, thread: int, place: int) -> list[_Way]:
        """All ways in which ``thread`` gets from its operation to its next scheduling point."""
        done: list[_Way] = []
        open_: list[_Way] = [(row, (), ())]
        while open_:
            before, findings, trail = open_.pop()
            ways: list[_Way] = []
            for effect in self.effects(before, thread):
                after, found = self.apply(before, thread, effect)
                way = (after, findings + found, (*trail, (before, effect)))
                local = self.locals[effect.local]
                (done if self.ends(effect.local, local, len(way[2])) else ways).append(way)
            open_ += reversed(ways)
        return done

    def ends(self, number: int, local: LocalState, made: int) -> bool:
        """Whether a step of ``made`` accesses ends at a local state."""
        if local.point or local.operation is None:
            return True
        return self.world.pauses(made, lambda: self.locals.told(number))

    def touched(self, local: int) -> tuple[int, ...]:
        """The columns that the operation of a local state touches."""
        touched = self._touched.get(local)
        if touched is None:
            operation = self.locals[local].operation
            names = () if operation is None else objects.columns(operation)
            touched = self._touched[local] = tuple(_INDEX[name] for name in names)
        return touched

    def effects(self, row: Row, thread: int) -> tuple[Effect, ...]:
        """What the operation that ``thread`` stands before can do in ``row``: nothing, if it is blocked."""
        local = row[FIRST_THREAD + thread]
        touched = self.touched(local)
        key = (local, *[row[column] for column in touched])
        effects = self._effects.get(key)
        if effects is None:
            effects = self._effects[key] = self._work_out(row, thread, local, touched)
        return effects

    def follow(self, row: Row, thread: int, effect: Effect) -> tuple[Row, tuple[Event, ...]]:
        """The row after an effect, the judge's number left as it is, and what is seen of it."""
        place = FIRST_THREAD + thread
        numbers = list(row)
        for column, number in effect.columns:
            numbers[column] = number
        numbers[place] = effect.local
        states = self.locals.states
        if states[row[place]].begun and states[effect.local].operation is not None:
            seen: tuple[Event, ...] = self.events.values[effect.events]
        else:
            seen = self._seen(row, thread, row[place], effect)
        return tuple(numbers), seen

    def _work_out(self, row: Row, thread: int, local: int, touched: tuple[int, ...]) -> tuple[Effect, ...]:
        state = self.locals.states[local]
        operation = state.operation
        if operation is None:
            return ()
        key = (state.deed, *[row[column] for column in touched])
        outcomes = self._outcomes.get(key)
        if outcomes is None:
            before = self.locals.moved
            outcomes = self._applied(row, thread, local, operation, touched)
            if self.locals.moved == before:  # else a result is to be another object for everybody who gets one
                self._outcomes[key] = outcomes
        effects = []
        for each in outcomes:
            after, notes = self.locals.advance(local, each.result, each.key)
            if notes not in each.seen:
                step = Step(self.world.threads[thread].name, operation, each.result, each.before, each.after, notes)
                self.world.check_thread_locality(step)
                each.seen[notes] = self.events.number(self.world.seen(step))
            effects.append(Effect(each.columns, after, each.result, notes, each.seen[notes]))
        return tuple(effects)

    def _applied(
        self, row: Row, thread: int, local: int, operation: Operation, touched: tuple[int, ...]
    ) -> tuple[_Outcome, ...]:
        """Every outcome of an operation of a thread."""
        name = self.world.threads[thread].name
        before = tuple(self.columns[column].values[row[column]] for column in touched)
        if operation.object.startswith(OWN):
            self.owned.append((operation, before, name))
        try:
            outcomes = objects.apply(operation, before, name)
        except NotHeld as error:
            raise AgentFault(f"{self.locals[local].place}: {error}") from None
        found = []
        for result, after in outcomes:
            numbers = zip(touched, after, strict=True)
            changed = tuple((column, self.columns[column].number(value)) for column, value in numbers)
            found.append(_Outcome(result, self.locals.told_apart_by(result), before, after, changed, {}))
        return tuple(found)

    def apply(self, row: Row, thread: int, effect: Effect) -> tuple[Row, tuple[Finding, ...]]:
        """The row after an effect, judged, and what it violated."""
        after, seen = self.follow(row, thread, effect)
        judged, findings = self._judge(row[JUDGE], self.events.number(seen))
        return (*after[:JUDGE], judged, *after[FIRST_THREAD:]), findings

    def _seen(self, row: Row, thread: int, local: int, effect: Effect) -> tuple[Event, ...]:
        """What is seen of an effect, the thread's begin and end included."""
        seen: tuple[Event, ...] = self.events.values[effect.events]
        which = self.world.threads[thread]
        operation = self.locals[local].operation
        after = self.locals[effect.local]
        if not self.locals[local].begun and operation is not None and begins_with(operation, effect.result):
            seen = (*self.world.begun(which, self.values(row)), *seen)
        if after.operation is None:
            changed = list(row)
            for column, number in effect.columns:
                changed[column] = number
            seen = (*seen, *self.world.ended(which, after.word, self.values(tuple(changed))))
        return seen

    def _judge(self, judged: int, events: int) -> tuple[int, tuple[Finding, ...]]:
        key = (judged, events)
        known = self._judgements.get(key)
        if known is None:
            state, findings = self.judge.step(self.judged.values[judged], self.events.values[events])
            known = self._judgements[key] = (self.judged.number(state), findings)
        return known
