"""Probabilistic concurrency testing: random priorities, changed at a few random steps.

Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs
(ASPLOS 2010), section 3. The fair variant is that of Coyote's `fair-pct`: after as many steps as a run is expected to
have, priorities would only starve somebody, and it goes on as a random walk.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from everyturn.strategies.profile import Profile
from everyturn.strategies.random_walk import Sampler
from everyturn.strategies.stream import stream
from everyturn.world.access import Access

PLAN: Final = 1
"""The lane that a run's plan is drawn from: its change points, then the priority of each thread by number."""
THREAD_BITS: Final = 16
"""A thread's priority is its draw, and below that its number, so that no two are equal."""


class Pct(Sampler):
    """The enabled thread of highest priority goes on; at ``depth`` - 1 random steps the one that would sinks below all.

    A violation that needs ``depth`` ordering constraints between steps to be met is found by each run with a
    probability of at least 1 / (n k^(depth - 1)), for n threads and runs of at most k steps, times that of the outcomes
    it needs. k is the most that the profile saw; in a longer run the late steps have no change point among them.
    :mod:`everyturn.engines.walks.priorities` makes the same runs.
    """

    def __init__(self, seed: int, depth: int, profile: Profile) -> None:
        super().__init__(seed)
        self.depth = depth
        self.steps = profile.steps
        self._plan: Iterator[int] = stream(seed, 0, PLAN)
        self._priorities: list[int] = []
        self._changes: dict[int, int] = {}
        self._step = 0

    def begin(self, run: int) -> None:
        super().begin(run)
        self._plan = stream(self.seed, run, PLAN)
        # Of two change points at one step the lower priority counts: the paper draws them independently, too.
        self._changes = {next(self._plan) * self.steps >> 32: -place for place in range(1, self.depth)}
        self._priorities = []
        self._step = 0

    def pick(self, enabled: Sequence[Access]) -> int:
        place = self._highest(enabled)
        if self._step in self._changes:
            self._priorities[enabled[place].thread] = self._changes[self._step]
            place = self._highest(enabled)
        self._step += 1
        return place

    def _highest(self, enabled: Sequence[Access]) -> int:
        """The place of the thread of highest priority; those drawn at the start are above all changed ones."""
        priorities = self._priorities
        best, highest = 0, -self.depth
        for place, access in enumerate(enabled):
            while access.thread >= len(priorities):
                priorities.append(next(self._plan) << THREAD_BITS | len(priorities))
            if priorities[access.thread] > highest:
                best, highest = place, priorities[access.thread]
        return best


class FairPct(Pct):
    """PCT for as many steps as the profile saw, a random walk from there on: no thread waits for ever."""

    def pick(self, enabled: Sequence[Access]) -> int:
        if self._step < self.steps:
            return super().pick(enabled)
        return self.below(len(enabled))
