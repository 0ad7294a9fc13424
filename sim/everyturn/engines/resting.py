"""States of rest: what the judge says when nothing can move any more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from everyturn import objects
from everyturn.checker import Finding
from everyturn.engines.judged import JudgeTables
from everyturn.engines.leaps import Leaps
from everyturn.engines.numbering import Words
from everyturn.engines.packing import Layout
from everyturn.engines.transitions import FIRST_THREAD, JUDGE, Transitions
from everyturn.observer import SHARED_DATA
from everyturn_model.lifecycle import Ledger


class Resting:
    """Judges states of rest. What is said depends on the shared data, on who waits, and on the judge's state."""

    def __init__(self, transitions: Transitions, leaps: Leaps, judges: JudgeTables) -> None:
        self.transitions = transitions
        self.leaps = leaps
        self.judges = judges
        self._columns = [objects.COLUMNS.index(name) for name in SHARED_DATA]
        self._said: set[tuple[int, ...]] = set()

    def judge(self, words: Words, layout: Layout) -> Iterator[tuple[int, tuple[Finding, ...], Ledger]]:
        """For each kind of rest that was not met before: the place of its first row, the findings, the ledger."""
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
        yield from zip(new, *zip(*self.say(rows), strict=True), strict=True) if rows else ()

    def observe(self, row: list[int]) -> int:
        """The number of what is seen of rest in a row."""
        return self.leaps.events.number((self.transitions.at_rest(self.leaps.global_row(row)),))

    def say(self, rows: list[list[int]]) -> list[tuple[tuple[Finding, ...], Ledger]]:
        """What is violated at rest in each row, and the ledger then."""
        events = np.array([self.observe(row) for row in rows], np.int64)
        judged, found = self.judges.step(np.array([row[JUDGE] for row in rows], np.int64), events)
        ledgers = self.judges.ledgers(judged).tolist()
        return [
            (self.judges.violated(what), self.judges.ledger(ledger))
            for what, ledger in zip(found.tolist(), ledgers, strict=True)
        ]


def _place(kind_and_place: tuple[tuple[int, ...], int]) -> int:
    return kind_and_place[1]
