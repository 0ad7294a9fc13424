"""Namespaces of classes, and whether they still hold the very same things, at a glance.

What a class holds is looked at after every step of an agent, and hardly ever changes. So all namespaces are compared in
one go, by the names and the values in their order; who wants to know what has changed looks closer.
"""

from __future__ import annotations

from abc import get_cache_token
from collections.abc import Iterable
from itertools import chain
from operator import is_
from types import MappingProxyType
from typing import Any, Final

from everyturn.identity.library_state import is_immutable, said_of

_namespace: Final = type.__dict__["__dict__"].__get__


def held_by(kind: type) -> MappingProxyType[str, Any]:
    """What is in a class, as it is now and later, whatever its metaclass makes of attributes."""
    found: MappingProxyType[str, Any] = _namespace(kind)
    return found


class Glance:
    """What some classes hold and what is said of them, as it was when :meth:`take` was called last."""

    def __init__(self, kinds: Iterable[type]) -> None:
        given = tuple(kinds)
        self._kinds = tuple(kind for kind in given if not is_immutable(kind))
        self._namespaces = [held_by(kind) for kind in given]
        self._views = [each.values() for each in self._namespaces]
        self.take()

    def take(self) -> None:
        """Remember what the classes hold now."""
        self._lengths = [*map(len, self._namespaces)]
        self._names = [*chain.from_iterable(self._namespaces)]
        self._values = tuple(chain.from_iterable(self._views))
        self._said = tuple(chain.from_iterable(map(said_of, self._kinds)))
        self._registrations = get_cache_token()

    def is_same(self) -> bool:
        """Whether all classes hold the very same objects under the same names, in the same order, the same is said of
        them, and nobody was registered with any class; if it is so, looking closer would find no change."""
        return (
            [*map(len, self._namespaces)] == self._lengths
            and all(map(is_, chain.from_iterable(self._views), self._values))
            and [*chain.from_iterable(self._namespaces)] == self._names
            and all(map(is_, chain.from_iterable(map(said_of, self._kinds)), self._said))
            and get_cache_token() == self._registrations
        )
