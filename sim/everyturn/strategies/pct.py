"""Probabilistic concurrency testing: random priorities, changed at a few random steps.

Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs
(ASPLOS 2010), section 3. The fair variant is that of Coyote's `fair-pct`: after as many steps as a run is expected to
have, priorities would only starve somebody, and it goes on as a random walk.
"""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.strategies.access import Access
from everyturn.strategies.profile import Profile
from everyturn.strategies.random_walk import Sampler


class Pct(Sampler):
    """The enabled thread of highest priority goes on; at ``depth`` - 1 random steps the one that would sinks below all.

    A violation that needs ``depth`` ordering constraints between steps to be met is found by each run with a
    probability of at least 1 / (n k^(depth - 1)), for n threads and runs of at most k steps, times that of the outcomes
    it needs. k is the most that the profile saw; in a longer run the late steps have no change point among them.
    """

    def __init__(self, seed: int, depth: int, profile: Profile) -> None:
        super().__init__(seed)
        self.depth = depth
        self.steps = profile.steps
        self._priorities: dict[int, float] = {}
        self._changes: dict[int, int] = {}
        self._step = 0

    def begin(self, run: int) -> None:
        super().begin(run)
        self._priorities = {}
        self._step = 0
        # Of two change points at one step the lower priority counts: the paper draws them independently, too.
        self._changes = {self.random.randrange(self.steps): -place for place in range(1, self.depth)}

    def pick(self, enabled: Sequence[Access]) -> int:
        place = self._highest(enabled)
        if self._step in self._changes:
            self._priorities[enabled[place].thread] = self._changes[self._step]
            place = self._highest(enabled)
        self._step += 1
        return place

    def _highest(self, enabled: Sequence[Access]) -> int:
        """The place of the thread of highest priority; a thread that is new gets a random one, above all changed ones."""
        priorities = self._priorities
        best, highest = 0, -float("inf")
        for place, access in enumerate(enabled):
            priority = priorities.get(access.thread)
            if priority is None:
                priority = priorities[access.thread] = self.random.random()
            if priority > highest:
                best, highest = place, priority
        return best


class FairPct(Pct):
    """PCT for as many steps as the profile saw, a random walk from there on: no thread waits for ever."""

    def pick(self, enabled: Sequence[Access]) -> int:
        if self._step < self.steps:
            return super().pick(enabled)
        return self.random.randrange(len(enabled))
