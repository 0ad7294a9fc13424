"""Iterators that are made in C: known by what they go through, and by where they stand in it. And what was found in a
text.

No attribute shows it, so it is read from the fields of CPython's structures, and from the copy that ``__reduce__`` goes
through without moving the iterator on. What is said of a type here is tried on one of its objects when this module is
imported; on a Python where it is otherwise, objects of that type are not known.
"""

from __future__ import annotations

import ctypes
import gc
import itertools
import re
from contextlib import suppress
from functools import partial
from typing import Any, Final, NamedTuple

from everyturn.asyncio.states.encoding import StateEncoder, encodes
from everyturn.identity.set_table import table_of

_EMPTY: Final = object()
"""Stands for an object that a field could hold and does not."""


def _fields(value: Any, shape: str) -> list[Any]:
    """The first fields of an object: of each letter of ``shape`` one, ``o`` for an object, ``n`` for a number. Raises
    :class:`KeyError` where there is no object."""
    held = {id(each): each for each in gc.get_referents(value)}
    held[0] = _EMPTY
    words = (ctypes.c_ssize_t * len(shape)).from_address(id(value) + object.__basicsize__)
    return [word if letter == "n" else held[word] for letter, word in zip(shape, words, strict=True)]


# dictionaries and sets -----------------------------------------------------------------------------------------------

_OF_DICTIONARY: Final = "onnon"
"""The dictionary, its size when the iterator was made, the place where it stands, its last pair, how many are left."""
_OF_SET: Final = "onnn"
"""The set, its size then, the place where it stands, how many are left."""
_SAMPLE: Final[dict[int, int]] = {1: 1, 2: 2, 3: 3}
_VIEWS: Final[tuple[Any, ...]] = (_SAMPLE.keys(), _SAMPLE.values(), _SAMPLE.items())
_BACKWARDS: Final = frozenset(type(reversed(view)) for view in _VIEWS)


def _dictionary_iterator(encoder: StateEncoder, value: Any) -> None:
    """Of a dictionary in which what has been passed left no gaps: those could be closed under the iterator."""
    dictionary, size, place, pair, more = _fields(value, _OF_DICTIONARY)
    encoder.out.append((type(value).__name__, dictionary is not _EMPTY))
    if dictionary is _EMPTY:
        return
    try:
        left = len(value.__reduce__()[1][0])
    except RuntimeError as error:  # it has changed its size meanwhile
        raise encoder.opaque(value) from error
    if place != (left - 1 if type(value) in _BACKWARDS else len(dictionary) - left):
        raise encoder.opaque(value)
    encoder.out.append((size, left, more))
    encoder.value(dictionary)
    if pair is not _EMPTY:
        encoder.value(pair)


def _set_iterator(encoder: StateEncoder, value: Any) -> None:
    """What is taken into the set meanwhile may come, or not: that depends on the places of its table."""
    held, size, place, more = _fields(value, _OF_SET)
    encoder.out.append(("set iterator", held is not _EMPTY))
    if held is not _EMPTY:
        encoder.out.append((size, place, more, *table_of(held)))
        encoder.value(held)


# others --------------------------------------------------------------------------------------------------------------


class _Shape(NamedTuple):
    """The fields of a type; one of its objects, and after how many steps the numbers in it are these, with an object in
    each field for one."""

    fields: str
    sample: Any
    steps: int = 1
    numbers: tuple[int, ...] = ()


class _Items:
    """What has items by their numbers, and no iterator of its own."""

    def __getitem__(self, place: int) -> int:
        return (1, 2, 3)[place]


def _shapes() -> list[_Shape]:
    return [
        _Shape("no", iter(_Items()), 1, (1,)),
        _Shape("oo", itertools.chain([1], [2])),
        _Shape("onnnn", itertools.islice([1, 2, 3, 4, 5, 6], 1, 6, 2), 2, (5, 6, 2, 4)),
        _Shape("oonn", itertools.cycle("ab"), 1, (0, 0)),
        _Shape("oo", itertools.starmap(max, [(1, 2), (3, 4)])),
        _Shape("oo", itertools.filterfalse(bool, [0, 0])),
        _Shape("oo", itertools.compress([1, 2], [1, 1])),
        _Shape("on", itertools.repeat("a", 5), 2, (3,)),
        _Shape("oo", itertools.pairwise([1, 2, 3])),
        _Shape("oon", itertools.takewhile(bool, [1, 0, 1]), 1, (0,)),
        _Shape("oon", itertools.dropwhile(bool, [1, 0, 1]), 1, (1,)),
        _Shape("oooo", itertools.accumulate([1, 2], max, initial=0)),
    ]


def _by_fields(shape: str, encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(type(value).__name__)
    try:
        fields = _fields(value, shape)
    except KeyError as error:
        raise encoder.opaque(value) from error
    for letter, each in zip(shape, fields, strict=True):
        if letter == "n" or each is _EMPTY:
            encoder.out.append(each if letter == "n" else "empty")
        else:
            encoder.value(each)


def _learn() -> None:
    """The types whose objects look as it is said above."""
    for view in _VIEWS:
        for each, place in ((iter(view), 1), (reversed(view), 1)):
            next(each)
            with suppress(KeyError):
                dictionary, size, at, _, more = _fields(each, _OF_DICTIONARY)
                if dictionary is _SAMPLE and (size, at, more) == (3, place, 2):
                    encodes(type(each))(_dictionary_iterator)
    some = {1, 2, 3}
    iterator = iter(some)
    next(iterator)
    with suppress(KeyError):
        if _fields(iterator, _OF_SET) == [some, 3, 2, 2]:
            encodes(type(iterator))(_set_iterator)
    for shape in _shapes():
        for _ in range(shape.steps):
            next(shape.sample)
        with suppress(KeyError):
            found = _fields(shape.sample, shape.fields)
            numbers = tuple(each for each, letter in zip(found, shape.fields, strict=True) if letter == "n")
            if numbers == shape.numbers and _EMPTY not in found:
                encodes(type(shape.sample))(partial(_by_fields, shape.fields))


_learn()


@encodes(re.Match)
def _match(encoder: StateEncoder, value: re.Match[Any]) -> None:
    """What was found in which text, by which pattern."""
    encoder.out.append(("match", value.pos, value.endpos, value.regs, value.lastindex))
    encoder.value(value.re)
    encoder.value(value.string)
