"""A recorded schedule, as its deviations from first-in first-out order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from everyturn.strategies.access import Access
from everyturn.strategies.strategy import Strategy


class Replay(Strategy):
    """Follows ``deviations``: pairs of the number of a decision and what it was; every other decision is 0."""

    def __init__(self, deviations: Iterable[tuple[int, int]]) -> None:
        self.deviations = dict(deviations)
        self.decision = 0
        self.strayed: int | None = None

    def begin(self, run: int) -> None:
        """Every run is the same."""
        self.decision = 0
        self.strayed = None

    def pick(self, enabled: Sequence[Access]) -> int:
        """The recorded thread."""
        return self._next(len(enabled)) if len(enabled) > 1 else 0

    def choose(self, outcomes: int) -> int:
        """The recorded outcome."""
        return self._next(outcomes)

    def _next(self, among: int) -> int:
        wanted = self.deviations.get(self.decision, 0)
        if wanted >= among:
            self.strayed = self.decision if self.strayed is None else self.strayed
            wanted = 0
        self.decision += 1
        return wanted
