"""Uniform random choice at every step.

The probability of a schedule is the product of one over the number of enabled threads, so that schedules in which a
thread has to be overtaken many times are rare: see Burckhardt et al., A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs (ASPLOS 2010), section 1.
"""

from __future__ import annotations

import random


class RandomWalk:
    """Each run has a generator of its own, made from ``seed`` and the run's number, so that runs do not depend on
    each other's length."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._random = random.Random(f"{seed}/0")

    def begin(self, run: int) -> None:
        """Start the generator of this run."""
        self._random = random.Random(f"{self.seed}/{run}")

    def pick(self, enabled: int) -> int:
        """Any thread."""
        return self._random.randrange(enabled) if enabled > 1 else 0

    def choose(self, outcomes: int) -> int:
        """Any outcome."""
        return self._random.randrange(outcomes) if outcomes > 1 else 0
