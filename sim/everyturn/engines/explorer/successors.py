"""What can follow on states: leaps, states of rest, and the layout of rows that both need."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from everyturn.engines.coroutines.transitions import JUDGE, Row, Transitions
from everyturn.engines.explorer import rounds
from everyturn.engines.explorer.judge_tables import Believed
from everyturn.engines.explorer.macro_steps import Found, Leaps, Ways
from everyturn.engines.explorer.numbering import Numbers, Words
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.resting import Resting
from everyturn.verdicts.checker import JudgeState
from everyturn_model.events import Event


class Chunk(NamedTuple):
    """States as rows that are packed in ``layout``; ``judges``: the largest number of a judge's state so far; ``beliefs``:
    for each state the number of the specification's belief."""

    words: Words
    layout: Layout
    judges: int
    beliefs: Numbers


class Followed(NamedTuple):
    """What follows on the states of a chunk.

    ``found``: their leaps; ``rests``: the places of states of rest that are news; ``at_rest``: the numbers of what is
    seen there. ``believed``, ``believed_at_rest``: if the specification was followed already, its belief after each leap
    of which something is seen, and in each of the rests.
    """

    found: Found
    rests: Numbers
    at_rest: Numbers
    believed: Believed | None = None
    believed_at_rest: Believed | None = None


class Following:
    """What can follow on states, worked out in this process."""

    resident = peak = 0
    """Bytes of memory that another process holds, and the most that it ever held."""

    def __init__(self, transitions: Transitions) -> None:
        self.transitions = transitions
        self.leaps = Leaps(transitions)
        self.resting = Resting(transitions, self.leaps)
        self._layout: Layout | None = None
        self._followed: deque[Followed] = deque()

    def first(self) -> tuple[Row, JudgeState]:
        """The initial state, but that its judge has no number yet, and its judge."""
        row = self.transitions.initial()
        judge: JudgeState = self.transitions.judged.values[row[JUDGE]]
        return self.leaps.row(row), judge

    def largest(self) -> list[int]:
        """The largest number of each column so far, the judge's left 0."""
        return self.leaps.largest()

    @property
    def events(self) -> list[tuple[Event, ...]]:
        """Everything that can be seen of a step, by number."""
        return self.leaps.events.values

    @property
    def moves(self) -> list[tuple[int, int]]:
        """Every (thread, choice) by number."""
        return self.leaps.moves.values

    @property
    def ways(self) -> list[Ways]:
        """What the ways of each thread do."""
        return self.leaps.ways

    @property
    def locals(self) -> int:
        """How many local states there are."""
        return len(self.transitions.locals)

    def ask(self, chunk: Chunk) -> None:
        """Ask for :meth:`answer`."""
        self._followed.append(self.follow(chunk))

    def answer(self) -> Followed:
        """What follows on the oldest chunk that was asked for and not answered yet."""
        return self._followed.popleft()

    def follow(self, chunk: Chunk) -> Followed:
        """What follows on a chunk."""
        words, layout = self._adopt(chunk.words, chunk.layout, chunk.judges)
        found = self.leaps.find(words)
        places, rows = self.resting.news(words[found.rests], layout)
        seen = np.array([self.resting.observe(row) for row in rows], np.int64)
        return Followed(found, found.rests[places], seen)

    def find(self, chunk: Chunk) -> Found:
        """The leaps of a chunk."""
        return self.leaps.find(self._adopt(chunk.words, chunk.layout, chunk.judges)[0])

    def _adopt(self, words: Words, layout: Layout, judges: int) -> tuple[Words, Layout]:
        """Make room for numbers that no longer fit, and pack what was learnt; the rows, and the layout that then holds."""
        largest = self.largest()
        largest[JUDGE] = judges
        holding = next((each for each in (layout, self._layout) if each is not None and each.holds(largest)), None)
        self._layout = holding or Layout.holding(largest)
        self.leaps.lay_out(self._layout)
        return layout.moved(words, self._layout), self._layout

    def may_go_round(self) -> bool:
        """Whether a thread may come back to where it was."""
        return bool(rounds.local_parts(self.transitions.locals))

    def redo(self, journal: list[list[int]]) -> None:
        """Make everything again that a journal of :class:`Leaps` tells of."""
        for thread, *row in journal:
            if thread >= 0:
                self.leaps.tables[thread].learn(row)
            else:
                self.leaps.journal.append((thread, *row))
                self.resting.observe(row)
