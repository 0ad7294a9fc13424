"""Things by number, numbered as they come."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any


class Table:
    """Each thing once, known by a key."""

    def __init__(self) -> None:
        self.listed: list[Any] = []
        self._numbers: dict[Hashable, int] = {}

    def number(self, key: Hashable, thing: Any) -> int:
        """The number of ``thing``, which is known by ``key``."""
        if key not in self._numbers:
            self._numbers[key] = len(self.listed)
            self.listed.append(thing)
        return self._numbers[key]
