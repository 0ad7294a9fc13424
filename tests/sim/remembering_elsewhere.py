"""A module that keeps things, for agents of another module."""

from __future__ import annotations

NUMBER = 0
_KEPT: dict[str, list[int]] = {}


def put(n: int) -> None:
    _KEPT.setdefault("x", []).append(n)


def looked_up() -> int:
    return _KEPT["x"][-1]


class Counter:
    """Counts for all of its objects."""

    total = 0

    def add(self, n: int) -> None:
        type(self).total += n


COUNTER = Counter()
