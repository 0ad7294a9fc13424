"""Values by number and numbers by value."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from everyturn.identity.anatomy import Changes
from everyturn.identity.encoder import Encoder
from everyturn.world import objects
from everyturn.world.encoding import encoder


def _typed(value: Any) -> Hashable:
    return (type(value), value)


class Interned:
    """Gives each value a number; values of different types are different (``True`` is not 1).

    ``key``: what values are compared by, for such as come from a dispatcher.
    """

    __slots__ = ("_key", "_numbers", "values")

    def __init__(self, key: Callable[[Any], Hashable] = _typed) -> None:
        self.values: list[Any] = []
        self._key = key
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Any) -> int:
        """The number of ``value``."""
        key = self._key(value)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.values)
            self.values.append(value)
        return number

    def find(self, value: Any) -> int | None:
        """The number of ``value``, if it has one."""
        return self._numbers.get(self._key(value))

    def restore(self, values: list[Any]) -> None:
        """Number these values, and nothing else, in this order."""
        self.values = []
        self._numbers = {}
        for value in values:
            self.number(value)


def columns() -> list[Interned]:
    """The values of each shared column, as a dispatcher's code can tell them apart: it sees no set but in its own
    objects."""
    own, others = encoder(), encoder(ordered=False)
    return [_column(own if column.handed_out else others) for column in objects.BY_NAME.values()]


def _column(values: Encoder) -> Interned:
    return Interned(lambda value: values.value(value, Changes.FORCED))
