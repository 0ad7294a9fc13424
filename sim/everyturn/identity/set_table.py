"""What a set remembers beside its members: how large its table is, where in it they lie, where others have been, and
where ``pop`` goes on to look.

All of it says in which order what is added later comes, and what ``pop`` takes next. Two sets of the same members in
the same order may differ in it: ``{1, 2, 3}``, and the same after ``one.add(one.pop())``. It is read from CPython's
``PySetObject``: no attribute shows it.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

SetTable = tuple[bytes, int]
"""One byte for each place of the table (empty, taken, left), and the place at which ``pop`` begins to look."""

_LEFT: Final = 2
_HASH_OF_WHAT_IS_LEFT: Final = -1
"""No object has this hash."""


class _Set(ctypes.Structure):
    _fields_ = (
        ("fill", ctypes.c_ssize_t),
        ("used", ctypes.c_ssize_t),
        ("mask", ctypes.c_ssize_t),
        ("table", ctypes.c_void_p),
        ("hash", ctypes.c_ssize_t),
        ("finger", ctypes.c_ssize_t),
    )


def table_of(value: set[Any] | frozenset[Any]) -> SetTable:
    """The table of a set, without its members."""
    held = _Set.from_address(id(value) + object.__basicsize__)
    size = held.mask + 1
    words = (ctypes.c_ssize_t * (2 * size)).from_address(held.table or 0)
    places = bytearray(map(bool, words[0::2]))
    if held.fill != held.used:
        for place, each in enumerate(words[1::2]):
            if each == _HASH_OF_WHAT_IS_LEFT:
                places[place] = _LEFT
    return bytes(places), held.finger & held.mask


def hashes_of(value: set[Any] | frozenset[Any]) -> dict[int, int]:
    """The hash with which each member was put into a set, by the addresses of members."""
    held = _Set.from_address(id(value) + object.__basicsize__)
    words = (ctypes.c_ssize_t * (2 * (held.mask + 1))).from_address(held.table or 0)
    return {
        key: each for key, each in zip(words[0::2], words[1::2], strict=True) if key and each != _HASH_OF_WHAT_IS_LEFT
    }


def _check() -> None:
    """Raises :class:`AssertionError` on a Python whose sets are laid out otherwise."""
    popped = {1, 2, 3}
    popped.add(popped.pop())
    left = {0, 8}
    left.discard(8)
    seen = table_of({1, 2, 3}), table_of(popped), table_of(left), len(table_of(set(range(100)))[0])
    full = b"\0\1\1\1\0\0\0\0"
    assert seen == ((full, 0), (full, 2), (b"\1\2" + bytes(6), 0), 512), seen


_check()
