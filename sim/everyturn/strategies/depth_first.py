"""Depth-first search over whole schedules, within a bound on what their deviations from a deterministic one cost.

Every schedule within the bound is run exactly once, those of least cost first and depth first among equals: run the
deterministic scheduler to the end, remember at each decision what else could have been decided, come back to it. The
search keeps what it has not yet tried; a run is made again from its start with a prefix of decisions.

Outcomes of the world (an error, a tool round, a cancelled stream) are decided in every way and cost nothing: the scope
bounds them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from everyturn.strategies.strategy import Guided
from everyturn.world.access import Access


class _Branch(NamedTuple):
    """What is to be tried: after the first ``length`` decisions of a run, ``decision`` (none at the very beginning)."""

    made: Sequence[int] = ()
    length: int = 0
    decision: tuple[int, ...] = ()


class DepthFirst(Guided):
    """What bounded searches share; they say in :meth:`costs` what each decision costs.

    ``bound``: infinity for a search that is complete for the scope. It then goes depth first through everything and
    keeps little. ``cost`` is that of the present run.
    """

    def __init__(self, bound: float) -> None:
        super().__init__()
        self.bound = bound
        self.proves = "always" if math.isinf(bound) else "none"
        self.cost = 0
        self._open: dict[int, list[_Branch]] = {0: [_Branch()]}

    @property
    def exhausted(self) -> bool:  # type: ignore[override]
        """Whether every schedule within the bound has been run."""
        return not self._open

    def begin(self, run: int) -> None:
        self.cost = min(self._open)
        branch = self._open[self.cost].pop()
        if not self._open[self.cost]:
            del self._open[self.cost]
        self.follow((*branch.made[: branch.length], *branch.decision))

    def costs(self, enabled: Sequence[Access]) -> Iterable[tuple[int, int]]:
        """All places, each with its cost; the deterministic scheduler's own is first and costs nothing."""
        raise NotImplementedError

    def decide(self, enabled: Sequence[Access]) -> int:
        if len(enabled) == 1:
            return 0
        (first, _), *others = self.costs(enabled)
        for place, cost in reversed(others):
            self._keep(place, 0 if math.isinf(self.bound) else self.cost + cost)
        return first

    def choose_outcome(self, outcomes: int) -> int:
        for outcome in reversed(range(1, outcomes)):
            self._keep(outcome, self.cost)
        return 0

    def _keep(self, decision: int, cost: int) -> None:
        if cost <= self.bound:
            self._open.setdefault(cost, []).append(_Branch(self.made, len(self.made), (decision,)))
