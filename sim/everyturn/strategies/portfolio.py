"""A portfolio: each run is made by one of several samplers, drawn at random.

No sampler is best for every fault; a mixture of m of them needs at most m times the runs of the best one on average.
Drawing at random, rather than in turn, makes the runs independent samples of one distribution, the mixture.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from everyturn.strategies.random_walk import Sampler
from everyturn.strategies.stream import stream
from everyturn.world.access import Access

MEMBER: Final = 2
"""The lane that the member of a run is drawn from."""


class Portfolio(Sampler):
    """A mixture of ``members`` in equal parts."""

    def __init__(self, seed: int, members: Sequence[Sampler]) -> None:
        super().__init__(seed)
        self.members = tuple(members)
        self._member = self.members[0]

    def begin(self, run: int) -> None:
        self._member = self.members[next(stream(self.seed, run, MEMBER)) * len(self.members) >> 32]
        self._member.begin(run)

    def pick(self, enabled: Sequence[Access]) -> int:
        return self._member.pick(enabled)

    def choose(self, outcomes: int) -> int:
        return self._member.choose(outcomes)
