"""The tables of explorers that go row by row: a dictionary of rows, and the way to each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import Final

from everyturn.checking.countercheck.walks import AnotherWay, Rested, Said, ThreadChoice, Walk, Way
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, Row, Transitions

_LOOKED_AT: Final = 1024
"""So many states, spread over all, are looked at for steps that lead to known ones."""


class RowTables:
    """As :class:`~everyturn.checking.countercheck.walks.WalkTables`.

    ``numbers``: the number of each row, in order; ``parent``: from which state and by which move a state was reached
    first. ``waits``: the judge remembers who waits to be told, and nothing else.
    """

    def __init__(
        self,
        transitions: Transitions,
        numbers: Mapping[Row, int],
        parent: Callable[[int], tuple[int, ThreadChoice]],
        *,
        waits: bool = False,
    ) -> None:
        self._transitions = transitions
        self._numbers = numbers
        self._parent = parent
        self._waits = waits

    def merged(self, most: int, random: Random) -> list[AnotherWay]:
        """Of those that are found: first one for each thing that a thread does, then any."""
        rows = list(self._numbers)
        found = list(self._reached_again(rows, sorted(random.sample(range(len(rows)), min(len(rows), _LOOKED_AT)))))
        random.shuffle(found)
        different = {what: (source, move, state) for what, source, move, state in reversed(found)}
        others = ((source, move, state) for _, source, move, state in found)
        chosen = list(dict.fromkeys((*different.values(), *others)))[:most]
        return [AnotherWay((*self.way(source), move), state) for source, move, state in chosen]

    def _reached_again(
        self, rows: Sequence[Row], which: Sequence[int]
    ) -> Iterator[tuple[object, int, ThreadChoice, int]]:
        """The steps from some states to known ones: what the thread does, from where, by which move, and where to."""
        for source in which:
            for thread, choice, after, _ in self._transitions.successors(rows[source]):
                state, move = self._numbers[after], (thread, choice)
                if self._parent(state) != (source, move):
                    place = FIRST_THREAD + thread
                    yield (rows[source][place], after[place]), source, move, state

    def way(self, state: int) -> Way:
        """The moves from the initial state."""
        way = []
        while state > 0:
            state, move = self._parent(state)
            way.append(move)
        return tuple(reversed(way))

    def walk(self, ways: Sequence[Way], randoms: Sequence[Random], longest: int) -> list[Walk]:
        """One after the other."""
        return [self._walk(way, random, len(way) + longest) for way, random in zip(ways, randoms, strict=True)]

    def _walk(self, way: Way, random: Random, longest: int) -> Walk:
        transitions = self._transitions
        row = transitions.initial()
        steps: list[Said] = []
        while len(steps) < longest:
            moves = list(transitions.successors(row))
            if not moves:
                _, findings, seen = transitions.rest(row)
                return Walk(steps, Rested(seen, findings))
            number = len(steps)
            place = (
                [move[:2] for move in moves].index(way[number]) if number < len(way) else random.randrange(len(moves))
            )
            thread, choice, after, findings = moves[place]
            enabled = tuple(sorted({move.thread for move in moves}))
            where = FIRST_THREAD + thread
            steps.append(
                Said(
                    enabled,
                    thread,
                    tuple(transitions.outcomes(row, thread, choice)),
                    transitions.locals[row[where]].operation,
                    transitions.locals[after[where]].operation,
                    transitions.seen(row, thread, choice),
                    findings,
                    transitions.judged.values[after[JUDGE]].monitors[0] if self._waits else None,
                    after in self._numbers,
                )
            )
            row = after
        return Walk(steps, None)
