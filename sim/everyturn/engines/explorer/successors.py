"""What can follow on states: asked for chunk by chunk, answered from tables in this process or in another one."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

import numpy as np

from everyturn.engines.coroutines.transitions import JUDGE, Row, Transitions
from everyturn.engines.explorer import rounds
from everyturn.engines.explorer.beliefs import Believed
from everyturn.engines.explorer.judge_parts import Arrays
from everyturn.engines.explorer.macro_outcomes import MacroOutcomes
from everyturn.engines.explorer.macro_steps import REST, FoundSteps, LearningJournal, MacroSteps
from everyturn.engines.explorer.numbering import KeyNumbers, Words
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.resting import Resting
from everyturn.verdicts.checker import JudgeState
from everyturn_model.events import Event


class Chunk(NamedTuple):
    """States as rows that are packed in ``layout``; ``judges``: the largest number of a judge's state so far;
    ``beliefs``: for each state the number of the specification's belief, none where :attr:`Successors.believes` is
    false."""

    words: Words
    layout: Layout
    judges: int
    beliefs: KeyNumbers


class ChunkSuccessors(NamedTuple):
    """What follows on the states of a chunk.

    ``found``: their macro steps; ``rests``: the places of states of rest that are news; ``at_rest``: the numbers of
    what is seen there. ``believed``, ``believed_at_rest``: if the specification was followed already, its belief after
    each macro step of which something is seen, and in each of the rests.
    """

    found: FoundSteps
    rests: KeyNumbers
    at_rest: KeyNumbers
    believed: Believed | None = None
    believed_at_rest: Believed | None = None


class Learnt(NamedTuple):
    """What was learnt for the chunks that were answered, and nothing of those that are under way: the journal that
    makes it again, everything that can be seen of a step, every move, the largest number of each column, and how many
    local states there are."""

    journal: LearningJournal
    events: list[tuple[Event, ...]]
    moves: list[tuple[int, int]]
    largest: list[int]
    locals: int


class Successors(Protocol):
    """Who answers what follows on the states of a chunk, in the order in which chunks were asked for."""

    @property
    def ahead(self) -> int:
        """How many chunks are to be asked for at once, so that everybody has something to do."""

    @property
    def believes(self) -> bool:
        """Whether the specification is followed there, too, so that a chunk needs beliefs."""

    @property
    def resident(self) -> int:
        """Bytes of memory that other processes hold for it now."""

    @property
    def peak(self) -> int:
        """The most bytes of memory that other processes ever held for it."""

    @property
    def events(self) -> list[tuple[Event, ...]]:
        """Everything that can be seen of a step, by number."""

    @property
    def moves(self) -> list[tuple[int, int]]:
        """Every (thread, choice) by number."""

    @property
    def ways(self) -> list[MacroOutcomes]:
        """What the ways of each thread do."""

    @property
    def locals(self) -> int:
        """How many local states there are."""

    def first(self) -> tuple[Row, JudgeState]:
        """The initial state, but that its judge has no number yet, and its judge. To be asked for before all else."""

    def largest(self) -> list[int]:
        """The largest number of each column so far, the judge's left 0."""

    def ask(self, chunk: Chunk) -> None:
        """Ask for :meth:`answer`; what was answered before may be gone then."""

    def wait(self) -> None:
        """Wait until an answer is there, and raise what was wrong with it. Until it is taken, :meth:`learnt` is the
        same."""

    def answer(self) -> ChunkSuccessors:
        """What follows on the oldest chunk that was asked for and not answered yet."""

    def redo(self, journal: list[list[int]], beliefs: Arrays) -> KeyNumbers:
        """Make everything again that a journal tells of, before a chunk is asked for; the numbers of what is seen of
        each rest in it. ``beliefs``: the specification's steps until then, as a part of the judge's tables saves
        them."""

    def learnt(self) -> Learnt:
        """What was learnt for the chunks that were answered."""

    def beliefs(self) -> Arrays:
        """The specification's steps for the chunks that were answered, likewise; nothing where the judge's tables have
        them."""

    def tables(self) -> SuccessorTables:
        """The tables in this process, with all numbers as they are; made again if they are elsewhere. No chunk may be
        under way."""

    def may_go_round(self) -> bool:
        """Whether a thread may come back to where it was."""

    def close(self) -> None:
        """End other processes, if there are any."""


class _Asked(NamedTuple):
    """The macro steps of a chunk that was asked for, and its states of rest, packed in ``layout``."""

    found: FoundSteps
    rests: Words
    layout: Layout


class _Mark(NamedTuple):
    """How much is learnt: how much of the journal, how many observations, moves, the largest number of each column,
    local states."""

    journal: int
    events: int
    moves: int
    largest: list[int]
    locals: int


class SuccessorTables:
    """What can follow on states, worked out in this process: macro steps, states of rest, and the layout of rows that
    both need."""

    ahead = 1
    believes = False
    resident = peak = 0

    def __init__(self, transitions: Transitions) -> None:
        self.transitions = transitions
        self.macro_steps = MacroSteps(transitions)
        self.resting = Resting(transitions, self.macro_steps)
        self._layout: Layout | None = None
        self._asked: deque[_Asked | BaseException] = deque()
        self._before: _Mark | None = None

    def first(self) -> tuple[Row, JudgeState]:
        """As :meth:`Successors.first`."""
        row = self.transitions.initial()
        judge: JudgeState = self.transitions.judged.values[row[JUDGE]]
        return self.macro_steps.row(row), judge

    def largest(self) -> list[int]:
        """As :meth:`Successors.largest`."""
        return self.macro_steps.largest()

    @property
    def events(self) -> list[tuple[Event, ...]]:
        """As :attr:`Successors.events`."""
        return self.macro_steps.events.values

    @property
    def moves(self) -> list[tuple[int, int]]:
        """As :attr:`Successors.moves`."""
        return self.macro_steps.moves.values

    @property
    def ways(self) -> list[MacroOutcomes]:
        """As :attr:`Successors.ways`."""
        return self.macro_steps.ways

    @property
    def locals(self) -> int:
        """As :attr:`Successors.locals`."""
        return len(self.transitions.locals)

    def ask(self, chunk: Chunk) -> None:
        """As :meth:`Successors.ask`. What is wrong with the agent, or what ends all of it, is raised by whoever waits,
        as it would be if nobody had asked ahead."""
        if self._before is None:
            self._before = self._mark()
        try:
            self._asked.append(self._stepped(chunk))
        except BaseException as error:  # noqa: BLE001 - see above
            self._asked.append(error)

    def wait(self) -> None:
        """As :meth:`Successors.wait`."""
        if isinstance(self._asked[0], BaseException):
            raise self._asked[0]

    def answer(self) -> ChunkSuccessors:
        """As :meth:`Successors.answer`. Only now states of rest count as told: a chunk that was asked for can be
        forgotten."""
        asked = self._asked.popleft()
        if isinstance(asked, BaseException):
            raise asked
        self._before = None
        return self._answered(asked)

    def learnt(self) -> Learnt:
        """As :meth:`Successors.learnt`."""
        known = self._mark() if self._before is None else self._before
        journal, events, moves = self.macro_steps.journal, self.events, self.moves
        return Learnt(
            journal[: known.journal], events[: known.events], moves[: known.moves], known.largest, known.locals
        )

    def _mark(self) -> _Mark:
        journal, events, moves = self.macro_steps.journal, self.events, self.moves
        return _Mark(len(journal), len(events), len(moves), self.largest(), self.locals)

    def answer_to(self, chunk: Chunk) -> ChunkSuccessors:
        """What follows on a chunk."""
        return self._answered(self._stepped(chunk))

    def _stepped(self, chunk: Chunk) -> _Asked:
        words, layout = self._adopt(chunk.words, chunk.layout, chunk.judges)
        found = self.macro_steps.find(words)
        return _Asked(found, words[found.rests], layout)

    def _answered(self, asked: _Asked) -> ChunkSuccessors:
        places, rows = self.resting.news(asked.rests, asked.layout)
        return ChunkSuccessors(asked.found, asked.found.rests[places], self.resting.seen(rows))

    def find(self, chunk: Chunk) -> FoundSteps:
        """The macro steps of a chunk."""
        return self.macro_steps.find(self._adopt(chunk.words, chunk.layout, chunk.judges)[0])

    def _adopt(self, words: Words, layout: Layout, judges: int) -> tuple[Words, Layout]:
        """Make room for numbers that no longer fit, and pack what was learnt; the rows, and the layout that then
        holds."""
        largest = self.largest()
        largest[JUDGE] = judges
        holding = next((each for each in (layout, self._layout) if each is not None and each.holds(largest)), None)
        self._layout = holding or Layout.holding(largest)
        self.macro_steps.lay_out(self._layout)
        return layout.moved(words, self._layout), self._layout

    def tables(self) -> SuccessorTables:
        """These."""
        return self

    def may_go_round(self) -> bool:
        """As :meth:`Successors.may_go_round`."""
        return bool(rounds.local_parts(self.transitions.locals))

    def close(self) -> None:
        """Nothing is to be ended."""

    def redo(self, journal: list[list[int]], beliefs: Arrays | None = None) -> KeyNumbers:
        """As :meth:`Successors.redo`; beliefs are not needed.

        Raises :class:`ValueError` if the journal does not begin as this one."""
        made = self.macro_steps.journal
        if [list(each) for each in made] != journal[: len(made)]:
            raise ValueError("a journal that begins otherwise")
        seen = []
        for kind, *row in journal[len(made) :]:
            if kind >= 0:
                self.macro_steps.tables[kind].learn(row)
            elif kind == REST:
                seen.append(self.resting.recall(row))
            else:
                self.macro_steps.redoing[kind](row)
        return np.array(seen, np.int64)

    def beliefs(self) -> Arrays:
        """The judge's tables have them."""
        return {}
