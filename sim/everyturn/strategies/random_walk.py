"""Uniform random choice at every step.

The probability of a schedule is the product of one over the number of enabled threads, so that schedules in which a
thread has to be overtaken many times are rare: see Burckhardt et al., A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs (ASPLOS 2010), section 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.strategies.strategy import Strategy
from everyturn.strategies.stream import stream
from everyturn.world.access import Access


class Sampler(Strategy):
    """What the random strategies share: each run has draws of its own, made from ``seed`` and the run's number.

    So runs do not depend on each other, and any process can make any of them. Outcomes are equally probable.
    """

    independent = True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.draws = stream(seed, 0)

    def begin(self, run: int) -> None:
        self.draws = stream(self.seed, run)

    def below(self, number: int) -> int:
        """A random number from 0 to ``number`` - 1."""
        return next(self.draws) * number >> 32

    def choose(self, outcomes: int) -> int:
        return self.below(outcomes)


class RandomWalk(Sampler):
    """Every enabled thread, and every outcome, with equal probability.

    Nothing is drawn where there is nothing to decide. :mod:`everyturn.engines.walks.walks` draws the same.
    """

    blind = True

    def pick(self, enabled: Sequence[Access]) -> int:
        among = len(enabled)
        return next(self.draws) * among >> 32 if among > 1 else 0
