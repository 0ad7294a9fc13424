"""Could these threads have written this log? The product of a recorded world's state graph with the place in the log.

A product state is a row of :class:`~everyturn.engines.coroutines.transitions.Transitions`, how many lines are written,
and how many messages are in the store (:mod:`everyturn.logs.stored_messages`). A thread that stands before a line may
go on only if that is the next one in the log; every other step is hidden. So calls and returns bound what lies between
them by themselves. Product states are searched depth first, each once.

What is left out makes no difference to the answer:

* *The next line is written at once.* Writing it disables nothing, and no other step looks at the log.
* *A thread that wants to write what the log does not tell of it next* will never go on, so the log's end is out of
  reach.
* *A step that commutes with whatever the other threads may do before it* is taken alone: a persistent set of one thread
  (:mod:`everyturn.logs.independence`). No thread runs in a circle, so that none is put off for ever.

After a refusal the search is repeated without the second rule, to find the longest prefix of the log that can be
written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.logs.independence import Independence
from everyturn.logs.recorder import OBJECT, RecordedWorld
from everyturn.logs.stored_messages import Messages
from everyturn.logs.transcript import Transcript, TranscriptLine, WrittenLine
from everyturn.verdicts.checker import Judge
from everyturn.world.observer import shared_data
from everyturn.world.operations import Operation
from everyturn.world.results import fault_of
from everyturn_model.events import SharedData

MatchProgress = Callable[[int], None]
EVERY: Final = 1 << 14
"""After so many product states progress is told."""


class MatchAnswer(StrEnum):
    """Whether a world could have written a log."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDETERMINED = "undetermined"


class MatchedStep(NamedTuple):
    """One step of a way through a log: a thread and its operation, or the place of the line that it writes."""

    thread: str
    operation: str
    place: int | None = None


@dataclass(frozen=True, slots=True)
class Match:
    """The answer, and how many product states it took.

    ``way``: one way to write the log, if there is one. Otherwise ``written``: how many lines of it could be written at
    most; ``instead``: the lines that threads stood before there; ``rests``: how the world came to rest where all lines
    fit. Not ``longest``: the budget ended before all prefixes were tried, and more lines might fit. ``stored``: all
    lines and the rest fit, but of the messages in the store only the first so many.
    """

    answer: MatchAnswer
    states: int
    written: int
    way: tuple[MatchedStep, ...] = ()
    instead: tuple[WrittenLine, ...] = ()
    rests: tuple[SharedData, ...] = ()
    longest: bool = True
    stored: int | None = None


class Matching:
    """Matches logs against one recorded world, whose tables are kept from log to log."""

    def __init__(self, world: RecordedWorld) -> None:
        self.world = world
        self.transitions = Transitions(world, Judge((), conformance=False))
        self._lines: dict[int, TranscriptLine | None] = {}
        self._names = {thread.name: index for index, thread in enumerate(world.threads)}

    def match(self, expected: Transcript, budget: int, progress: MatchProgress | None = None) -> Match:
        """Whether the world could have written ``expected``, looking at so many product states at most."""
        search = _Search(self, expected, budget, progress)
        answer = search.run(strict=True)
        if answer is not MatchAnswer.REFUSED:
            return Match(answer, search.states, search.written, tuple(search.way()))
        decided, created = search.states, search.created
        search = _Search(self, expected, budget, progress, stored=False)
        if expected.stored is not None and search.run(strict=True) is MatchAnswer.ACCEPTED:
            return Match(answer, decided, search.written, stored=created)
        search = _Search(self, expected, budget, progress, stored=False)
        longest = search.run(strict=False) is MatchAnswer.REFUSED
        stood = sorted(search.instead, key=str)
        return Match(answer, decided, search.written, (), tuple(stood), tuple(search.rests), longest)

    def lines(self, expected: Transcript) -> list[tuple[int, TranscriptLine]]:
        """The lines with their threads by number; -1 for one that the world does not have."""
        return [(self._names.get(thread, -1), told) for thread, told in expected.lines]

    # one step ----------------------------------------------------------------------------------------------------

    def wants(self, row: Row, thread: int) -> TranscriptLine | None:
        """The line that a thread stands before, if it does."""
        if thread < 0:
            return None
        local = row[FIRST_THREAD + thread]
        if local not in self._lines:
            operation = self.operation(row, thread)
            self._lines[local] = None if operation is None or operation.object != OBJECT else operation.arguments[0]
        return self._lines[local]

    def operation(self, row: Row, thread: int) -> Operation | None:
        """What a thread stands before; none if it has ended."""
        return self.transitions.locals[row[FIRST_THREAD + thread]].operation

    def after(self, row: Row, thread: int) -> list[Row]:
        """The rows in which a thread can stand at its next scheduling point; none if it is blocked or has ended."""
        return [after for after, _ in self.ways(row, thread)]

    def ways(self, row: Row, thread: int) -> list[tuple[Row, bool]]:
        """The same, each with whether the operation that the thread stood before failed."""
        place = FIRST_THREAD + thread
        transitions = self.transitions
        done: list[tuple[Row, bool]] = []
        going: list[tuple[Row, bool | None, int]] = [(row, None, 1)]
        while going:
            before, failed, made = going.pop()
            for effect in transitions.effects(before, thread):
                numbers = list(before)
                for column, number in effect.columns:
                    numbers[column] = number
                numbers[place] = effect.local
                local = transitions.locals[effect.local]
                fails = fault_of(effect.result) is not None if failed is None else failed
                if transitions.ends(effect.local, local, made):
                    done.append((tuple(numbers), fails))
                else:
                    going.append((tuple(numbers), fails, made + 1))
        return done


_State = tuple[Row, int, int]
"""A product state: a row, how many lines of the log are written, and how many messages are in the store."""


class _Search:
    """One depth-first search."""

    def __init__(
        self,
        matching: Matching,
        expected: Transcript,
        budget: int,
        progress: MatchProgress | None,
        *,
        stored: bool = True,
    ) -> None:
        self.matching = matching
        self.messages = Messages(expected, compared=stored)
        self.independence = Independence(matching.transitions, self.messages)
        self.lines = matching.lines(expected)
        self.rest, self.returned = expected.rest, expected.returned
        self.budget, self.progress = budget, progress
        self.names = [thread.name for thread in matching.world.threads]
        self.threads = range(len(self.names))
        self.next = _next_lines(self.lines, len(self.threads))
        self.states = self.written = self.created = 0
        self.found: _State | None = None
        self._from: dict[_State, _State | None] = {(matching.transitions.initial(), 0, 0): None}
        self.instead: dict[WrittenLine, None] = {}
        self.rests: dict[SharedData, None] = {}

    def run(self, *, strict: bool) -> MatchAnswer:
        """Search; ``strict``: give up a state as soon as some thread wants to write what does not fit."""
        stack = list(self._from)
        while stack:
            state = stack.pop()
            row, place = self._write(state[0], state[1])
            created = state[2]
            self.states += 1
            self.created = max(self.created, created)
            if self.progress is not None and self.states % EVERY == 0:
                self.progress(self.states)
            if self.states > self.budget:
                return MatchAnswer.UNDETERMINED
            if self._note(row, place) and strict:
                continue
            complete = place == len(self.lines)
            following = [] if complete and self.rest is None else self._following(row, place, created)
            if complete and not following and (self.rest is None or self._rests(row, created)):
                self.found = state
                return MatchAnswer.ACCEPTED
            for after in following:
                if after not in self._from:
                    self._from[after] = state
                    stack.append(after)
        return MatchAnswer.REFUSED

    def way(self) -> Iterator[MatchedStep]:
        """The way to the end of the log, if it was found."""
        states: list[_State] = []
        state = self.found
        while state is not None:
            states.append(state)
            state = self._from[state]
        states.reverse()
        for number, (first, begun, _) in enumerate(states, 1):
            row, place = self._write(first, begun)
            for written in range(begun, place):
                thread, told = self.lines[written]
                yield MatchedStep(self.names[thread], str(told), written)
            for after, _, _ in states[number : number + 1]:
                yield self._moved(row, after)

    def _moved(self, row: Row, after: Row) -> MatchedStep:
        """The hidden step that leads from one row to another: the thread that went on, and its operation."""
        local, name = next(
            (row[place], self.names[place - FIRST_THREAD])
            for place in range(FIRST_THREAD, len(row))
            if row[place] != after[place]
        )
        return MatchedStep(name, str(self.matching.transitions.locals[local].operation))

    def _write(self, row: Row, place: int) -> tuple[Row, int]:
        """Write lines as long as the thread whose turn it is stands before the next one."""
        while place < len(self.lines):
            thread, told = self.lines[place]
            wanted = self.matching.wants(row, thread)
            if wanted is None or not wanted.fits(told):
                break
            (row,) = self.matching.after(row, thread)
            place += 1
        return row, place

    def _note(self, row: Row, place: int) -> bool:
        """Remember the longest prefix and who stood where; whether a thread wants to write what will never fit."""
        misfits = False
        if place > self.written:
            self.written = place
            self.instead.clear()
        for thread in self.threads:
            wanted = self.matching.wants(row, thread)
            if wanted is None:
                continue
            if place == self.written:
                self.instead[WrittenLine(self.names[thread], wanted)] = None
            following = self.next[place][thread]
            misfits |= self.rest is not None if following < 0 else not wanted.fits(self.lines[following][1])
        return misfits

    def _following(self, row: Row, place: int, created: int) -> list[_State]:
        """The product states after one hidden step; the most promising last."""
        alone = self.independence.alone(row, created)
        if alone is not None:
            return self._moves(row, place, created, alone)
        ahead = self.next[place]
        order = sorted(self.threads, key=lambda thread: -ahead[thread] if ahead[thread] >= 0 else 1 - len(self.lines))
        return [
            state
            for thread in order
            if self.matching.wants(row, thread) is None
            for state in self._moves(row, place, created, thread)
        ]

    def _moves(self, row: Row, place: int, created: int, thread: int) -> list[_State]:
        """The product states after a hidden step of one thread."""
        operation = self.matching.operation(row, thread)
        return [
            (after, place, count)
            for after, failed in self.matching.ways(row, thread)
            if operation is not None
            for count in self.messages.after(operation, self.names[thread], created, failed=failed)
        ]

    def _rests(self, row: Row, created: int) -> bool:
        """Whether threads, messages and shared data are as the log says, in a row in which nothing moves."""
        transitions = self.matching.transitions
        ended = all(self.matching.operation(row, thread) is None for thread in self.threads)
        if ended != self.returned or created != len(self.messages.list or ()):
            return False
        found = shared_data(transitions.values(row))
        self.rests[found] = None
        return self.rest is not None and _snapshot(found) == _snapshot(self.rest)


def _snapshot(shared: SharedData) -> tuple[bool, tuple[str, ...], int, int]:
    """What the end of a recording tells of the shared data."""
    return shared.active is not None, shared.queue, shared.reservations, shared.mark


def _next_lines(lines: Sequence[tuple[int, TranscriptLine]], threads: int) -> list[tuple[int, ...]]:
    """For each place in the log and each thread: the place of its next line, -1 if it has none."""
    ahead = [-1] * threads
    table = [tuple(ahead)]
    for place in range(len(lines) - 1, -1, -1):
        if lines[place][0] >= 0:
            ahead[lines[place][0]] = place
        table.append(tuple(ahead))
    return table[::-1]
