"""Partial order sampling: a random priority for each access, drawn again for whatever races with the one just made.

Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling (CAV 2018), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.strategies.random_walk import Sampler
from everyturn.world.access import Access


class Pos(Sampler):
    """Of all enabled accesses the one of highest priority is made.

    Orders of accesses that depend on each other are sampled far more evenly than by a random walk, in which a thread
    with many independent steps is always late. Without any dependence every order of whole threads' steps is possible,
    and equally so for threads of one step.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._priorities: dict[int, int] = {}

    def begin(self, run: int) -> None:
        super().begin(run)
        self._priorities = {}

    def pick(self, enabled: Sequence[Access]) -> int:
        priorities = self._priorities
        best, highest = 0, -1
        for place, access in enumerate(enabled):
            priority = priorities.get(access.thread)
            if priority is None:
                priority = priorities[access.thread] = next(self.draws)
            if priority > highest:
                best, highest = place, priority
        made = enabled[best]
        priorities.pop(made.thread)
        footprint = made.footprint
        for access in enabled:
            if access is not made and footprint.depends_on(access.footprint):
                priorities.pop(access.thread)
        return best
