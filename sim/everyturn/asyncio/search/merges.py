"""Which runs of a search came to a state that another one had been in: what a counter-check follows once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

MOST_KEPT: Final = 2_000
"""So many are kept at least, if there are as many: evenly spread over the search."""


class ScenarioMerge(NamedTuple):
    """``way``: the choices, by their places, that led to the state of number ``state``, which others had reached
    before."""

    way: tuple[int, ...]
    state: int


class ScenarioMerges:
    """The merges of a search, thinned out evenly when they become too many."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.kept: list[ScenarioMerge] = []
        self._most = most
        self._stride = 1
        self._count = 0

    def add(self, way: Sequence[int], state: int) -> None:
        """One more."""
        if self._count % self._stride == 0:
            self.kept.append(ScenarioMerge(tuple(way), state))
            if len(self.kept) >= 2 * self._most:
                del self.kept[1::2]
                self._stride *= 2
        self._count += 1
