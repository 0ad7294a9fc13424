"""States as bytes: equal for equal states only."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Sequence
from itertools import islice


class StatePacking:
    """Makes bytes of states: few, and nothing for the collector to look into.

    A state is a sequence of few different elements: each gets a number, and a state is that of its elements' numbers.
    """

    def __init__(self) -> None:
        self._numbers = _Numbered()

    def __call__(self, kind: str, options: Sequence[str], state: Sequence[Hashable]) -> bytes:
        """The bytes of ``state`` where the world has this choice."""
        elements = (kind, tuple(options), *state)
        try:
            return array("I", map(self._numbers.__getitem__, elements)).tobytes()
        except TypeError:  # something has a name, say, that cannot be hashed
            return array("I", (self._numbers["", repr(each)] for each in elements)).tobytes()

    def number(self, element: Hashable) -> int:
        """The number of an element, which gets one if it has none."""
        return self._numbers[element]

    def elements(self, first: int) -> list[Hashable]:
        """Those that have this number, or a later one, in their order."""
        return list(islice(self._numbers, first, None))


class _Numbered(dict[Hashable, int]):
    """What is asked for the first time gets the next number."""

    def __missing__(self, element: Hashable) -> int:
        number = self[element] = len(self)
        return number
