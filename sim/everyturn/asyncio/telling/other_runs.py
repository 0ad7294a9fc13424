"""Other runs that a run is compared with: the same but for one thing, or all that begin like it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from everyturn.asyncio.runtime.decisions import ByWords, Decision
from everyturn.asyncio.search.depth_first import Merging

ORDERS: Final = ("arrives", "rest", "between steps", "inside a step", "next")
"""Kinds of choices of which of several things comes next."""


class Behind(ByWords):
    """The words of a run, but what came at choice ``number`` is taken behind ``early``. ``made``: what was chosen."""

    def __init__(self, decisions: Sequence[Decision], number: int, early: str) -> None:
        words = [(each.kind, each.word) for each in decisions]
        self._late = words.pop(number)[1]
        self._early = early
        self._came: list[str] = []
        self.made: list[tuple[str, str]] = []
        super().__init__(words)

    def watch(self, kind: str, what: Any) -> None:
        """One thing that happened."""
        if kind == "world":
            self._came.append(str(what))

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """The option that the recorded run took, but what is late."""
        taken = self._choose(kind, options)
        self.made.append((kind, options[taken]))
        return taken

    def _choose(self, kind: str, options: Sequence[str]) -> int:
        if kind not in ORDERS or self._late not in options or self._late in self._came:
            return super().choose(kind, options)
        if self._early in self._came:
            return options.index(self._late)
        others = [word for word in options if word != self._late]
        return options.index(others[super().choose(kind, others)])

    @property
    def in_order(self) -> bool:
        """Whether both came, once each, and in this order."""
        came = self._came
        return came.count(self._early) == came.count(self._late) == 1 and (
            came.index(self._early) < came.index(self._late)
        )


class Tries:
    """So many runs may still be made."""

    def __init__(self, left: int) -> None:
        self.left = left

    def one(self) -> bool:
        """Whether one more may be made."""
        self.left -= 1
        return self.left >= 0


class From(Merging):
    """Every run that begins with some given choices; equal states behind them are merged."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        super().__init__()
        self.taken = [each.taken for each in decisions]
        self.offered = [(each.kind, each.options) for each in decisions]
        self._fixed = len(self.taken)
        self._states = [None] * self._fixed

    def next(self) -> bool:
        """Go to the next prefix; whether there is one that begins with the given choices."""
        fixed = self.taken[: self._fixed]
        return super().next() and self.taken[: self._fixed] == fixed
