"""What a session's threads do, by what each has been told so far: worked out once, and looked up from then on.

A thread's code is deterministic: what it does next depends only on the results that it has got. So a thread of the same
name that has got the same results stands at the same :class:`ThreadPlace`, and the same operation with the same values
of its columns has the same :class:`WayOn`. Where a way was never gone before, the thread's coroutine is resumed; if
there is none because all so far was known, it is begun anew and told the same results again.

This holds for the project's own revisions, which are tested for it. Where it is not known of an agent, nothing is kept,
and every step of every thread is a step of its coroutine.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from operator import itemgetter
from types import CoroutineType
from typing import Any, Final, NamedTuple

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.local_states import LiveCoroutine
from everyturn.engines.coroutines.snapshot import Identities
from everyturn.errors import AgentFault
from everyturn.studies.surroundings import KIND, Passes
from everyturn.world import objects
from everyturn.world.encoding import encoder
from everyturn.world.observer import Step, is_read
from everyturn.world.operations import CALLS, Note, Operation
from everyturn.world.world import Thread, World, begins_with
from everyturn_model.events import Event

INDEX: Final = {name: index for index, name in enumerate(objects.COLUMNS)}
BUDGET: Final = INDEX["budget"]
MOST_PLACES: Final = 10_000
"""So many places are kept of one agent, some 15 MB."""

DEEPEST: Final = 30
"""Where so many frames of a thread wait for each other, nothing is kept."""


@dataclass(slots=True, eq=False)
class HeldValue:
    """A value of a column. Equal values of a column are one object, as long as there is room for them."""

    value: Any


HeldRow = list[HeldValue]
"""What each column holds."""


@dataclass(slots=True, eq=False)
class WayOn:
    """One outcome of a place's operation.

    ``changes``: the columns that it writes. ``begun``: an onlooker has seen the thread's work begin, by then.
    ``after``: where the thread gets to, if that is known; then ``seen`` is, too: the events of the step, without those
    of the thread's begin and end if they depend on all columns. ``edge``: its work is seen to begin, or it ends.
    """

    place: ThreadPlace
    result: Any
    changes: tuple[tuple[int, HeldValue], ...]
    before: objects.Values
    values: objects.Values
    begun: bool
    after: ThreadPlace | None = None
    seen: tuple[Event, ...] = ()
    edge: bool = False


@dataclass(slots=True, eq=False)
class ThreadPlace:
    """One thread after one history: it waits to make ``operation``, or has ended with ``word``.

    ``notes``: the journal until now, of a thread whose work was not seen to begin. ``key`` takes from a row what
    decides the ``ways``. ``kept``: it is found again by those who come the same way; ``by``: the way that led here
    first.
    """

    operation: Operation | None
    word: str
    begun: bool
    notes: tuple[Note, ...]
    passes: Passes = Passes.NONE
    columns: tuple[int, ...] = ()
    key: Callable[[HeldRow], Any] = tuple
    kept: bool = False
    by: WayOn | None = None
    ways: dict[Any, tuple[WayOn, ...]] = field(default_factory=dict)


class TimedHistories:
    """The places of one world's threads. ``keeps``: they are kept, up to ``most``; ``only``: events of these kinds are
    seen, not all."""

    def __init__(
        self, world: World, *, keeps: bool = False, only: tuple[type, ...] | None = None, most: int = MOST_PLACES
    ) -> None:
        self.world = world
        self.keeps = keeps
        self.only = only
        self.most = most
        self._kinds: dict[tuple[str, str], _OperationKind] = {}
        self.forget()

    def forget(self) -> None:
        """Forget all places."""
        self._columns = [Interned() for _ in objects.COLUMNS]
        self._held: list[HeldRow] = [[] for _ in self._columns]
        self._roots: dict[tuple[str, str], ThreadPlace] = {}
        self._places: dict[Hashable, ThreadPlace] = {}
        self._identities = Identities(encoder(self.world.known))
        values = [KIND if index == BUDGET else value for index, value in enumerate(self.world.initial)]
        self.first: HeldRow = [self.hold(column, value) for column, value in enumerate(values)]

    @property
    def full(self) -> bool:
        """Whether nothing more is kept."""
        return not self.keeps or len(self._places) >= self.most

    def hold(self, column: int, value: Any) -> HeldValue:
        """What holds ``value`` in a column."""
        if not self.keeps:
            return HeldValue(value)
        held, known = self._held[column], self._columns[column]
        number = known.find(value) if self.full else known.number(value)
        if number is None:
            return HeldValue(value)
        if number == len(held):
            held.append(HeldValue(value))
        return held[number]

    def ways(self, place: ThreadPlace, row: HeldRow, thread: Thread) -> tuple[WayOn, ...]:
        """Every outcome of the place's operation, given what the columns hold; none: it is blocked."""
        assert place.operation is not None
        before = tuple([row[column].value for column in place.columns])
        outcomes = objects.apply(place.operation, before, thread.name)
        ways = tuple([self._way(place, before, result, after) for result, after in outcomes])
        if place.kept and not self.full:
            place.ways[place.key(row)] = ways
        return ways

    def root(self, thread: Thread) -> ThreadPlace | None:
        """The place at which the thread begins, if it is known."""
        return self._roots.get((thread.name, thread.kind))

    def arrive(
        self, thread: Thread, way: WayOn | None, operation: Operation | None, word: str, coroutine: LiveCoroutine
    ) -> ThreadPlace:
        """The place where the thread got to by a way, or at its begin; what is seen of the way is complete now."""
        notes = tuple(self.world.gate.notes)
        begun = way is not None and way.begun
        if way is not None:
            notes = (*way.place.notes, *notes)
            self._see(thread, way, word, notes, ended=operation is None)
        place = self._place(way, operation, word, () if begun else notes)
        if self.full or (way is not None and not way.place.kept) or self._is_deep(coroutine):
            return place
        place.by, place.kept = way, True
        place = self._places.setdefault(self._key(thread, place, coroutine), place)
        if way is None:
            self._roots[thread.name, thread.kind] = place
        else:
            way.after = place
        return place

    def framed(self, thread: Thread, way: WayOn, word: str | None, row: HeldRow, after: HeldRow) -> tuple[Event, ...]:
        """What is seen of a way of a thread whose begin and end depend on all columns; ``word``: it ends with that."""
        opening = self.world.begun(thread, _values(row)) if way.begun and not way.place.begun else ()
        closing = () if word is None else self.world.ended(thread, word, _values(after))
        return self._of_interest((*opening, *way.seen, *closing))

    def _is_deep(self, coroutine: LiveCoroutine) -> bool:
        """Whether so many frames wait for each other that hardly any other history has the same: of a chain of turns
        each of which runs within the one before."""
        waits: Any = coroutine
        for _ in range(DEEPEST):
            waits = waits.cr_await
            if not isinstance(waits, CoroutineType):
                return False
        return True

    # filling -----------------------------------------------------------------------------------------------------

    def _key(self, thread: Thread, place: ThreadPlace, coroutine: LiveCoroutine) -> Hashable:
        """What two histories have in common after which a thread does the same."""
        operation = place.operation
        if operation is None:
            return thread.name, thread.kind, place.word, place.begun
        made = (operation.object, operation.method, self._identities.arguments(coroutine, operation))
        stands = self._identities.of(coroutine)
        return thread.name, thread.kind, made, stands, place.begun, place.passes, place.notes

    def _way(self, place: ThreadPlace, before: objects.Values, result: Any, after: objects.Values) -> WayOn:
        assert place.operation is not None
        changes = () if after is before else zip(place.columns, before, after, strict=True)
        return WayOn(
            place,
            result,
            tuple([(each, self.hold(each, new)) for each, old, new in changes if new is not old and each != BUDGET]),
            before,
            after,
            begun=place.begun or begins_with(place.operation, result),
        )

    def _place(self, way: WayOn | None, operation: Operation | None, word: str, notes: tuple[Note, ...]) -> ThreadPlace:
        begun = way is not None and way.begun
        if operation is None:
            return ThreadPlace(None, word, begun, notes)
        kind = self._kind(operation)
        before = None if way is None else way.place.operation
        alike = kind.point and begun and (before is None or before.object != CALLS)
        stops = alike or self.world.stops(operation, begun=begun, before=before)
        return ThreadPlace(operation, word, begun, notes, kind.passes if stops else Passes.NONE, kind.columns, kind.key)

    def _kind(self, operation: Operation) -> _OperationKind:
        """What is known of an operation whatever its arguments."""
        name = operation[:2]
        kind = self._kinds.get(name)
        if kind is None:
            touched = tuple([INDEX[name] for name in objects.columns(operation)])
            kind = self._kinds[name] = _OperationKind(
                touched,
                itemgetter(*touched) if touched else _nothing,
                _passes(operation),
                point=self.world.granularity == "access" and objects.declared(operation).noticed is None,
                shown=is_read(operation) or self.world.scope.cancels > 0,
            )
        return kind

    def _see(self, thread: Thread, way: WayOn, word: str, notes: tuple[Note, ...], *, ended: bool) -> None:
        place = way.place
        assert place.operation is not None
        opens = way.begun and not place.begun
        way.edge = opens or ended
        if not (way.edge or notes or self._kind(place.operation).shown) or not (way.begun or ended):
            return
        seen = self.world.seen(Step(thread.name, place.operation, way.result, way.before, way.values, notes))
        if not self.world.watches_shared_data(thread):
            opening = self.world.begun(thread, ()) if opens else ()
            closing = self.world.ended(thread, word, ()) if ended else ()
            seen = (*opening, *seen, *closing)
        way.seen = self._of_interest(seen)

    def _of_interest(self, seen: tuple[Event, ...]) -> tuple[Event, ...]:
        return seen if self.only is None else tuple([each for each in seen if isinstance(each, self.only)])


class _OperationKind(NamedTuple):
    """``point``: it always is a scheduling point; ``shown``: something may be seen of it itself."""

    columns: tuple[int, ...]
    key: Callable[[HeldRow], Any]
    passes: Passes
    point: bool
    shown: bool


class ThreadRun:
    """One thread on its way: its coroutine, if it is resumed."""

    __slots__ = ("coroutine", "histories", "thread")

    def __init__(self, histories: TimedHistories, thread: Thread) -> None:
        self.histories = histories
        self.thread = thread
        self.coroutine: LiveCoroutine | None = None

    def begin(self) -> ThreadPlace:
        """The thread's first place."""
        place = self.histories.root(self.thread)
        if place is None:
            self.coroutine = self.histories.world.body(self.thread)
            operation, word = self._resumed(self.coroutine, None, begun=False)
            place = self.histories.arrive(self.thread, None, operation, word, self.coroutine)
        return place

    def go_on(self, way: WayOn) -> ThreadPlace:
        """Where the coroutine gets to by a way. One that was resumed once is resumed until the thread ends."""
        if self.coroutine is None:
            self.coroutine = self._told(way.place)
        operation, word = self._resumed(self.coroutine, way.result, begun=way.begun)
        return way.after or self.histories.arrive(self.thread, way, operation, word, self.coroutine)

    def _told(self, place: ThreadPlace) -> LiveCoroutine:
        """A coroutine that waits at a place."""
        ways: list[WayOn] = []
        while place.by is not None:
            ways.append(place.by)
            place = place.by.place
        coroutine = self.histories.world.body(self.thread)
        self._resumed(coroutine, None, begun=False)
        for way in reversed(ways):
            self._resumed(coroutine, way.result, begun=way.begun)
        return coroutine

    def _resumed(self, coroutine: LiveCoroutine, result: Any, *, begun: bool) -> tuple[Operation | None, str]:
        """The next operation, or none and the word with which the thread ends. That the stack is too small for a chain
        of turns is no fault of the agent's."""
        world = self.histories.world
        world.gate.notes.clear()
        try:
            return world.resume(coroutine, result, begun=begun), ""
        except StopIteration as end:
            return None, end.value
        except AgentFault as error:
            if isinstance(error.__cause__, RecursionError):
                raise error.__cause__ from None
            raise


def _nothing(row: HeldRow) -> None:
    """The key of an operation that touches no column."""


def _values(row: HeldRow) -> objects.Values:
    return tuple([held.value for held in row])


def _passes(operation: Operation) -> Passes:
    if operation.object in ("model", "broker"):
        return Passes.OUTSIDE
    if operation.object == "store":
        return Passes.STORE
    return Passes.ENTRY if str(operation) in ("threads.start", "calls.accepted") else Passes.ACCESS
