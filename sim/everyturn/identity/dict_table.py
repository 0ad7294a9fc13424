"""The hash with which each key was put into a dictionary, of whatever class derived from ``dict``.

A dictionary keeps it, and finds a key only as long as that has it; no attribute shows it. It is read from CPython's
``PyDictObject`` and ``PyDictKeysObject`` (``Include/internal/pycore_dict.h``).
"""

from __future__ import annotations

import ctypes
from collections import OrderedDict
from typing import Any, Final

_KEYS_OF_ANY_KIND: Final = 0


class _Dict(ctypes.Structure):
    _fields_ = (("used", ctypes.c_ssize_t), ("version", ctypes.c_uint64), ("keys", ctypes.c_void_p))


class _Keys(ctypes.Structure):
    _fields_ = (
        ("references", ctypes.c_ssize_t),
        ("log2_size", ctypes.c_uint8),
        ("log2_index_bytes", ctypes.c_uint8),
        ("kind", ctypes.c_uint8),
        ("version", ctypes.c_uint32),
        ("usable", ctypes.c_ssize_t),
        ("entries", ctypes.c_ssize_t),
    )


def hashes_of_keys(value: dict[Any, Any]) -> dict[int, int]:
    """The hash of each key, by the addresses of keys; of keys that are all texts, which have no other, nothing."""
    held = _Dict.from_address(id(value) + object.__basicsize__)
    keys = _Keys.from_address(held.keys)
    if keys.kind != _KEYS_OF_ANY_KIND:
        return {}
    start = held.keys + ctypes.sizeof(_Keys) + (1 << keys.log2_index_bytes)
    words = (ctypes.c_ssize_t * (3 * keys.entries)).from_address(start)
    return {key: kept for kept, key, there in zip(words[0::3], words[1::3], words[2::3], strict=True) if there}


def _reads() -> bool:
    """Whether dictionaries are laid out like that here."""

    class Key:
        number = 8

        def __hash__(self) -> int:
            return self.number

    keys = [Key() for _ in range(20)]
    held: OrderedDict[Any, int] = OrderedDict.fromkeys([*keys, "text", 3], 0)
    for each in keys:
        each.number = 0
    del held["text"]
    return hashes_of_keys(held) == {**dict.fromkeys(map(id, keys), 8), id(3): 3} and hashes_of_keys({"a": 1}) == {}


READS: Final = _reads()
"""Whether :func:`hashes_of_keys` can read the dictionaries of this Python."""
