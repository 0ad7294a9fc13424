"""Values by number and numbers by value."""

from __future__ import annotations

from typing import Any


class Interned:
    """Gives each value a number; values of different types are different (``True`` is not 1)."""

    __slots__ = ("_numbers", "values")

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[tuple[type, Any], int] = {}

    def number(self, value: Any) -> int:
        """The number of ``value``."""
        key = (type(value), value)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.values)
            self.values.append(value)
        return number

    def restore(self, values: list[Any]) -> None:
        """Number these values, and nothing else, in this order."""
        self.values = []
        self._numbers = {}
        for value in values:
            self.number(value)
