"""First in, first out: stock SimPy order."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.strategies.strategy import Strategy
from everyturn.world.access import Access


class Fifo(Strategy):
    """Whoever asked first goes on; every choice has its friendly outcome. One schedule, hence exhausted by one run."""

    single = True

    def begin(self, run: int) -> None:
        self.exhausted = True

    def pick(self, enabled: Sequence[Access]) -> int:
        return 0

    def choose(self, outcomes: int) -> int:
        return 0
