"""Any object of a program as a sequence of plain values, in the order of a fixed traversal.

Objects are numbered as they are met, so that aliasing counts and addresses do not. What asyncio and its loop are made
of is known by :mod:`everyturn.asyncio.states.loop_kinds`, what is suspended by :mod:`everyturn.asyncio.states.frames`,
all else by its anatomy (:mod:`everyturn.identity.anatomy`). What cannot be known is :class:`UnknownValue`: a state that
holds it is equal to no other.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import ssl
import struct
import threading
import weakref
from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import filterfalse, islice
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from everyturn.asyncio.order import sequences
from everyturn.asyncio.order.hashed import (
    HASHED_AS_TEXTS,
    HOLDERS,
    by_address,
    hashed_parts,
    holds_numbered,
    is_numbered,
)
from everyturn.asyncio.order.moments import Moment, Span
from everyturn.asyncio.order.ordering import WorldFuture, WorldTask
from everyturn.asyncio.order.sets import is_chosen, plainly
from everyturn.asyncio.runtime import packages
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.states import addresses, hashes, mentioned
from everyturn.asyncio.states.classes import (
    NOT_OF_THE_CLASS,
    data_attributes,
    is_in_its_place,
    is_watched,
    methods,
    other_bases,
    registrations,
)
from everyturn.asyncio.states.process_names import NAMES
from everyturn.asyncio.states.unknown import UnknownValue
from everyturn.identity import anatomy as anatomies
from everyturn.identity import python_kinds, standard_kinds  # noqa: F401 - they register what they know
from everyturn.identity.anatomy import Same
from everyturn.identity.layout import HEAP, attributes, layout
from everyturn.identity.set_table import table_of

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

ATOMS: Final = frozenset({int, bool, str, bytes, type(None), type(...), type(NotImplemented)})
_NUMBERS: Final = frozenset({float, complex, range, Moment, Span})

_KNOWN: dict[type, Callable[[Any], Any]] = {}


def known(kind: type, by: Callable[[Any], Any]) -> None:
    """Know objects of type ``kind`` by the value that ``by`` returns for them. Two with equal values must do the
    same."""
    _KNOWN[kind] = by
    _OTHERWISE.clear()


Encode = Callable[["StateEncoder", Any], None]
_BY_TYPE: dict[type, Encode] = {}
_OTHERWISE: dict[type, Encode] = {}
"""How objects of types are encoded that are not in the table above: found out once for each."""


def encodes(*kinds: type) -> Callable[[Encode], Encode]:
    """Register how objects of exactly these types are encoded."""

    def register(encode: Encode) -> Encode:
        assert _BY_TYPE.keys().isdisjoint(kinds), "what one module knows another one must not know otherwise"
        _BY_TYPE.update(dict.fromkeys(kinds, encode))
        return encode

    return register


class StateEncoder:
    """Encodes one state. ``out`` grows as the traversal goes: strings, numbers and tuples of them, nothing else."""

    def __init__(self, world: ScenarioWorld) -> None:
        self.world = world
        self.out: list[Any] = []
        self.numbers: dict[int, int] = {}
        self.alive: list[object] = []
        self.instants: list[int] = [world.clock.now]
        self.globals: defaultdict[int, set[str]] = defaultdict(set)
        """Namespaces of modules by their addresses → names in them that were met."""
        self.read: set[tuple[int, int]] = set()  # code, and the globals that it reads, of which all are met
        self.namespaces: dict[int, int] = {}
        """Namespaces of globals by their addresses → numbers in the order in which they are met."""
        self.classes: set[int] = set()
        self.addresses: list[tuple[int, int]] = []
        """Places of whole numbers that may be addresses, and these."""
        self.texts: list[tuple[int, str]] = []
        """Places of texts in which there may be addresses, and these."""
        self.mentioned: set[str] = set()
        """Names in code that was met."""
        self.libraries: set[str] = set()
        """Modules of the standard library that were looked at."""
        self.met: dict[int, Any] = {}
        """Classes and modules, by their addresses: what code mentions of them counts."""
        self.functions: list[Any] = []
        self.logs = self.within_package = False
        """Whether a logger was met; whether what is met now is kept by a module of an installed package."""
        self.caches: list[Any] = []
        self.asks_caches = False  # code of the program, how often caches were asked
        for each in (world, world.loop, world.clock, world.guide, world.network):
            self.number(each)

    def part(self, name: str, *values: Any) -> None:
        """One part of the state, by its name."""
        self.out.append(name)
        for value in values:
            self.inside(name, value)

    def number(self, value: object) -> None:
        """Give ``value`` the next number, and keep it alive: addresses are used once only."""
        self.numbers[id(value)] = len(self.numbers)
        self.alive.append(value)

    def namespace(self, held: dict[str, Any]) -> None:
        """The ``__dict__`` of an object: others may share it, or hold it as what it is."""
        known = self.numbers.get(id(held))
        if known is None:
            self.number(held)
        else:
            self.out.append(("namespace", known))

    def meets(self, value: Any) -> None:
        """What code mentions of ``value`` counts, which is a class or a module."""
        if id(value) not in self.met:
            self.met[id(value)] = value
            self.alive.append(value)

    def inside(self, name: str, value: Any) -> None:
        """A part of something, by its name."""
        try:
            self.value(value)
        except UnknownValue as unknown:
            unknown.within(name)
            raise

    def opaque(self, value: Any) -> UnknownValue:
        """What to raise where ``value`` cannot be known."""
        return UnknownValue(type(value))

    def finish(self) -> None:
        """What can be said once all objects are met. A number that is the address of one of them (``id``) stands for
        it."""
        mentioned.complete(self)
        if self.asks_caches:
            self.out += [("asked", *each.cache_info()) for each in self.caches]
        for place, number in self.addresses:
            if number in self.numbers:
                self.out[place] = ("address", self.numbers[number])
        for place, text in self.texts:
            pieces = addresses.replaced(text, addresses.in_text(text), self.numbers)
            if pieces is not None:
                self.out[place] = ("text", *pieces)

    def value(self, value: Any) -> None:
        """Encode any object. Raises :class:`UnknownValue`."""
        kind = type(value)
        if kind in ATOMS:
            if kind is int and value > addresses.LEAST:
                self.addresses.append((len(self.out), value))
            elif kind is str and len(value) >= addresses.SHORTEST and addresses.in_text(value):
                self.texts.append((len(self.out), value))
            self.out.append((kind.__name__, value))
            return
        if kind in _NUMBERS:
            self._number(kind, value)
            return
        number = self.numbers.get(id(value))
        if number is not None:
            self.out.append(("again", number))
            return
        self.number(value)
        encode = _BY_TYPE.get(kind) or _OTHERWISE.get(kind)
        if encode is None:
            encode = _OTHERWISE[kind] = _otherwise(kind)
        encode(self, value)

    def _number(self, kind: type, value: Any) -> None:
        """Numbers that are not whole, ranges of them, and times: they have no identity."""
        if kind is Moment and value.clock is self.world.clock:  # else a run before has left it behind
            self._moment(value)
        elif kind is Span and value.clock is self.world.clock:
            self._moment(value.end)
            self._moment(value.start)
            self.out.append(("span", value.more, value.factor))
        else:
            self.out.append((kind.__name__, repr(value)))
            if value != value:  # noqa: PLR0124 - a container finds what is not a number by which one it is
                self.out.append(_exactly(value))
                self.out.append(self.numbers.setdefault(id(value), len(self.numbers)))
                self.alive.append(value)

    def _moment(self, moment: Moment) -> None:
        if moment.instant not in self.instants:
            self.instants.append(moment.instant)
        self.out.append(("moment", self.instants.index(moment.instant), moment.offset))

    def anatomy(self, value: Any) -> None:
        """Any object by its anatomy: what it is, what it holds as a container, its attributes and slots."""
        if isinstance(value, (set, frozenset)):
            self._ordered(value)
        elif isinstance(value, dict):
            hashes.check(self, value, dict.keys(value))
        try:
            found = anatomies.anatomy(value)
        except anatomies.Opaque as error:
            raise UnknownValue(error.kind) from None
        out = self.out
        out.append("object")
        self.value(type(value))
        if (own := layout(type(value)).namespace) is not None:
            self.namespace(own(value))
        self._tag(found.tag)
        out.append((len(found.items), found.names))
        place = 0
        parts = (*found.items, *found.held)
        try:
            for place, each in enumerate(parts):  # noqa: B007 # where it was, if one is not known
                self.value(each)
        except UnknownValue as unknown:
            unknown.within(next(islice(found.labelled(), place, None))[0])
            raise

    def _tag(self, tag: Any) -> None:
        """What a thing is but for its parts. An object that stands for itself is numbered like any other."""
        if type(tag) is tuple:
            self.out.append(("tag", len(tag)))
            for each in tag:
                self._tag(each)
        else:
            self.value(tag.value if isinstance(tag, Same) else tag)

    def _ordered(self, value: Any) -> None:
        """The order of a set must not depend on addresses; its table says where new members come. Among tasks and
        futures the world decides that."""
        if len(value) == 1:
            self.world.alone.update(filterfalse(sequences.NOW.is_taken, by_address(value)))
        elif value:
            others = [each for each in value if not _has_own_order(each)]
            if any(map(holds_numbered, value)):
                self.world.orders.trusted.add(HOLDERS)
            self.world.numbers.neighbours.kept(value)
            if is_chosen(value):  # whose tasks and futures the world puts in order, of whatever class they are
                others = [each for each in others if not is_numbered(each)]
            if others:
                self.world.unordered.update(by_address(others))
                if not self.within_package:
                    sequences.NOW.look_for_places(others)
                raise self.opaque(value)
            sequences.NOW.look_for_texts(() if self.within_package else value)
        if value:
            hashes.check(self, value, plainly(value))
        if len(value) == 0 or not all(map(is_numbered if is_chosen(value) else _is_the_loops, value)):
            self.out.append(("table", *table_of(value)))

    def named(self, attributes: Any) -> None:
        """Attributes, in the order in which they were set."""
        self.out.append(("attributes", len(attributes)))
        for name, value in attributes.items():
            self.out.append(name)
            self.inside(name, value)

    def _class(self, kind: type) -> None:
        """A class: one that is found where it says it is, by that place; one made at run time, by all it consists
        of."""
        if is_in_its_place(kind):
            self.out.append(("class", kind.__module__, kind.__qualname__))
            self._class_attributes(kind)
            return
        self.out.append(("local class", kind.__qualname__))
        self.value(type(kind))
        self.value((kind.__bases__, registrations(kind)))
        for name, value in kind.__dict__.items():
            if name not in NOT_OF_THE_CLASS:
                self.out.append(name)
                self.inside(name, value)

    def _class_attributes(self, kind: type) -> None:
        for each in kind.__mro__:
            if id(each) in self.classes or not each.__flags__ & HEAP:
                continue
            self.classes.add(id(each))
            self.meets(each)
            if type(each) is not type:
                self._class_attributes(type(each))
            if not is_watched(each):
                continue
            if issubclass(each, set | frozenset):  # which takes the members of another set as they are
                sequences.NOW.merges = True
            if (bases := other_bases(each)) is not None:
                self.inside("__bases__", bases)
            if known := registrations(each):
                self.inside("register", known)
            for name in data_attributes(each):
                self.out.append(name)
                self.inside(name, each.__dict__.get(name))
            for name, function in methods(each):
                self.out.append(name)
                self.inside(name, function)


def _exactly(value: float | complex) -> bytes:
    """What is not a number, with its sign and its bits."""
    return struct.pack(">dd", complex(value).real, complex(value).imag)


def _otherwise(kind: type) -> Encode:
    """How objects of a type are encoded that none is registered for."""
    for each in kind.__mro__[:-1]:
        if each in _KNOWN:
            return functools.partial(_known_by, kind, _KNOWN[each])
    by = packages.by_value(kind)
    if by is not None:
        shape = layout(kind)
        adds = shape.base is not kind and (shape.slots or shape.namespace is not None)
        return functools.partial(_derived if adds else _known_by, NAMES.address(kind), by)
    if packages.is_fixed(kind):
        return _itself
    if packages.is_fixed(kind, once_made=True):
        return _itself_if_it_was_there
    if issubclass(kind, type):
        return StateEncoder._class
    if issubclass(kind, logging.Logger):
        return _BY_TYPE[logging.Logger]
    if issubclass(kind, logging.Handler):
        return _BY_TYPE[logging.Handler]
    if issubclass(kind, asyncio.Future):
        return _BY_TYPE[asyncio.Future]
    if issubclass(kind, threading.local):
        return _BY_TYPE[threading.local]
    if issubclass(kind, BaseException):
        return _BY_TYPE[BaseException]
    if issubclass(kind, ssl.SSLContext):
        return _BY_TYPE[ssl.SSLContext]
    if issubclass(kind, tuple) and hasattr(kind, "n_sequence_fields"):
        return _fields
    if issubclass(kind, Enum):
        return _member
    return StateEncoder.anatomy


def _known_by(kind: Any, by: Callable[[Any], Any], encoder: StateEncoder, value: Any) -> None:
    """By a value that somebody has said. ``kind``: its class, or what stands for that."""
    encoder.out.append("by")
    encoder.value(kind)
    encoder.value(by(value))


def _derived(kind: Any, by: Callable[[Any], Any], encoder: StateEncoder, value: Any) -> None:
    """What a class of the program's adds to one that is known by a value, and that class itself."""
    _known_by(kind, by, encoder, value)
    encoder.value(type(value))
    in_attributes(encoder, value)


def in_attributes(encoder: StateEncoder, value: Any) -> None:
    """What hangs on an object: its attributes, and what is in its slots."""
    shape = layout(type(value))
    if shape.namespace is not None:
        encoder.namespace(shape.namespace(value))
    encoder.named(dict(attributes(value, shape)))


def _itself(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(("itself", NAMES.address(value)))


def _itself_if_it_was_there(encoder: StateEncoder, value: Any) -> None:
    """One that a run has made is another one in the next; kept alive, those would take all memory."""
    if not FIRST.knows(value):
        raise encoder.opaque(value)
    _itself(encoder, value)


_OF_MEMBERS: Final = frozenset({"_inverted_", "__objclass__", "_sort_order_", "_name_"})
"""What the standard library keeps in members of enumerations beside their values."""


def _member(encoder: StateEncoder, value: Any) -> None:
    """A member of an enumeration: its name, or what it is made of; and its value and attributes, which can change."""
    encoder.anatomy(value)
    held = {name: each for name, each in attributes(value, layout(type(value))) if name not in _OF_MEMBERS}
    encoder.named(held)


def _fields(encoder: StateEncoder, value: Any) -> None:
    """What the standard library makes in C and shows as a tuple, and by names."""
    kind = type(value)
    encoder.out.append(("fields", kind.__module__, kind.__qualname__))
    encoder.value(value.__reduce__()[1])


_BY_VALUE: Final[tuple[Any, ...]] = (*HASHED_AS_TEXTS, int, float, UUID, Decimal, Fraction)
"""Types that are hashed by what they are."""


def _has_own_order(value: Any) -> bool:
    """Whether the hash of ``value`` is made of what it is, not of where it lies."""
    if isinstance(value, weakref.ref):
        value = value()
    kind = type(value)
    if kind in ATOMS or kind in (float, complex, range, WorldTask, WorldFuture):
        return True
    if (parts := hashed_parts(value)) is not None:
        plain = kind in (tuple, frozenset)
        return all(_has_own_order(each) and (plain or not is_numbered(each)) for each in parts)
    own: Any = kind.__hash__
    if sequences.NOW.has_order(kind) or isinstance(value, type):
        return True
    if isinstance(value, Enum) and own is Enum.__hash__:
        return True  # the hash of its name
    return any(isinstance(value, each) and own is each.__hash__ for each in _BY_VALUE)


def _is_the_loops(value: Any) -> bool:
    """Whether this is a task or future of ours, or a weak reference to one."""
    return isinstance(value() if isinstance(value, weakref.ref) else value, (WorldTask, WorldFuture))
