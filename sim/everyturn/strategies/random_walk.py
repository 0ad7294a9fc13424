"""Uniform random choice at every step.

The probability of a schedule is the product of one over the number of enabled threads, so that schedules in which a
thread has to be overtaken many times are rare: see Burckhardt et al., A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs (ASPLOS 2010), section 1.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from everyturn.strategies.access import Access
from everyturn.strategies.strategy import Strategy


class Sampler(Strategy):
    """What the random strategies share: each run has a generator of its own, made from ``seed`` and the run's number.

    So runs do not depend on each other, and any process can make any of them. Outcomes are equally probable.
    """

    independent = True

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(f"{seed}/0")

    def begin(self, run: int) -> None:
        self.random = random.Random(f"{self.seed}/{run}")

    def choose(self, outcomes: int) -> int:
        return self.random.randrange(outcomes)


class RandomWalk(Sampler):
    """Every enabled thread with equal probability."""

    def pick(self, enabled: Sequence[Access]) -> int:
        among = len(enabled)
        if among < 2:
            return 0
        # As random.randrange, without its checks: this is asked at every step of every run.
        bits = among.bit_length()
        place = self.random.getrandbits(bits)
        while place >= among:
            place = self.random.getrandbits(bits)
        return place
