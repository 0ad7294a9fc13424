"""Preemption-bounded search: schedules in which few threads were interrupted although they could have gone on.

Musuvathi, Qadeer: Iterative Context Bounding for Systematic Testing of Multithreaded Programs (PLDI 2007), the search
of CHESS.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from everyturn.strategies.depth_first import DepthFirst
from everyturn.world.access import Access


class PreemptionBounded(DepthFirst):
    """All schedules with at most ``bound`` preemptions; switching away from a thread that is blocked or over is
    free."""

    def costs(self, enabled: Sequence[Access]) -> Iterable[tuple[int, int]]:
        threads = [access.thread for access in enabled]
        if self.last not in threads:
            return [(place, 0) for place in range(len(enabled))]
        going_on = threads.index(self.last)
        return [(going_on, 0), *((place, 1) for place in range(len(enabled)) if place != going_on)]
