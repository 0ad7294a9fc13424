"""States of rest: what there is to be said of them, when nothing can move any more."""

from __future__ import annotations

import numpy as np

from everyturn import objects
from everyturn.engines.leaps import Leaps
from everyturn.engines.numbering import Numbers, Words
from everyturn.engines.packing import Layout
from everyturn.engines.transitions import FIRST_THREAD, JUDGE, Transitions
from everyturn.observer import SHARED_DATA


class Resting:
    """Tells states of rest apart. What is said depends on the shared data, on who waits, and on the judge's state."""

    def __init__(self, transitions: Transitions, leaps: Leaps) -> None:
        self.transitions = transitions
        self.leaps = leaps
        self._columns = [objects.COLUMNS.index(name) for name in SHARED_DATA]
        self._said: set[tuple[int, ...]] = set()

    def news(self, words: Words, layout: Layout) -> list[tuple[int, list[int]]]:
        """For each kind of rest that was not met before: the place of its first row, and the row."""
        if not len(words):
            return []
        columns = [layout.get(words, column) for column in (*self._columns, JUDGE)]
        states = self.transitions.locals
        for table in self.leaps.tables:
            waits = np.array([states[local].operation is not None for local in table.locals.values], np.bool_)
            columns.append(waits[layout.get(words, FIRST_THREAD + table.thread)].astype(np.int64))
        kinds, places = np.unique(np.stack(columns, axis=1), axis=0, return_index=True)
        new: list[int] = []
        for kind, place in sorted(zip(map(tuple, kinds.tolist()), places.tolist(), strict=True), key=_place):
            if kind not in self._said:
                self._said.add(kind)
                new.append(place)
        rows = layout.unpack(words[new]).tolist()
        self.leaps.journal += [(-1, *row) for row in rows]
        return list(zip(new, rows, strict=True))

    def observe(self, row: list[int]) -> int:
        """The number of what is seen of rest in a row."""
        return self.leaps.events.number((self.transitions.at_rest(self.leaps.global_row(row)),))

    def observed(self, rows: list[list[int]]) -> tuple[Numbers, Numbers]:
        """The judge's state in each row, and the number of what is seen of rest there."""
        return np.array([row[JUDGE] for row in rows], np.int64), np.array([self.observe(row) for row in rows], np.int64)


def _place(kind_and_place: tuple[tuple[int, ...], int]) -> int:
    return kind_and_place[1]
