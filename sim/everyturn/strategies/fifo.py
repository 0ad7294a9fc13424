"""First in, first out: stock SimPy order."""

from __future__ import annotations


class Fifo:
    """Whoever asked first goes on; every choice has its friendly outcome."""

    def begin(self, run: int) -> None:
        """Every run is the same."""

    def pick(self, enabled: int) -> int:
        """The first."""
        return 0

    def choose(self, outcomes: int) -> int:
        """The friendly one."""
        return 0
