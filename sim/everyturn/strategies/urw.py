"""Uniform random walk: threads weighted by the steps that they have still to make.

Zhao, Wolff, Mathur, Roychoudhury: Selectively Uniform Concurrency Testing (ASPLOS 2025), section 3 (URW). The counts
are estimates, from a profile.
"""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.strategies.profile import Profile
from everyturn.strategies.random_walk import Sampler
from everyturn.strategies.stream import DRAWN
from everyturn.world.access import Access


class Urw(Sampler):
    """Each enabled thread with a probability in proportion to its remaining steps.

    With exact counts and threads that never block, every interleaving is equally probable: of all interleavings of
    what remains, those that begin with one thread are to all as its remaining steps are to all remaining steps. With
    estimates, or blocking, it is only nearly so. A thread that has used up its estimate counts as one step from its
    end.
    """

    def __init__(self, seed: int, profile: Profile) -> None:
        super().__init__(seed)
        self._profile = profile.threads
        self._left: list[float] = []

    def begin(self, run: int) -> None:
        super().begin(run)
        self._left = list(self._profile)

    def pick(self, enabled: Sequence[Access]) -> int:
        if len(enabled) < 2:
            self._made(enabled[0].thread)
            return 0
        weights = [self._weight(access.thread) for access in enabled]
        point = next(self.draws) / DRAWN * sum(weights)
        place = 0
        while place < len(weights) - 1 and point >= weights[place]:
            point -= weights[place]
            place += 1
        self._made(enabled[place].thread)
        return place

    def _weight(self, thread: int) -> float:
        return max(1.0, self._left[thread]) if thread < len(self._left) else 1.0

    def _made(self, thread: int) -> None:
        if thread < len(self._left):
            self._left[thread] -= 1
