"""Keys that are not found any more, as what their hash is made of has changed since they were put where they are.

Sets and dictionaries keep the hash that a key had; nothing shows it. What is kept so is compared with what the key says
now. A container with another one in it is known by nothing.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from ctypes import c_ssize_t
from types import FunctionType
from typing import TYPE_CHECKING, Any

from everyturn.asyncio.order.earlier import HASH
from everyturn.asyncio.order.ordering import WorldTask
from everyturn.identity.dict_table import READS, hashes_of_keys
from everyturn.identity.set_table import hashes_of

if TYPE_CHECKING:
    from everyturn.asyncio.states.encoding import StateEncoder


def check(encoder: StateEncoder, container: Any, keys: Iterable[Any]) -> None:
    """Raise :class:`~everyturn.asyncio.states.unknown.UnknownValue` if one of these keys of a set or dictionary has
    another hash now than it had."""
    asked = [each for each in keys if is_by_program(each)]
    if not asked:
        return
    if isinstance(container, dict) and not READS:
        raise encoder.opaque(container)
    kept = hashes_of_keys(container) if isinstance(container, dict) else hashes_of(container)
    with encoder.world.numbers.neighbours.unseen():
        if any(kept.get(id(each)) != _hash(each) for each in asked):
            raise encoder.opaque(container)


def is_by_program(key: Any) -> bool:
    """Whether code of a program makes the hash of a key."""
    kind: Any = type(key)
    if kind is tuple:
        return any(map(is_by_program, key))
    own = kind.__hash__
    if own is WorldTask.__hash__:  # for a set another one than for a dictionary, but always the same for each of them
        return False
    return type(own) is FunctionType or (isinstance(key, weakref.ref) and is_by_program(key()))


def _hash(key: Any) -> int | None:
    if isinstance(key, weakref.ref):  # which keeps it itself
        there = key()
        return c_ssize_t.from_address(id(key) + HASH).value if there is None else _hash(there)
    try:
        return hash(key)
    except Exception:  # noqa: BLE001 # whatever the program's own code raises: it cannot be found
        return None
