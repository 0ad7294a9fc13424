"""Probabilistic concurrency testing over tables: thousands of runs at once, as columns of an array.

The runs are those of the strategy `pct` through SimPy, step by step: both draw plan and choices from
:mod:`everyturn.strategies.stream`. A run's priorities do not depend on the order in which threads stand in line, so
that the graph need not know it. Steps of a thread that is alone count as well, so that no node is left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.walks.decisions import AMONG, AMONG_BITS
from everyturn.engines.walks.walks import Walks, WalkTrail
from everyturn.strategies.pct import PLAN, THREAD_BITS
from everyturn.strategies.stream import draws, starts
from everyturn.verdicts.checker import Judge
from everyturn.world.world import World

_SWEEP: Final = 8
"""After so many steps, runs that are over are put aside."""
_LOWEST: Final = np.iinfo(np.int64).min
_BITS: Final = np.uint64(32)


class Priorities(Walks):
    """Runs of `pct` of this ``depth``, for runs of at most ``steps`` steps. A trail takes the threads that moved."""

    _ordered = False

    def __init__(self, world: World, judge: Judge, depth: int, steps: int) -> None:
        super().__init__(world, judge)
        self._depth = depth
        self._steps = steps

    def _batch(self, seed: int, first: int, runs: int, trail: WalkTrail | None) -> KeyNumbers:
        graph = self._graph
        rows = np.arange(runs)
        numbers = np.arange(first, first + runs, dtype=np.uint64)
        states = starts(seed, numbers)
        changes, priorities = self._plan(seed, numbers)
        nodes, steps = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
        ended = np.empty(runs, np.int64)
        round_ = 0
        while True:
            known = graph.table.take(nodes)
            if not known.all():
                graph.expand(nodes[known == 0])
                known = graph.table.take(nodes)
            if round_ % _SWEEP == 0:
                over = (known & AMONG) == 1
                ended[rows[over]] = graph.end[nodes[over]]
                going = np.flatnonzero(~over)
                if not going.size:
                    return ended
                if len(going) < len(rows):
                    rows, nodes, steps = rows[going], nodes[going], steps[going]
                    states, known = states[going], known[going]
                    changes, priorities = changes[:, going], priorities[:, going]
            enabled = graph.enabled.take(nodes)
            threads = _moving(enabled, np.where(enabled, steps, -1), changes, priorities)
            if trail is not None:
                moved = np.flatnonzero(enabled)
                trail.append((rows[moved] + first, threads[moved]))
            places = graph.place(threads, enabled)
            choosing = np.flatnonzero(enabled == 0)
            if choosing.size:
                drawn = states[choosing]
                places[choosing] = (draws(drawn) * (known[choosing] & AMONG) >> _BITS).view(np.int64)
                states[choosing] = drawn
            steps += enabled != 0
            places += (known >> AMONG_BITS).view(np.int64)
            nodes = graph.children.take(places)
            round_ += 1

    def _plan(self, seed: int, numbers: NDArray[np.uint64]) -> tuple[KeyNumbers, KeyNumbers]:
        """At which steps each run changes a priority, and the priority of each thread, one row each."""
        states = starts(seed, numbers, PLAN)
        among = np.uint64(self._steps)
        changes = [(draws(states) * among >> _BITS).view(np.int64) for _ in range(1, self._depth)]
        priorities = [
            (draws(states) << np.uint64(THREAD_BITS) | np.uint64(thread)).view(np.int64)
            for thread in range(len(self._world.threads))
        ]
        return np.array(changes, np.int64).reshape(-1, len(numbers)), np.array(priorities, np.int64)


def _moving(enabled: KeyNumbers, steps: KeyNumbers, changes: KeyNumbers, priorities: KeyNumbers) -> KeyNumbers:
    """The thread that moves in each run, at its step of this number. Where a change is due, the one that would sinks
    first."""
    threads = _highest(enabled, priorities)
    for place, due in enumerate(changes, start=1):
        # A thread that sinks twice in one step ends at the lower place, and nobody sinks in its stead.
        at = np.flatnonzero(due == steps)
        priorities[threads[at], at] = -place
    at = np.flatnonzero((changes == steps).any(axis=0))
    threads[at] = _highest(enabled[at], priorities[:, at])
    return threads


def _highest(enabled: KeyNumbers, priorities: KeyNumbers) -> KeyNumbers:
    """The enabled thread of highest priority in each run; 0 where none is."""
    threads = np.zeros(len(enabled), np.int64)
    highest = np.full(len(enabled), _LOWEST)
    for thread, own in enumerate(priorities):
        found = np.where(enabled >> thread & 1, own, _LOWEST)
        higher = found > highest
        threads[higher] = thread
        np.maximum(highest, found, out=highest)
    return threads
