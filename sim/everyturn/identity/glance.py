"""Namespaces of classes, and whether they still hold the very same things, at a glance.

What a class holds is looked at after every step of an agent, and hardly ever changes. CPython gives a dictionary
another number with every change (PEP 509), and only these numbers are compared. Where it does not, all that classes
hold is put into one tuple, names and values in their order, and the addresses in that are compared in one go. Who wants
to know what has changed looks closer.
"""

from __future__ import annotations

import ctypes
from abc import get_cache_token
from array import array
from collections.abc import Iterable
from gc import get_referents
from itertools import chain
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from everyturn.identity.library_state import SAYING, is_immutable

_ADDRESS: Final = ctypes.sizeof(ctypes.c_void_p)
_HEAD: Final = tuple.__basicsize__
_SAMPLE: Final = (None, True, "", (), int)
_value: Final = attrgetter("value")
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
        self._versions = _versions(self._namespaces) if _COUNTS else ()
        self.take()

    def take(self) -> None:
        """Remember what the classes hold now."""
        self._numbers = self._count()
        self._held = self._all()  # kept, so that nothing else comes to lie at these addresses
        self._addresses = addresses(self._held)
        self._registrations = get_cache_token()

    def is_same(self) -> bool:
        """Whether all classes hold the very same objects under the same names, in the same order, the same is said of
        them, and nobody was registered with any class; if it is so, looking closer would find no change."""
        return (
            addresses(self._all()) == self._addresses
            and self._count() == self._numbers
            and get_cache_token() == self._registrations
        )

    def _count(self) -> list[int]:
        """For each class a number that is another one when its namespace has been changed; or how much is in it."""
        return [*map(_value, self._versions)] if self._versions else [*map(len, self._namespaces)]

    def _all(self) -> tuple[object, ...]:
        """All that is said of the classes; and all names and all values, where changes are not counted."""
        said = chain.from_iterable([map(says, self._kinds) for says in SAYING])
        if self._versions:
            return tuple(said)
        return (*chain.from_iterable(self._namespaces), *chain.from_iterable(self._views), *said)


def addresses(held: tuple[object, ...]) -> bytes:
    """The addresses of all that a tuple holds, in their order: CPython keeps them behind the head of the tuple."""
    return ctypes.string_at(id(held) + _HEAD, _ADDRESS * len(held))


def _asked_for(held: tuple[object, ...]) -> bytes:
    """As :func:`addresses`, wherever they are kept."""
    return array("Q", map(id, held)).tobytes()


if addresses(_SAMPLE) != _asked_for(_SAMPLE):  # an interpreter that keeps them elsewhere
    addresses = _asked_for


def _versions(namespaces: Iterable[MappingProxyType[str, Any]]) -> tuple[ctypes.c_uint64, ...]:
    """The numbers of changes of namespaces, where they are kept: behind the length of each."""
    found = (get_referents(each)[0] for each in namespaces)
    return tuple(ctypes.c_uint64.from_address(id(each) + object.__basicsize__ + _ADDRESS) for each in found)


def _counts_changes() -> bool:
    """Whether this interpreter counts the changes of dictionaries where :func:`_versions` looks."""
    sample: dict[str, Any] = {"a": 1, "b": 2}
    (version,) = _versions([MappingProxyType(sample)])
    seen = [version.value]
    for change in (
        *(lambda: sample.update(a=2), lambda: sample.update(a=1), lambda: sample.update(c=3)),
        *(lambda: sample.setdefault("d", 4), lambda: sample.pop("a"), lambda: sample.__delitem__("b")),
        *(sample.popitem, lambda: sample.__ior__({"a": 1}), sample.clear, lambda: sample.update(a=1, b=2)),
    ):
        change()
        seen.append(version.value)
    return len({*seen}) == len(seen)


_COUNTS: Final = _counts_changes()
