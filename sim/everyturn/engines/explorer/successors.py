"""What can follow on states: asked for chunk by chunk, answered from tables in this process or in another one."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple, Protocol

from everyturn.engines.coroutines.transitions import JUDGE, Row, Transitions
from everyturn.engines.explorer import rounds
from everyturn.engines.explorer.judge_tables import Believed
from everyturn.engines.explorer.macro_outcomes import MacroOutcomes
from everyturn.engines.explorer.macro_steps import FoundSteps, MacroSteps
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

    def answer(self) -> ChunkSuccessors:
        """What follows on the oldest chunk that was asked for and not answered yet."""

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
        self._asked: deque[_Asked | Exception] = deque()

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
        """As :meth:`Successors.ask`. What is wrong with the agent is raised by the answer, as it would be if nobody had
        asked ahead."""
        try:
            self._asked.append(self._stepped(chunk))
        except Exception as error:  # noqa: BLE001 - see above
            self._asked.append(error)

    def answer(self) -> ChunkSuccessors:
        """As :meth:`Successors.answer`. Only now states of rest count as told: a chunk that was asked for can be
        forgotten."""
        asked = self._asked.popleft()
        if isinstance(asked, Exception):
            raise asked
        return self._answered(asked)

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

    def redo(self, journal: list[list[int]]) -> None:
        """Make everything again that a journal of :class:`MacroSteps` tells of."""
        for thread, *row in journal:
            if thread >= 0:
                self.macro_steps.tables[thread].learn(row)
            else:
                self.macro_steps.journal.append((thread, *row))
                self.resting.observe(row)
