"""States of rest: what there is to be said of them, when nothing can move any more."""

from __future__ import annotations

import numpy as np

from everyturn.engines.coroutines.transitions import JUDGE, Transitions
from everyturn.engines.explorer.macro_steps import REST, MacroSteps
from everyturn.engines.explorer.numbering import KeyNumbers, Words, distinct
from everyturn.engines.explorer.packing import Layout
from everyturn.world import objects
from everyturn.world.observer import SHARED_DATA


class Resting:
    """Tells states of rest apart. What is said depends on the shared data, on who waits (and was seen to begin), and on
    the judge's state."""

    def __init__(self, transitions: Transitions, macro_steps: MacroSteps) -> None:
        self.transitions = transitions
        self.macro_steps = macro_steps
        self._columns = [objects.COLUMNS.index(name) for name in SHARED_DATA]
        self._said: set[tuple[int, ...]] = set()

    def news(self, words: Words, layout: Layout) -> tuple[list[int], list[list[int]]]:
        """The first row of each kind of rest that was not met before: its place, and what it is."""
        if not len(words):
            return [], []
        waits = (table.waits.take(layout.get(words, table.place)) for table in self.macro_steps.tables)
        columns = [*(layout.get(words, column) for column in (*self._columns, JUDGE)), *waits]
        kinds = np.stack(columns, axis=1)
        new: list[int] = []
        for place in distinct(kinds.view(np.uint64)).tolist():
            kind = tuple(kinds[place].tolist())
            if kind not in self._said:
                self._said.add(kind)
                new.append(place)
        rows = layout.unpack(words[new]).tolist()
        self.macro_steps.journal += [(REST, *row) for row in rows]
        return new, rows

    def recall(self, row: list[int]) -> int:
        """Know a kind of rest that was met before, by its row; as :meth:`observe`."""
        states = self.macro_steps.transitions.locals
        waits = (states[table.locals.values[row[table.place]]].waits for table in self.macro_steps.tables)
        self._said.add((*(row[column] for column in self._columns), row[JUDGE], *waits))
        self.macro_steps.journal.append((REST, *row))
        return self.observe(row)

    def seen(self, rows: list[list[int]]) -> KeyNumbers:
        """The numbers of what is seen of rest in each of these rows."""
        return np.array([self.observe(row) for row in rows], np.int64)

    def observe(self, row: list[int]) -> int:
        """The number of what is seen of rest in a row."""
        return self.macro_steps.events.number(self.transitions.at_rest(self.macro_steps.global_row(row)))
