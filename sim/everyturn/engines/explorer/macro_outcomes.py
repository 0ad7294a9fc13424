"""What the ways of macro steps do (:mod:`everyturn.engines.explorer.macro_steps`), by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from everyturn.engines.coroutines.transitions import FIRST_THREAD
from everyturn.engines.explorer.growing import Extended
from everyturn.engines.explorer.numbering import KeyNumbers, Words
from everyturn.engines.explorer.packing import Layout


class MacroOutcome(NamedTuple):
    """One way that a macro step can go: the columns that it sets, the thread's next local state, the number of its
    events.

    ``choices``: for each operation on the way that has several outcomes, how many, and which one it had.
    """

    columns: tuple[tuple[int, int], ...]
    local: int
    events: int
    choices: tuple[tuple[int, int], ...]


class MacroOutcomes:
    """What the ways of one thread do, by number: as they were made, and packed."""

    def __init__(self, thread: int) -> None:
        self.place = FIRST_THREAD + thread
        self.made: list[tuple[MacroOutcome, int]] = []
        """Each way, and the number of its move."""
        self._move = Extended(np.zeros(0, np.int64))
        self._events = Extended(np.zeros(0, np.int64))
        self._layout: Layout | None = None
        self._clear = Extended(np.zeros((0, 1), np.uint64))
        self._set = Extended(np.zeros((0, 1), np.uint64))

    @property
    def move(self) -> KeyNumbers:
        """The number of each way's move."""
        return self._move.array

    @property
    def events(self) -> KeyNumbers:
        """The number of what is seen of each way."""
        return self._events.array

    def lay_out(self, layout: Layout) -> None:
        """Pack everything anew, or, if the layout is the same, what was made since."""
        if self._layout is None or self._layout.bits != layout.bits:
            self._layout = layout
            self._clear, self._set = (Extended(np.zeros((0, layout.width), np.uint64)) for _ in range(2))
        self.catch_up()
        fresh = self.made[len(self._set) :]
        if not fresh:
            return
        ways = [way for way, _ in fresh]
        changed = [(number, column, value) for number, way in enumerate(ways) for column, value in way.columns]
        changed += [(number, self.place, way.local) for number, way in enumerate(ways)]
        numbers, columns, values = np.array(changed, np.int64).T
        every = (1 << np.array(layout.bits, np.int64)) - 1
        after = np.zeros((2 * len(fresh), len(layout.bits)), np.int64)
        after[numbers, columns] = values
        after[len(fresh) + numbers, columns] = every[columns]
        packed = layout.pack(after)
        self._set.extend(packed[: len(fresh)])
        self._clear.extend(~packed[len(fresh) :])

    def catch_up(self) -> None:
        """Take up moves and events of what was made since."""
        if len(self.made) == len(self._move):
            return
        fresh = self.made[len(self._move) :]
        self._move.extend(np.array([move for _, move in fresh], np.int64))
        self._events.extend(np.array([way.events for way, _ in fresh], np.int64))

    @property
    def packed(self) -> tuple[Words, Words]:
        """For each way, packed: the bits of a row that stay, and those that are set."""
        return self._clear.array, self._set.array

    def applied(self, words: Words, source: KeyNumbers, way: KeyNumbers) -> Words:
        """The rows after these ways from these places."""
        after = words.take(source, axis=0)
        after &= self._clear.array.take(way, axis=0)
        after |= self._set.array.take(way, axis=0)
        return after


_SPARE: Final = 64
"""So many ways of a thread have room from the first on."""


class JoinedOutcomes:
    """What the ways of all threads do, as one table: compiled loops go through the ways of all threads at once.

    Each thread's ways are together, behind each other by number, with room for more of them.
    """

    def __init__(self, ways: Sequence[MacroOutcomes]) -> None:
        self._ways = ways
        self._bits: tuple[int, ...] = ()
        self._taken = [0] * len(ways)
        self.first = [0] * (len(ways) + 1)
        """Where the ways of each thread begin, and where the last one's room ends."""
        self.move = self.events = np.zeros(0, np.int64)
        self.clear: Words = np.zeros((0, 1), np.uint64)
        self.put = self.clear

    def take_up(self, layout: Layout) -> None:
        """Take up what was packed in ``layout`` since. Ways keep their numbers unless there are more of them."""
        bits, known = tuple(layout.bits), [len(each.move) for each in self._ways]
        room = [after - before for before, after in zip(self.first, self.first[1:], strict=False)]
        grows = any(count > most for count, most in zip(known, room, strict=True))
        if grows:
            self.first = [0, *np.cumsum([count + count // 2 + _SPARE for count in known]).tolist()]
        if grows or bits != self._bits:
            self._bits, self._taken = bits, [0] * len(known)
            self.move, self.events = (np.zeros(self.first[-1], np.int64) for _ in range(2))
            self.clear, self.put = (np.zeros((self.first[-1], layout.width), np.uint64) for _ in range(2))
        for thread, (count, before) in enumerate(zip(known, self._taken, strict=True)):
            if count > before:
                self._copy(self._ways[thread], self.first[thread], slice(before, count))
        self._taken = known

    def _copy(self, ways: MacroOutcomes, first: int, fresh: slice) -> None:
        """Take up these ways of one thread."""
        place = slice(first + fresh.start, first + fresh.stop)
        self.clear[place], self.put[place] = (each[fresh] for each in ways.packed)
        self.move[place], self.events[place] = ways.move[fresh], ways.events[fresh]

    def numbers(self, ways: Sequence[KeyNumbers]) -> KeyNumbers:
        """The numbers in this table of ways of each thread, one thread after the other."""
        return np.concatenate([way + first for way, first in zip(ways, self.first, strict=False)])
