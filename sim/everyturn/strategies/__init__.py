"""Scheduling strategies: who goes on among the threads that could, and which outcome a choice of the world has.

A strategy knows nothing of the world. To add one, write a file with a class that has the methods of :class:`Strategy`
and a line in :data:`STRATEGIES`.
"""

from __future__ import annotations

from typing import Final

from everyturn.errors import UsageError
from everyturn.strategies.fifo import Fifo
from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.strategy import Strategy

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
