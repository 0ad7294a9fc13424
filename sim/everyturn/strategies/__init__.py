"""Scheduling strategies: who goes on among the threads that could, and which outcome a choice of the world has.

A strategy knows nothing of the world. To add one, write a file with a class that has the methods of :class:`Strategy`
and a line in :data:`STRATEGIES`.
"""

from __future__ import annotations

from typing import Final, Protocol

from everyturn.errors import UsageError
from everyturn.strategies.fifo import Fifo
from everyturn.strategies.random_walk import RandomWalk


class Strategy(Protocol):
    """Decides one run after the other."""

    def begin(self, run: int) -> None:
        """Run number ``run`` (0, 1, …) begins."""

    def pick(self, enabled: int) -> int:
        """Which of ``enabled`` threads goes on, by its place in first-in first-out order."""
        ...

    def choose(self, outcomes: int) -> int:
        """Which of ``outcomes`` a choice of the world has; 0 is the friendly one."""
        ...


STRATEGIES: Final[dict[str, str]] = {
    "fifo": "stock SimPy order: whoever asked first goes on, and the world is friendly; one schedule",
    "random-walk": "every enabled thread, and every outcome, with equal probability at each step",
}
"""Name → what it does. `replay` is not listed: it needs a schedule."""


def strategy(name: str, seed: int) -> Strategy:
    """The strategy ``name``. Raises :class:`UsageError` for one that is not known."""
    match name:
        case "fifo":
            return Fifo()
        case "random-walk":
            return RandomWalk(seed)
    raise UsageError(f"strategy {name!r}: expected one of {', '.join(STRATEGIES)}")
