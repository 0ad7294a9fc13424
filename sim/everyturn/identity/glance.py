"""Namespaces of classes, and whether they still hold the very same things, at a glance.

What a class holds is looked at after every step of an agent, and hardly ever changes. So all namespaces are compared in
one go, by the names and the values in their order; who wants to know what has changed looks closer.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from operator import is_
from types import MappingProxyType
from typing import Any, Final

from everyturn.identity.python_kinds import is_registered_with

_namespace: Final = type.__dict__["__dict__"].__get__


def held_by(kind: type) -> MappingProxyType[str, Any]:
    """What is in a class, as it is now and later, whatever its metaclass makes of attributes."""
    found: MappingProxyType[str, Any] = _namespace(kind)
    return found


class Glance:
    """What some classes hold, as it was when :meth:`take` was called last.

    ``abstract``: those of which it counts, too, who was registered with them.
    """

    def __init__(self, kinds: Iterable[type], abstract: Iterable[type]) -> None:
        self._namespaces = [held_by(kind) for kind in kinds]
        self._views = [each.values() for each in self._namespaces]
        self._abstract = tuple(abstract)
        self.take()

    def take(self) -> None:
        """Remember what the classes hold now."""
        self._lengths = [*map(len, self._namespaces)]
        self._names = [*chain.from_iterable(self._namespaces)]
        self._values = tuple(chain.from_iterable(self._views))

    def is_same(self) -> bool:
        """Whether all classes hold the very same objects under the same names, in the same order, and nobody is
        registered with any; if it is so, looking closer would find no change."""
        return (
            [*map(len, self._namespaces)] == self._lengths
            and all(map(is_, chain.from_iterable(self._views), self._values))
            and [*chain.from_iterable(self._namespaces)] == self._names
            and not any(map(is_registered_with, self._abstract))
        )
