"""What is hidden in keys that have changed, in modules of another class, and behind what a class says of itself: how
each is made in two ways, and what is seen of it later."""

from __future__ import annotations

import functools
import types
import weakref
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import Any, Final

module: Any = types.ModuleType("asyncio_hidden_in_keys")


class SpeakingModule(types.ModuleType):
    """What a module may become."""


class Key:
    """Equal to those of the same number, which may change."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and self.number == other.number


class Hides:
    """Says that it has no attributes."""

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return {}


def _put(container: Callable[[Any], Any]) -> Callable[[int], tuple[Key, Any]]:
    """A key of the number 0, which was 8 when it was put there, or was not: where it lies is the same."""

    def make(way: int) -> tuple[Key, Any]:
        key = Key(8 * way)
        held = container(key)
        key.number = 0
        return key, held

    return make


def _is_found(held: tuple[Key, Any]) -> bool:
    return Key(0) in held[1]


def _within_a_tuple(key: Key) -> dict[Any, int]:
    return {(key, 1): 2}


def _asked(key: Key) -> Any:
    kept = functools.cache(_nothing)
    kept(key)
    return kept


def _nothing(_: object) -> None: ...


def _how_often_asked(held: tuple[Key, Any]) -> int:
    held[1](Key(0))
    misses: int = held[1].cache_info().misses
    return misses


def _hidden(way: int) -> Hides:
    thing: Any = Hides()
    thing.way = way
    return thing  # type: ignore[no-any-return]


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "with which hash a key was put": (_put(lambda key: {key: 1}), _is_found),
    "with which hash a member was put": (_put(lambda key: {key}), _is_found),
    "with which hash a key of a default was put": (_put(lambda key: defaultdict(int, {key: 1})), _is_found),
    "with which hash an ordered key was put": (_put(lambda key: OrderedDict([(key, 1)])), _is_found),
    "with which hash a weak key was put": (_put(lambda key: weakref.WeakKeyDictionary({key: 1})), _is_found),
    "with which hash a tuple was put": (_put(_within_a_tuple), lambda held: (Key(0), 1) in held[1]),
    "with which hash a result was kept": (_put(_asked), _how_often_asked),
    "of which class a module is": (
        lambda way: setattr(module, "__class__", (types.ModuleType, SpeakingModule)[way]),
        lambda _: isinstance(module, SpeakingModule),
    ),
    "attributes that a class hides": (_hidden, lambda thing: thing.way),
}
"""What differs → how it is made (of 0 or 1), and what is seen of it later."""
