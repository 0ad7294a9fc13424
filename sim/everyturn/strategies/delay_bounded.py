"""Delay-bounded search: schedules in which a deterministic scheduler was delayed a few times.

Emmi, Qadeer, Rakamarić: Delay-Bounded Scheduling (POPL 2011). The deterministic scheduler is theirs: the thread that
moved last goes on while it can, then the next one in a round; each delay skips one thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from everyturn.strategies.depth_first import DepthFirst
from everyturn.world.access import Access


class DelayBounded(DepthFirst):
    """All schedules with at most ``bound`` delays."""

    def costs(self, enabled: Sequence[Access]) -> Iterable[tuple[int, int]]:
        round_ = sorted((access.thread < self.last, access.thread, place) for place, access in enumerate(enabled))
        return [(place, cost) for cost, (_, _, place) in enumerate(round_)]
