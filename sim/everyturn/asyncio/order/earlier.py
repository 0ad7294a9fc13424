"""Sets that were there before a run, such as ``BACKGROUND = set()`` of a module.

What is there before a run is kept from the collector (``gc.freeze``), which by that finds no such set any more when
somebody asks in which sets a task is. So they are remembered, by weak references: a run may still throw them away.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections import deque
from collections.abc import Container, Iterable, Iterator
from ctypes import c_ssize_t
from functools import partial
from itertools import chain, compress, filterfalse, repeat, starmap
from operator import call, is_not, ne
from typing import Any, Final
from weakref import ref

_PLAIN: Final = frozenset({str, int, bytes})


class EarlierSets:
    """The sets that :meth:`freeze` has come upon. A frozen set takes nothing in later, and is none of them."""

    def __init__(self) -> None:
        self._plain = _Found()
        """Those that held nothing but text and numbers when they were found. They can be compared at once."""
        self._others = _Found()
        self._locals: list[ref[threading.local]] = []
        self._known: list[ref[Any]] = []
        self._last: list[None] | None = None
        """What was made last when all that is known was there: what is made since is not older to the collector."""
        self._room = 0
        self.touched = False
        """Whether any of them may have taken something in, or given it away, since they were tidied."""

    def freeze(self) -> None:
        """Keep all that is there from the collector. Sets that are empty are as if nothing had ever been in them."""
        if self.touched:
            _tidy(self._sets())
            self.touched = False
        sets, found = _new_ones(self._unknown())
        self._locals = [*(each for each in self._locals if each() is not None), *map(ref, found)]
        for each in sets:
            held = frozenset(each)
            if _PLAIN.issuperset(map(type, held)):
                self._plain.add(each, held)
            else:
                self._others.add(each, frozenset(map(id, held)))
        if len(self._plain.sets) + len(self._others.sets) > self._room:
            self._room = 100 + 2 * (self._plain.only_what_is_there() + self._others.only_what_is_there())
        gc.freeze()

    def forget(self) -> None:
        """The collector finds everything again. Where there were sets is known the next time, if that comes soon."""
        self._known, self._last = [], None
        try:
            self.freeze()
            known: list[ref[Any]] = [*self._plain.sets, *self._others.sets, *self._locals]
        finally:
            gc.unfreeze()
            self._plain, self._others, self._locals = _Found(), _Found(), []
        self._known, self._last = known, []

    def _unknown(self) -> list[Any]:
        """What may be a set that is not frozen yet, or hold one.

        In a large process there are hundreds of thousands of objects. So those of the oldest generation are not gone
        through again if no other ones have come to it since all were: then what was made last is still in a younger
        one, and so is what came later.
        """
        known, last, self._known, self._last = self._known, self._last, [], None
        if last is not None:
            young = [*gc.get_objects(generation=0), *gc.get_objects(generation=1)]  # what moves meanwhile comes twice
            if any(each is last for each in young):
                return [*filter(partial(is_not, None), map(call, known)), *young]
        return gc.get_objects()

    def thread_locals(self, kinds: Container[type]) -> list[threading.local]:
        """The objects of these classes, derived from ``threading.local``, that were there before."""
        return [found for each in self._locals if (found := each()) is not None and type(found) in kinds]

    def _sets(self) -> Iterator[set[Any] | None]:
        return chain(map(call, self._plain.sets), map(call, self._others.sets))

    def changed(self) -> list[set[Any]]:
        """Those that hold something that they did not hold when they were found."""
        plain = list(map(call, self._plain.sets))
        return [
            *filter(None, compress(plain, map(ne, plain, self._plain.held))),
            *(
                each
                for each, held in zip(map(call, self._others.sets), self._others.held, strict=True)
                if each and not held.issuperset(map(id, each))
            ),
        ]

    def holding(self, members: Iterable[Any]) -> list[set[Any]]:
        """Those that hold one of these. A weak reference keeps the hash that it was asked for first, which is another
        one for a set than for a dictionary; one that was not asked for it yet is in no set, and is not asked."""
        found = {each for each in members if not isinstance(each, ref) or _was_hashed(each)}
        return list(filterfalse(found.isdisjoint, filter(None, self._sets())))


HASH: Final = 4 * tuple.__itemsize__
"""Where a weak reference keeps its hash: behind the count of references to it, its type, what it refers to, and what is
called when that ends (``PyWeakReference`` in CPython's ``Include/cpython/weakrefobject.h``)."""


def _was_hashed(reference: ref[Any]) -> bool:
    return c_ssize_t.from_address(id(reference) + HASH).value != -1


class _Found:
    """Sets, and what each of them held when it was found."""

    def __init__(self) -> None:
        self.sets: list[ref[set[Any]]] = []
        self.held: list[frozenset[Any]] = []

    def add(self, found: set[Any], held: frozenset[Any]) -> None:
        self.sets.append(ref(found))
        self.held.append(held)

    def only_what_is_there(self) -> int:
        """Forget the others; how many are left."""
        there = [found() is not None for found in self.sets]
        self.sets, self.held = list(compress(self.sets, there)), list(compress(self.held, there))
        return len(self.sets)


_NOBODYS: Final = (
    ("_pytest.nodes", "Node", ("extra_keyword_matches",)),
    ("networkx.utils.backends", "_dispatchable", ("optional_graphs", "list_graphs", "backends")),
    ("hypothesis.internal.constants_ast", "Constants", ("integers", "floats", "bytes", "strings")),
    ("pydantic.fields", "FieldInfo", ("_qualifiers",)),
    ("pydantic._internal._model_construction", "ModelMetaclass", ("__class_vars__",)),
    ("_frozen_importlib_external", "FileFinder", ("_path_cache", "_relaxed_path_cache")),
)
"""Module, class, and attributes that hold sets which no program has to do with, and of which there are thousands: what
a test is called by, which kinds of graphs a function takes, which numbers stand in somebody's code, how a field of a
model is qualified, which files are in a folder."""


def _new_ones(objects: list[Any]) -> tuple[list[set[Any]], list[threading.local]]:
    """The sets among these, tidied; but for nobody's. And what keeps something for each thread."""
    kinds, of_threads = dict(_nobodys_owners()), set(family_of(threading.local))
    there: list[Any] = list(compress(objects, map({set, *kinds, *of_threads}.__contains__, map(type, objects))))
    nobodys = {id(getattr(each, name, None)) for each in there for name in kinds.get(type(each), ())}
    found = [each for each in there if type(each) is set and id(each) not in nobodys]
    _tidy(found)
    return found, [each for each in there if type(each) in of_threads]


def _nobodys_owners() -> Iterator[tuple[type, tuple[str, ...]]]:
    for module, name, attributes in _NOBODYS:
        owner = getattr(sys.modules.get(module), name, None)
        if isinstance(owner, type):
            yield from ((each, attributes) for each in family_of(owner))


def family_of(of: type) -> Iterator[type]:
    """A class, and all that are derived from it."""
    yield of
    derived: list[type] = type.__subclasses__(of)
    for each in derived:
        yield from family_of(each)


_LAST_PLACE: Final = 7
"""Of eight, behind which the next one is the first."""


def _tidy(sets: Iterable[set[Any] | None]) -> None:
    """What a set that is empty gives next depends on what was in it: on where ``pop`` was last, and on places that are
    not used again. Make that what it is in a new one. No other thread comes between, as no line of Python does: nor of
    a class derived from sets, of which a program may have thousands."""
    empty: list[Any] = list(filterfalse(None, filter(partial(is_not, None), sets)))
    added: Iterator[Any] = zip(repeat(set.add), empty, repeat(_LAST_PLACE))  # there is no end to the others
    steps: Iterator[Any] = zip(added, zip(repeat(set.pop), empty), zip(repeat(set.clear), empty))
    deque(starmap(call, chain.from_iterable(steps)), 0)


EARLIER: Final = EarlierSets()
"""Those of the runs that are being made. Only one search runs in a process at a time."""
