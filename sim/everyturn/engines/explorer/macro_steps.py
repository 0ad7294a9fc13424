"""Macro steps: what a thread does from one scheduling point to its next, as tables.

A macro step depends on the thread's local state and on the shared columns that its operations touch, and on nothing
else; which columns these are is learnt when a macro step is made for the first time. So one look-up stands for all rows
that agree in those columns: the first time, the real coroutine is resumed; ever after, a table is read.

Each local state has a *mask* of the columns that macro steps from it were seen to touch. A row, masked, is the key of
its macro step. When a new macro step touches more columns, the mask grows; a macro step that was entered under the
smaller mask is then found only by rows that have 0 in the new columns, for which it holds as well, because it did not
look at them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, Row, Transitions
from everyturn.engines.explorer import kernels
from everyturn.engines.explorer.growing import Extended
from everyturn.engines.explorer.macro_outcomes import MacroOutcome, MacroOutcomes
from everyturn.engines.explorer.numbering import KeyNumbers, Numbering, Words, distinct
from everyturn.engines.explorer.packing import Layout
from everyturn.world import objects, overrun
from everyturn.world.observer import SHARED_DATA
from everyturn_model.events import Event

_SHARED_COLUMNS: Final = range(JUDGE)
_SHARED: frozenset[int] = frozenset(objects.COLUMNS.index(name) for name in SHARED_DATA)


_Open = tuple[Row, tuple[Event, ...], tuple[tuple[int, int], ...], int]
"""A way that has not come to its end yet: the row, what was seen, the choices, how many accesses were made."""


LearningJournal = list[tuple[int, ...]]
"""What gave numbers to values, in order: a kind, and as many numbers as a row has that say what was done."""
REST: Final = -1
"""The kind of a rest that was judged; that of a macro step that was made is its thread."""

PATIENCE: Final = 5.0
"""Seconds that macro steps may go on to be made when time is up: a chunk that can be finished soon is not left half
done."""


class MacroStep(NamedTuple):
    """All ways from one local state, for rows that agree in the columns that were read."""

    local: int
    read: tuple[tuple[int, int], ...]
    ways: tuple[MacroOutcome, ...]


class FoundSteps(NamedTuple):
    """The macro steps of a chunk of rows, not made yet: for each thread the places of the rows that they start from,
    and the numbers of their ways; and the places of rows that have none."""

    sources: list[KeyNumbers]
    ways: list[KeyNumbers]
    rests: KeyNumbers


class Expansion(NamedTuple):
    """The successors of a chunk of rows, the judge's column not yet advanced: parallel arrays.

    ``source``: the place of the row that each comes from, within the chunk; ``move``: number of (thread, choice);
    ``events``: number of what was seen; ``way``: the way's number among those of its thread; ``rests``: the places of
    rows that have no successor.
    """

    words: Words
    source: KeyNumbers
    move: KeyNumbers
    events: KeyNumbers
    way: KeyNumbers
    rests: KeyNumbers


class MacroSteps:
    """The macro steps of one world, by thread, filled as they are needed.

    ``journal``: every macro step that was made, as (thread, row), and every rest that was judged, as (:data:`REST`,
    row), in order; made again in this order, all values get the same numbers. Whoever else gives numbers notes that
    there, under a kind of its own, and does it again when ``redoing`` tells it to.
    """

    def __init__(self, transitions: Transitions) -> None:
        self.transitions = transitions
        self.events = Interned()
        self.events.number(())
        self.moves = Interned()
        self.journal: LearningJournal = []
        self.redoing: dict[int, Callable[[list[int]], object]] = {}
        threads = range(len(transitions.world.threads))
        self.tables = [_Table(thread, self) for thread in threads]

    def largest(self) -> list[int]:
        """The largest number that each column of a row can have so far, the judge's left 0."""
        transitions = self.transitions
        shared = [len(column.values) - 1 for column in transitions.columns]
        return [*shared, 0, *(len(table.locals.values) - 1 for table in self.tables)]

    def row(self, row: Row) -> Row:
        """A row of :class:`Transitions` with each thread's own numbers for its local states."""
        return (*row[:FIRST_THREAD], *(table.number(row[FIRST_THREAD + table.thread]) for table in self.tables))

    def global_row(self, row: Iterable[int]) -> Row:
        """The reverse of :meth:`row`."""
        numbers = tuple(row)
        own = numbers[FIRST_THREAD:]
        return (
            *numbers[:FIRST_THREAD],
            *(table.locals.values[number] for table, number in zip(self.tables, own, strict=True)),
        )

    def lay_out(self, layout: Layout) -> None:
        """Pack all tables anew."""
        for table in self.tables:
            table.lay_out(layout)

    @property
    def ways(self) -> list[MacroOutcomes]:
        """What each way of each thread does."""
        return [table.ways for table in self.tables]

    def find(self, words: Words) -> FoundSteps:
        """The macro steps of rows. What is made for the first time may lead to numbers that have no room in the
        layout."""
        resting = np.ones(len(words), np.bool_)
        sources, ways = [], []
        for table in self.tables:
            source, way = table.find(words)
            sources.append(source)
            ways.append(way)
            resting[source] = False
        return FoundSteps(sources, ways, np.flatnonzero(resting))


def applied(words: Words, ways: Sequence[MacroOutcomes], found: FoundSteps) -> Expansion:
    """The successors of rows: ``ways``, in the layout of the rows, say what each way does."""
    parts = list(zip(ways, found.sources, found.ways, strict=True))
    return Expansion(
        np.concatenate([each.applied(words, source, way) for each, source, way in parts]),
        np.concatenate(found.sources),
        np.concatenate([each.move.take(way) for each, _, way in parts]),
        np.concatenate([each.events.take(way) for each, _, way in parts]),
        np.concatenate(found.ways),
        found.rests,
    )


class _Table:
    """The macro steps of one thread."""

    def __init__(self, thread: int, macro_steps: MacroSteps) -> None:
        self.thread = thread
        self.place = FIRST_THREAD + thread
        self.macro_steps = macro_steps
        self.locals = Interned()
        self.ways = MacroOutcomes(thread)
        self._known: list[MacroStep] = []
        self._read: list[set[int]] = []
        self._sorted: dict[int, tuple[int, ...]] = {}
        self._wider: set[int] = set()
        self._layout: Layout | None = None
        self._packed = self._numbered = 0
        self._masks = Extended(np.zeros((0, 1), np.uint64))
        self._live = Extended(np.zeros(0, np.bool_))
        self._waits = Extended(np.zeros(0, np.int64))
        self._index = Numbering(1)
        self._first = Extended(np.zeros(0, np.int64))
        self._often = Extended(np.zeros(0, np.int64))

    @property
    def live(self) -> NDArray[np.bool_]:
        """For each local state, as far as it is packed: whether the thread has something left to do."""
        return self._live.array

    @property
    def waits(self) -> KeyNumbers:
        """Likewise: 0 if it has not, 1 if its work was seen to begin, 2 if not."""
        return self._waits.array

    def number(self, local: int) -> int:
        """This thread's own number for a local state."""
        number = self.locals.number(local)
        if number == len(self._read):
            self._read.append(set())
        return number

    def choices(self, ways: KeyNumbers) -> list[tuple[tuple[int, int], ...]]:
        """The choices of ways by number."""
        made = self.ways.made
        return [made[way][0].choices for way in ways.tolist()]

    # learning ----------------------------------------------------------------------------------------------------

    def _make(self, words: Words) -> None:
        """Make the macro steps of these rows."""
        assert self._layout is not None
        known: set[tuple[int, ...]] = set()
        for row in self._layout.unpack(words).tolist():
            local = row[self.place]
            read = self._columns(local)
            key = (local, *read, *[row[column] for column in read])
            if key not in known:
                overrun.check(PATIENCE)
                known.add(key)
                self.learn(row)

    def learn(self, row: list[int]) -> None:
        """Make the macro step of this thread from one row."""
        self.macro_steps.journal.append((self.thread, *row))
        local = row[self.place]
        read, ways = make(self.macro_steps, self.macro_steps.global_row(row), self.thread)
        if not read <= self._read[local]:
            self._read[local] |= read
            self._sorted.pop(local, None)
            self._wider.add(local)
        values = tuple([(column, row[column]) for column in self._columns(local)])
        numbered = tuple([MacroOutcome(way[0], self.number(way[1]), *way[2:]) for way in ways])
        self._known.append(MacroStep(local, values, numbered))
        move = self.macro_steps.moves.number
        self.ways.made += [(way, move((self.thread, choice))) for choice, way in enumerate(numbered)]

    def _columns(self, local: int) -> tuple[int, ...]:
        """The columns that macro steps from a local state were seen to touch, in their order."""
        known = self._sorted.get(local)
        if known is None:
            known = self._sorted[local] = tuple(sorted(self._read[local]))
        return known

    # packing -----------------------------------------------------------------------------------------------------

    def lay_out(self, layout: Layout) -> None:
        """Pack everything anew, or, if the layout is the same, what was learnt since."""
        if self._layout is None or self._layout.bits != layout.bits:
            self._layout = layout
            self._packed = self._numbered = 0
            self._index = Numbering(layout.width)
            self._masks = Extended(np.zeros((0, layout.width), np.uint64))
            self._first, self._often = (Extended(np.zeros(0, np.int64)) for _ in range(2))
        self._pack_masks(layout)
        fresh = self._known[self._packed :]
        self._packed = len(self._known)
        if fresh:
            self._pack_keys(layout, fresh)

    def _pack_masks(self, layout: Layout) -> None:
        """The masks of all local states; only of those that are new or wider, if the layout is the same."""
        before, count = len(self._masks), len(self._read)
        if before == count and not self._wider:
            return
        changed = [*(local for local in self._wider if local < before), *range(before, count)]
        self._wider.clear()
        self._masks.extend(np.zeros((count - before, layout.width), np.uint64))
        masks = self._masks.array
        for local in changed:
            for column in (*self._read[local], self.place):
                word, bits = layout.field(column)
                masks[local, word] |= bits
        states = self.macro_steps.transitions.locals
        fresh = np.array([states[local].waits for local in self.locals.values[len(self._waits) :]], np.int64)
        self._waits.extend(fresh)
        self._live.extend(fresh > 0)

    def _pack_keys(self, layout: Layout, fresh: list[MacroStep]) -> None:
        """The keys of macro steps, and the numbers of their ways."""
        keys = np.zeros((len(fresh), len(layout.bits)), np.int64)
        keys[:, self.place] = [macro_step.local for macro_step in fresh]
        read = [(place, *each) for place, macro_step in enumerate(fresh) for each in macro_step.read]
        if read:
            places, columns, values = np.array(read, np.int64).T
            keys[places, columns] = values
        numbers = self._index.add(layout.pack(keys))
        often = np.array([len(macro_step.ways) for macro_step in fresh], np.int64)
        first = self._numbered + np.cumsum(often) - often
        self._numbered += int(often.sum())
        self._enter(numbers, first, often)

    def _enter(self, numbers: KeyNumbers, first: KeyNumbers, often: KeyNumbers) -> None:
        grown = np.zeros(len(self._index) - len(self._first), np.int64)
        for all_, new in ((self._first, first), (self._often, often)):
            all_.extend(grown)
            all_.array[numbers] = new

    # finding -----------------------------------------------------------------------------------------------------

    def find(self, words: Words) -> tuple[KeyNumbers, KeyNumbers]:
        """The macro steps of this thread from rows: the row's place, and the way's number."""
        loops = kernels.compiled()
        if loops is not None:
            return self._find_compiled(loops, words)
        layout = self._layout
        assert layout is not None
        locals_ = layout.get(words, self.place)
        live = np.flatnonzero(self.live.take(locals_))
        locals_ = locals_.take(live)
        keys = self._masks.array.take(locals_, axis=0)
        keys &= words.take(live, axis=0)
        found = self._index.find(keys)
        missing = np.flatnonzero(found < 0)
        while missing.size:
            self._make(words[live[missing[distinct(keys[missing])]]])
            self.lay_out(layout)
            keys[missing] = self._masks.array.take(locals_[missing], axis=0) & words[live[missing]]
            found[missing] = self._index.find(keys[missing])
            missing = missing[found[missing] < 0]
        often = self._often.array.take(found)
        moving = np.flatnonzero(often)
        source, way = live.take(moving), self._first.array.take(found.take(moving))
        often = often.take(moving)
        if often.size and int(often.max()) > 1:
            source, way = np.repeat(source, often), np.repeat(way, often)
            way += np.arange(len(way)) - np.repeat(np.cumsum(often) - often, often)
        return source, way

    def _find_compiled(self, loops: Any, words: Words) -> tuple[KeyNumbers, KeyNumbers]:
        """As :meth:`find`, by compiled loops; what is missing is made in the same order."""
        words = np.require(words, np.uint64, ["C", "W"])
        found = np.empty(len(words), np.int64)
        places = np.arange(len(words))
        while True:
            layout = self._layout
            assert layout is not None
            word, shift, mask = int(layout.word[self.place]), layout.shift[self.place], layout.mask[self.place]
            known = self.live, self._masks.array, *self._index.table
            if not loops.find_macro_steps(words, word, shift, mask, *known, places, found):
                break
            places = places[found[places] == -1]
            missing = words[places]
            keys = self._masks.array.take(layout.get(missing, self.place), axis=0) & missing
            self._make(missing[distinct(keys)])
            self.lay_out(layout)
        first, often = self._first.array, self._often.array
        source = np.empty(loops.count_ways(found, often), np.int64)
        way = np.empty(len(source), np.int64)
        loops.list_ways(found, first, often, source, way)
        return source, way


def make(macro_steps: MacroSteps, row: Row, thread: int) -> tuple[set[int], list[MacroOutcome]]:
    """Every way of ``thread`` from its scheduling point in ``row`` to its next one, and the columns that it looked
    at."""
    transitions = macro_steps.transitions
    states, place = transitions.locals.states, FIRST_THREAD + thread
    watches = transitions.world.watches_shared_data(transitions.world.threads[thread])
    read: set[int] = set()
    ways: list[MacroOutcome] = []
    open_: list[_Open] = [(row, (), (), 1)]
    while open_:
        before, seen, chosen, made = open_.pop()
        read.update(transitions.touched(before[place]))
        branches: list[_Open] = []
        effects = transitions.effects(before, thread)
        for choice, effect in enumerate(effects):
            choices = (*chosen, (len(effects), choice)) if len(effects) > 1 else chosen
            after, more = transitions.follow(before, thread, effect)
            local = states[effect.local]
            if watches and (not states[before[place]].begun or local.operation is None):
                read |= _SHARED
            all_seen = (*seen, *more) if seen else more
            if transitions.ends(effect.local, local, made):
                changed = tuple([(column, after[column]) for column in _SHARED_COLUMNS if after[column] != row[column]])
                ways.append(MacroOutcome(changed, effect.local, macro_steps.events.number(all_seen), choices))
            else:
                branches.append((after, all_seen, choices, made + 1))
        open_ += reversed(branches)
    return read, ways
