"""Exact probabilities under a random walk, from the graph of its decisions.

Each way on from a node is equally probable. So one pass over the graph, each node after all that lead to it, gives the
probability of reaching each node, and with that of each end of a run. The graph must be acyclic: that of a scope whose
extras are all bounded is, unless the agent polls for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.walks.decisions import AMONG, AMONG_BITS, DecisionGraph, RunEnd
from everyturn.errors import UsageError
from everyturn.verdicts.checker import Judge
from everyturn.world.world import World

MOST_NODES: Final = 5_000_000
_CHUNK: Final = 1 << 15


class Exact(NamedTuple):
    """The probability of each end of a run of a random walk; they add up to 1. ``nodes``: the size of the graph."""

    ends: dict[RunEnd, float]
    nodes: int

    def violated(self, invariant: str) -> float:
        """The probability that a run violates an invariant (or ``conforms``)."""
        return float(sum(each for end, each in self.ends.items() if invariant in end.violated))

    @property
    def any_violated(self) -> float:
        """The probability that a run violates any invariant that was judged."""
        return float(sum(each for end, each in self.ends.items() if end.violated))

    @property
    def outcomes(self) -> dict[object, float]:
        """The probability of each outcome, whatever was violated on the way to it."""
        found: dict[object, float] = {}
        for end, each in self.ends.items():
            found[end.outcome] = found.get(end.outcome, 0.0) + each
        return found


def exact(
    world: World, judge: Judge, *, most: int = MOST_NODES, progress: Callable[[int], None] | None = None
) -> Exact:
    """The probability of every end of a random walk of ``world``. ``progress`` is told the nodes known so far.

    Raises :class:`UsageError` if the graph has more than ``most`` nodes, or a cycle.
    """
    graph = DecisionGraph(world, judge, ordered=False)
    done = 0
    while done < len(graph):
        end = min(done + _CHUNK, len(graph))
        graph.expand(np.arange(done, end))
        done = end
        if progress is not None:
            progress(len(graph))
        if len(graph) > most:
            raise UsageError(f"{world.scope}: expected a graph of at most {most:,} decisions, found more")
    reached = _pass(graph, world)
    over = np.flatnonzero(graph.end[: len(graph)] >= 0)
    summed = np.bincount(graph.end[over], reached[over], len(graph.ends.values))
    return Exact(dict(zip(graph.ends.values, summed.tolist(), strict=True)), len(graph))


def _pass(graph: DecisionGraph, world: World) -> NDArray[np.float64]:
    """The probability that a run comes to each node, worked out for a node when those of all before it are known."""
    size = len(graph)
    known = graph.table[:size]
    first = (known >> AMONG_BITS).view(np.int64)
    often = np.where(graph.end[:size] >= 0, 0, np.maximum(known & AMONG, 1)).astype(np.int64)
    waiting = np.bincount(graph.children[_places(first, often)], minlength=size)
    reached = np.zeros(size)
    reached[0] = 1.0
    front, passed = np.flatnonzero(waiting == 0), 0
    while front.size:
        passed += len(front)
        among = often[front]
        child = graph.children[_places(first[front], among)]
        np.add.at(reached, child, np.repeat(reached[front] / np.maximum(among, 1), among))
        np.subtract.at(waiting, child, 1)
        child = np.unique(child)
        front = child[waiting[child] == 0]
    if passed < size:
        raise UsageError(
            f"{world.scope}: exact probabilities need a graph without cycles: expected bounded extras, found a run "
            f"that "
            f"can go on for ever"
        )
    return reached


def _places(first: NDArray[np.int64], often: NDArray[np.int64]) -> NDArray[np.int64]:
    """For ranges by their first places and lengths: all places in them."""
    return np.repeat(first - (np.cumsum(often) - often), often) + np.arange(int(often.sum()))
