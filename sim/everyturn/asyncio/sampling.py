"""Guides that draw at random. Each run has draws of its own, made from the seed and the run's number."""

from __future__ import annotations

from collections.abc import Sequence

from everyturn.asyncio.decisions import FirstOption
from everyturn.strategies.stream import stream


class RandomGuide(FirstOption):
    """Every option with equal probability."""

    def __init__(self, seed: int, number: int) -> None:
        self._draws = stream(seed, number)

    def choose(self, kind: str, options: Sequence[str]) -> int:
        """A random place."""
        return next(self._draws) * len(options) >> 32
