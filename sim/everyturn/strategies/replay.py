"""A recorded run: as its deviations from first-in first-out order, or by the names of its steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from everyturn.runs.tokens.named_steps import ByName, Named
from everyturn.strategies.strategy import Strategy
from everyturn.world.access import Access


class Replay(Strategy):
    """Follows ``deviations``: pairs of the number of a decision and what it was; every other decision is 0."""

    single = True

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


class Follow(Strategy):
    """Follows saved steps by their names, as far as it can (:class:`~everyturn.runs.tokens.named_steps.ByName`).

    ``threads``: the names of the world's threads.
    """

    single = True

    def __init__(self, names: Sequence[Named], threads: Sequence[str]) -> None:
        self.names = names
        self.threads = threads
        self.guide = ByName(names)
        self.steps = 0

    def begin(self, run: int) -> None:
        """Every run is the same."""
        self.guide = ByName(self.names)
        self.steps = 0

    def pick(self, enabled: Sequence[Access]) -> int:
        """The saved thread."""
        place = self.guide.pick(self.steps, [(self.threads[each.thread], each.name) for each in enabled])
        self.steps += 1
        return place

    def choose(self, outcomes: int) -> int:
        """The first, if outcomes have no names."""
        return 0

    def choose_named(self, operation: str, labels: Sequence[str]) -> int:
        """The saved outcome."""
        return self.guide.choose(operation, labels)

    def end(self, blocked: Sequence[Access]) -> None:
        """Nothing can move any more."""
        self.guide.finish(self.steps)
