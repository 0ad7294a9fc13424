"""Histories: what each thread of a world has been told so far, as a tree, and what its next operation then does.

A thread's code is deterministic: what it does next depends only on the results that it has got. So everything that
follows from a history and from the values of the columns which its operation touches (results, new values, what is seen
of it) is worked out once and kept for all runs of a world. So is where a thread of the project's own revisions gets to;
the coroutines of any other agent are resumed in every run, and that each does the same as the last time in the same
place is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final

from everyturn.engines.coroutines.agent_memory import AgentMemory
from everyturn.engines.coroutines.interned import Interned, columns
from everyturn.runs.outcomes import label
from everyturn.world import objects
from everyturn.world.access import NOWHERE, Footprint
from everyturn.world.encoding import encoder
from everyturn.world.footprints import Locations
from everyturn.world.observer import Step
from everyturn.world.operations import Note, Operation
from everyturn.world.world import World, begins_with
from everyturn_model.events import Event

ColumnNumbers = list[int]
"""The number of each column's value."""

_INDEX: Final = {name: index for index, name in enumerate(objects.COLUMNS)}
CHECKED: Final = 10_000
"""After so many steps that were new, none is looked at for what it leaves behind."""
MAX_NODES: Final = 200_000
"""When the tree has grown to this size, it is begun anew, so that long campaigns stay small."""


def _no_key(row: ColumnNumbers) -> None:
    """Of an operation that touches no column."""


@dataclass(slots=True, eq=False)
class HistoryNode:
    """One thread after one history: it waits to make ``operation``, or has ended with ``word``.

    ``begun``: an onlooker has seen its work begin; ``notes``: the journal until then. ``waits``: whether it can be
    blocked. ``opens``: what is seen of its begin, if that is now, depends on all columns. ``made``: the accesses of its
    step so far. ``key`` takes from all columns' numbers those that decide the ``effects``.
    """

    thread: int
    name: str
    operation: Operation | None
    word: str
    begun: bool
    point: bool
    waits: bool
    opens: bool
    notes: tuple[Note, ...] = ()
    made: int = 0
    footprint: Footprint = NOWHERE
    touched: tuple[int, ...] = ()
    key: Callable[[ColumnNumbers], Any] = _no_key
    effects: dict[Any, tuple[OperationOutcome, ...]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class OperationOutcome:
    """One outcome of a node's operation: its result, the columns' new numbers, where the thread gets to, what is seen.

    ``after`` is none until a coroutine was resumed with the result for the first time; then ``step`` and ``events`` (a
    number) are known. ``watched``: what is seen depends on all columns, and each run has to look. ``label``: what the
    outcome is called if there are several; ``first``: it is the first of them.
    """

    node: HistoryNode
    result: Any
    changes: tuple[tuple[int, int], ...]
    before: objects.Values
    values: objects.Values
    after: HistoryNode | None = None
    step: Step | None = None
    events: int = 0
    footprint: Footprint = NOWHERE
    watched: bool = False
    label: str = ""
    first: bool = False


class Histories:
    """The tree of one world. ``resumes``: what is known of it is checked in every run, by resuming the coroutines."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.resumes = not world.is_revision
        self.columns = columns()
        self.initial = [column.number(value) for column, value in zip(self.columns, world.initial, strict=True)]
        self.events = Interned()
        self.nothing = self.events.number(())
        self._locations = Locations(world)
        self.scope = str(world.scope)
        self.memory = AgentMemory(world.agent, encoder(world.known))
        self._rests: dict[tuple[Any, ...], tuple[Event, ...]] = {}
        self._joined: dict[tuple[int, ...], int] = {}
        self._watched: dict[tuple[Any, ...], int] = {}
        self._roots: dict[int, HistoryNode] = {}
        self._nodes = self._checked = 0

    def trim(self) -> None:
        """Forget all nodes if there are too many. Called between runs."""
        if self._nodes > MAX_NODES:
            self._roots.clear()
            self._watched.clear()
            self._nodes = 0

    def is_checked(self, thread: int, effect: OperationOutcome | None) -> bool:
        """Whether it is checked that what comes after ``effect`` changes nothing but local variables.

        It is where no run was before, as long as runs get to new places: the first :data:`CHECKED` times.
        """
        new = thread not in self._roots if effect is None else effect.after is None
        if new:
            self._checked += 1
        return new and self._checked <= CHECKED

    def known(self, thread: int, effect: OperationOutcome | None) -> HistoryNode | None:
        """Where the thread gets to by ``effect``, or at its begin, if a run was there before."""
        return self._roots.get(thread) if effect is None else effect.after

    def root(self, thread: int, operation: Operation | None, word: str, notes: Sequence[Note]) -> HistoryNode:
        """The thread at its first operation."""
        node = self._roots.get(thread)
        if node is None:
            node = self._roots[thread] = self._node(thread, operation, word, tuple(notes), begun=False, before=None)
        return node

    def begun(self, effect: OperationOutcome | None) -> bool:
        """Whether an onlooker has seen a thread's work begin, after this effect of its own."""
        if effect is None:
            return False
        assert effect.node.operation is not None
        return effect.node.begun or begins_with(effect.node.operation, effect.result)

    def effects(self, node: HistoryNode, row: ColumnNumbers) -> tuple[OperationOutcome, ...]:
        """Every outcome of the node's operation; none: it is blocked."""
        key = node.key(row)
        effects = node.effects.get(key)
        if effects is None:
            effects = node.effects[key] = self._work_out(node, row)
        return effects

    def arrive(
        self, effect: OperationOutcome, operation: Operation | None, word: str, notes: Sequence[Note]
    ) -> HistoryNode:
        """The node after an effect that was had for the first time: the thread goes on with ``operation``."""
        node = effect.node
        assert node.operation is not None
        begun = self.begun(effect)
        made = (*node.notes, *notes)
        told, kept = (made, ()) if begun else ((), made)
        often = 1 if node.point else node.made + 1
        after = self._node(node.thread, operation, word, kept, begun=begun, before=node.operation, made=often)
        step = Step(node.name, node.operation, effect.result, effect.before, effect.values, told)
        thread = self.world.threads[node.thread]
        edge = begun != node.begun or operation is None
        effect.watched = self.world.watches_shared_data(thread) and edge
        self.world.check_thread_locality(step)
        seen = self.world.seen(step)
        if not effect.watched:
            seen = self._framed(effect, after, seen, (), ())
        effect.events = self.events.number(seen)
        effect.footprint = node.footprint | self._locations.seen(thread, seen, edge=edge)
        effect.step = step
        effect.after = after
        return after

    def watch(self, effect: OperationOutcome, before: ColumnNumbers, after: ColumnNumbers) -> int:
        """The number of the events of a watched effect, between these values of all columns."""
        key = (effect, *before, *after)
        number = self._watched.get(key)
        if number is None:
            assert effect.after is not None
            seen: tuple[Event, ...] = self.events.values[effect.events]
            seen = self._framed(effect, effect.after, seen, self.values(before), self.values(after))
            number = self._watched[key] = self.events.number(seen)
        return number

    def rest(self, row: ColumnNumbers, waiting: Sequence[HistoryNode]) -> tuple[Event, ...]:
        """What is seen of rest, with these values of all columns, where these threads still wait."""
        still = [(self.world.threads[node.thread], node.begun) for node in waiting]
        still = [(thread, begun) for thread, begun in still if not thread.daemon]
        blocked = tuple(thread.name for thread, _ in still)
        unseen = tuple(thread for thread, begun in still if not begun)
        key = (blocked, tuple(thread.name for thread in unseen), *row)
        rest = self._rests.get(key)
        if rest is None:
            rest = self._rests[key] = self.world.rest(self.values(row), blocked, unseen)
        return rest

    def join(self, numbers: Sequence[int]) -> int:
        """The number of all these events, one after the other."""
        if len(numbers) == 1:
            return numbers[0]
        key = tuple(numbers)
        joined = self._joined.get(key)
        if joined is None:
            seen = tuple(event for number in numbers for event in self.events.values[number])
            joined = self._joined[key] = self.events.number(seen)
        return joined

    def values(self, row: ColumnNumbers) -> objects.Values:
        """The values of all columns."""
        return tuple(column.values[number] for column, number in zip(self.columns, row, strict=True))

    # filling the tree --------------------------------------------------------------------------------------------

    def _node(
        self,
        thread: int,
        operation: Operation | None,
        word: str,
        notes: tuple[Note, ...],
        *,
        begun: bool,
        before: Operation | None,
        made: int = 0,
    ) -> HistoryNode:
        self._nodes += 1
        which = self.world.threads[thread]
        if operation is None:
            return HistoryNode(thread, which.name, None, word, begun, point=True, waits=False, opens=False)
        touched = tuple(_INDEX[name] for name in objects.columns(operation))
        return HistoryNode(
            thread,
            which.name,
            operation,
            word,
            begun,
            point=self.world.stops(operation, begun=begun, before=before)
            or self.world.pauses(made, lambda: f"{which.name} at {operation}"),
            made=made,
            waits=objects.can_block(operation),
            opens=not begun and self.world.watches_shared_data(which),
            notes=notes,
            footprint=self._locations.of(operation),
            touched=touched,
            key=itemgetter(*touched) if touched else _no_key,
        )

    def _work_out(self, node: HistoryNode, row: ColumnNumbers) -> tuple[OperationOutcome, ...]:
        assert node.operation is not None
        before = tuple(self.columns[column].values[row[column]] for column in node.touched)
        effects = []
        for result, after in objects.apply(node.operation, before, node.name):
            numbers = [(column, self.columns[column].number(value)) for column, value in zip(node.touched, after)]
            changes = tuple((column, number) for column, number in numbers if number != row[column])
            effects.append(OperationOutcome(node, result, changes, before, after))
        if len(effects) > 1:
            for effect in effects:
                effect.label = label(effect.result)
            effects[0].first = True
        return tuple(effects)

    def _framed(
        self,
        effect: OperationOutcome,
        after: HistoryNode,
        seen: tuple[Event, ...],
        start: objects.Values,
        end: objects.Values,
    ) -> tuple[Event, ...]:
        """What is seen of a step, the thread's begin and end included."""
        which = self.world.threads[effect.node.thread]
        if after.begun and not effect.node.begun:
            seen = (*self.world.begun(which, start), *seen)
        if after.operation is None:
            seen = (*seen, *self.world.ended(which, after.word, end))
        return seen
