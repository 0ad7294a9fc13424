"""Random walks over tables: thousands of runs at once, as rows of an array.

The runs are those of the strategy `random-walk` through SimPy, decision by decision: both draw from
:mod:`everyturn.strategies.stream`, and both decide among the same threads in the same order. Nothing is resumed here
but what was never met before. :mod:`everyturn.engines.walks.priorities` does the same for `pct`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.walks.decisions import AMONG, AMONG_BITS, DecisionGraph, RunEnd
from everyturn.strategies.stream import Words, draws, starts
from everyturn.verdicts.checker import Judge
from everyturn.world.world import World

BATCH: Final = 1 << 14
"""Runs that are made at once."""
MOST_NODES: Final = 8_000_000
"""When so many nodes are known, they are forgotten, so that long campaigns stay small."""
_SWEEP: Final = 4
"""After so many decisions, runs that are over are put aside."""
_BITS: Final = np.uint64(32)

WalkTrail = list[tuple[NDArray[np.int64], NDArray[np.int64]]]
"""For each decision: the places of the runs that made it, and what each decided."""


class Walks:
    """Random walks of one world, judged by ``judge``."""

    _ordered = True

    def __init__(self, world: World, judge: Judge) -> None:
        self._world = world
        self._judge = judge
        self._graph = DecisionGraph(world, judge, ordered=self._ordered)
        self.ends: list[RunEnd] = []
        self._numbers: dict[RunEnd, int] = {}

    def walk(self, seed: int, first: int, runs: int, trail: WalkTrail | None = None) -> NDArray[np.int64]:
        """How the runs number ``first``, ``first`` + 1, … ended: numbers in :attr:`ends`. ``trail`` takes their
        decisions."""
        if len(self._graph) > MOST_NODES:
            self._graph = DecisionGraph(self._world, self._judge, ordered=self._ordered)
        found = np.empty(runs, np.int64)
        for start in range(0, runs, BATCH):
            count = min(BATCH, runs - start)
            found[start : start + count] = self._batch(seed, first + start, count, trail)
        known = [self._number(end) for end in self._graph.ends.values]
        return np.array(known, np.int64)[found]

    def _number(self, end: RunEnd) -> int:
        number = self._numbers.setdefault(end, len(self.ends))
        if number == len(self.ends):
            self.ends.append(end)
        return number

    def _batch(self, seed: int, first: int, runs: int, trail: WalkTrail | None) -> NDArray[np.int64]:
        graph = self._graph
        states = starts(seed, np.arange(first, first + runs, dtype=np.uint64))
        nodes = np.zeros(runs, np.int64)
        rows = np.arange(runs)
        ended = np.empty(runs, np.int64)
        step = 0
        while True:
            known = graph.table.take(nodes)
            if not known.all():
                graph.expand(nodes[known == 0])
                known = graph.table.take(nodes)
            among = known & AMONG
            if step % _SWEEP == 0 or trail is not None:
                over = among == 1
                if over.any():
                    ended[rows[over]] = graph.end[nodes[over]]
                    going = np.flatnonzero(~over)
                    if not going.size:
                        graph.shorten()
                        return ended
                    rows, states, known, among = rows[going], states[going], known[going], among[going]
            places = _decided(states, among, trail, rows, first)
            known >>= AMONG_BITS
            places += known
            nodes = graph.children.take(places.view(np.int64))
            step += 1


def _decided(states: Words, among: Words, trail: WalkTrail | None, rows: NDArray[np.int64], first: int) -> Words:
    """What each run decides among so many; one that has one way to go on goes on, and draws nothing."""
    if among.all():
        places = draws(states)
        places *= among
        places >>= _BITS
        if trail is not None:
            trail.append((rows + first, places.view(np.int64).copy()))
        return places
    at = np.flatnonzero(among)
    drawn = states[at]
    decided = draws(drawn) * among[at] >> _BITS
    states[at] = drawn
    if trail is not None and at.size:
        trail.append((rows[at] + first, decided.view(np.int64)))
    places = np.zeros(len(among), np.uint64)
    places[at] = decided
    return places
