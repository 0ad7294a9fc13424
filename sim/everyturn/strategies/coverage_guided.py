"""Coverage-guided sampling: runs that showed something new are varied.

New is a pair of accesses of two threads, of which the later one touches a location that the earlier one wrote last.
After Wolff, Shi, Duck, Mathur, Roychoudhury: Greybox Fuzzing for Concurrency Testing (ASPLOS 2024), whose feedback are
such reads-from pairs. A run that is varied keeps its decisions up to a random place and goes on as a random walk.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from everyturn.strategies.strategy import Guided
from everyturn.world.access import Access

FRESH: Final = 0.25
"""The share of runs that start from nothing."""


class CoverageGuided(Guided):
    """A random walk that starts where runs with new pairs have been. Adaptive: its runs are not independent."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed
        self.random = random.Random(f"{seed}/0")
        self.pairs: set[tuple[int, str, int, str]] = set()
        self._kept: list[Sequence[int]] = []
        self._writers: dict[int, Access] = {}
        self._new = False

    def begin(self, run: int) -> None:
        self.random = random.Random(f"{self.seed}/{run}")
        self._writers = {}
        self._new = False
        prefix: Sequence[int] = ()
        if self._kept and self.random.random() >= FRESH:
            kept = self.random.choice(self._kept)
            prefix = kept[: self.random.randrange(len(kept) + 1)]
        self.follow(prefix)

    def pick(self, enabled: Sequence[Access]) -> int:
        place = super().pick(enabled)
        self._look(enabled[place])
        return place

    def decide(self, enabled: Sequence[Access]) -> int:
        return self.random.randrange(len(enabled))

    def choose_outcome(self, outcomes: int) -> int:
        return self.random.randrange(outcomes)

    def end(self, blocked: Sequence[Access]) -> None:
        if self._new:
            self._kept.append(tuple(self.made))

    def _look(self, access: Access) -> None:
        """Note which pairs an access makes with those before it."""
        touched, written = access.footprint
        while touched:
            location = touched & -touched
            touched ^= location
            writer = self._writers.get(location)
            if writer is not None and writer.thread != access.thread:
                pair = (writer.thread, writer.name, access.thread, access.name)
                if pair not in self.pairs:
                    self.pairs.add(pair)
                    self._new = True
            if written & location:
                self._writers[location] = access
