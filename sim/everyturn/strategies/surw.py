"""Selectively uniform random walk: uniform over the interleavings of some steps, and all others left to chance.

Zhao, Wolff, Mathur, Roychoudhury: Selectively Uniform Concurrency Testing (ASPLOS 2025), section 3 (SURW). Which steps
are selected is up to the user there, and in its experiments the accesses to one memory location drawn for each run.
Here likewise: one location that several threads touch and somebody writes. All others get a random priority for each
access, as in the authors' artefact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from everyturn.strategies.profile import Profile
from everyturn.strategies.random_walk import Sampler
from everyturn.strategies.stream import DRAWN
from everyturn.world.access import Access

SLACK: Final = 0.25
"""The weight of a thread that should have no access left."""


class Surw(Sampler):
    """Before each access to the location of the run, a thread is drawn that is to make it; the others stay off
    meanwhile.

    It is drawn in proportion to the accesses to that location which each thread has still to make. With exact counts,
    and if no thread blocks, every interleaving of these accesses is equally probable, however many other steps lie
    between them. But the counts are means of a profile, and threads do block: then it is only nearly so. If the thread
    that was drawn does not come, another is drawn among those that wait; as a thread that has used up its count keeps a
    little weight, every interleaving of all steps is possible, whatever the counts are. (With exact counts this changes
    nothing: who waits when nobody else can move are all that have accesses left, and they are drawn in proportion.)
    """

    def __init__(self, seed: int, profile: Profile) -> None:
        super().__init__(seed)
        self._contended = profile.contended
        self._location = 0
        self._left: dict[int, float] = {}
        self._intended = -1
        self._priorities: dict[int, int] = {}

    def begin(self, run: int) -> None:
        super().begin(run)
        self._location, self._left, self._intended, self._priorities = 0, {}, -1, {}
        if self._contended:
            self._location, often = self._contended[self.below(len(self._contended))]
            self._left = dict(enumerate(often))
            self._intend(self._left)

    def pick(self, enabled: Sequence[Access]) -> int:
        selected = [access.thread for access in enabled if access.footprint.touched & self._location]
        if len(selected) == len(enabled) and self._intended not in selected:
            self._left.update({thread: max(1.0, self._left.get(thread, 0.0)) for thread in selected})
            self._intend(selected)
        place = self._highest(enabled, selected)
        made = enabled[place].thread
        del self._priorities[made]
        if made in selected:
            self._left[made] -= 1
            self._intend(self._left)
        return place

    def _intend(self, threads: Iterable[int]) -> None:
        """Draw the one of these threads that is to make the next access to the location."""
        weights = [(thread, max(SLACK, self._left[thread])) for thread in threads]
        point = next(self.draws) / DRAWN * sum(weight for _, weight in weights)
        for thread, weight in weights:
            self._intended = thread
            if point < weight:
                return
            point -= weight

    def _highest(self, enabled: Sequence[Access], selected: Sequence[int]) -> int:
        """The place of the access of highest priority among those that may be made."""
        best, highest = 0, -1
        for place, access in enumerate(enabled):
            thread = access.thread
            if thread not in self._priorities:
                self._priorities[thread] = next(self.draws)
            if self._priorities[thread] > highest and (thread == self._intended or thread not in selected):
                best, highest = place, self._priorities[thread]
        return best
