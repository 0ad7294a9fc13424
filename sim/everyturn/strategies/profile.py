"""What some strategies need to know of a program before they can sample it: how many steps each thread makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from everyturn.strategies.access import Access
from everyturn.strategies.random_walk import Sampler
from everyturn.strategies.strategy import Strategy

RUNS: Final = 20
"""How many random runs are counted."""


class Profile(NamedTuple):
    """Steps that each thread makes in a run, on average, and the most steps that were seen of a run as a whole."""

    threads: tuple[float, ...]
    steps: int


class _Counting(Sampler):
    """Every enabled thread with equal probability; the steps of each thread are counted."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.counts: Counter[int] = Counter()

    def pick(self, enabled: Sequence[Access]) -> int:
        place = self.random.randrange(len(enabled)) if len(enabled) > 1 else 0
        self.counts[enabled[place].thread] += 1
        return place


def profile(run: Callable[[Strategy, int], object], seed: int) -> Profile:
    """Count the steps of :data:`RUNS` random runs that ``run`` makes; ``seed`` decides them."""
    total: Counter[int] = Counter()
    most = 1
    for number in range(RUNS):
        walk = _Counting(seed)
        run(walk, number)
        total += walk.counts
        most = max(most, walk.counts.total())
    threads = range(max(total, default=-1) + 1)
    return Profile(tuple(total[thread] / RUNS for thread in threads), most)
