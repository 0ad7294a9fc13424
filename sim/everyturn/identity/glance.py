"""Namespaces of classes, and whether they still hold the very same things, at a glance.

What a class holds is looked at after every step of an agent, and hardly ever changes. So all of it is put into one
tuple, names and values in their order, and the addresses in that are compared in one go; who wants to know what has
changed looks closer.
"""

from __future__ import annotations

import ctypes
from abc import get_cache_token
from array import array
from collections.abc import Iterable
from itertools import chain
from types import MappingProxyType
from typing import Any, Final

from everyturn.identity.library_state import SAYING, is_immutable

_ADDRESS: Final = ctypes.sizeof(ctypes.c_void_p)
_HEAD: Final = tuple.__basicsize__
_SAMPLE: Final = (None, True, "", (), int)
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
        self._held = self._all()  # kept, so that nothing else comes to lie at these addresses
        self._addresses = addresses(self._held)
        self._registrations = get_cache_token()

    def is_same(self) -> bool:
        """Whether all classes hold the very same objects under the same names, in the same order, the same is said of
        them, and nobody was registered with any class; if it is so, looking closer would find no change."""
        return (
            addresses(self._all()) == self._addresses
            and [*map(len, self._namespaces)] == self._lengths
            and get_cache_token() == self._registrations
        )

    def _all(self) -> tuple[object, ...]:
        """All names, all values, and all that is said of the classes."""
        kinds = self._kinds
        return (
            *chain.from_iterable(self._namespaces),
            *chain.from_iterable(self._views),
            *chain.from_iterable([map(says, kinds) for says in SAYING]),
        )


def addresses(held: tuple[object, ...]) -> bytes:
    """The addresses of all that a tuple holds, in their order: CPython keeps them behind the head of the tuple."""
    return ctypes.string_at(id(held) + _HEAD, _ADDRESS * len(held))


def _asked_for(held: tuple[object, ...]) -> bytes:
    """As :func:`addresses`, wherever they are kept."""
    return array("Q", map(id, held)).tobytes()


if addresses(_SAMPLE) != _asked_for(_SAMPLE):  # an interpreter that keeps them elsewhere
    addresses = _asked_for
