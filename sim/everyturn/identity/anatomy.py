"""What a value is made of, and whether it can change.

For every kind of value one anatomy: a *tag*, which says exactly what it is but for its parts, and the *parts*, which
are values again. Nothing is asked of the value's own code: a class may make what it likes of ``==``, of its attributes
and of its iteration. What C code keeps where no descriptor shows it has to be known here, or has no anatomy:
:class:`Opaque`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Hashable, Iterable
from dataclasses import is_dataclass
from enum import Enum, IntEnum
from types import EllipsisType, ModuleType, NotImplementedType
from typing import Any, Final, NamedTuple

from everyturn.errors import EveryturnError
from everyturn.identity.layout import ClassLayout, attributes, layout, reader
from everyturn.identity.set_table import table_of


class Changes(IntEnum):
    """How a value can change without becoming another one."""

    FIXED = 0
    """Not at all; and equal ones cannot be told apart."""
    FORCED = 1
    """Not but by force: what is written into its ``__dict__``."""
    MOVING = 2
    """Python or code that has it in hand may move it on (an iterator, an exception, a closure), or tell it from an
    equal one."""
    MUTABLE = 3
    """Whoever has it in hand may put something else into it."""


class Opaque(EveryturnError):
    """A value cannot be looked into: ``kind`` is its type."""

    def __init__(self, kind: type) -> None:
        super().__init__(f"{kind.__qualname__} cannot be looked into")
        self.kind = kind


class Same:
    """Stands for one object: equal to what stands for the same one, whatever it thinks of equality itself."""

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)

    def __repr__(self) -> str:
        return f"<{self.value!r}>"


class Anatomy(NamedTuple):
    """What one value is made of.

    ``items``: parts in their order; if they are ``pairs``, keys and values in turn. ``names`` and ``held``: attributes.
    Two values of one tag and equal parts in the same places are alike.
    """

    changes: Changes
    tag: Hashable
    items: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    held: tuple[Any, ...] = ()
    pairs: bool = False

    def labelled(self) -> Iterable[tuple[str, Any]]:
        """The parts, each with how it is written behind the name of the whole."""
        if self.pairs:
            for key, value in zip(self.items[::2], self.items[1::2], strict=True):
                yield f", key {key!r:.40}", key
                yield f"[{key!r:.40}]", value
        else:
            for place, value in enumerate(self.items):
                yield f"[{place}]", value
        for name, value in zip(self.names, self.held, strict=True):
            yield f".{name}", value


Look = Callable[[Any], Anatomy]

ATOMS: Final = (str, int, bytes, bool, type(None))
"""Types whose values are their own tag, together with the type."""
_ABOUT_MEMBERS: Final = frozenset({"_inverted_", "__objclass__"})
"""What the standard library keeps in members of enumerations: their class, and a cache."""
_SINGLES: Final = (EllipsisType, NotImplementedType)
_looks: dict[type, Look] = {}
_of_kind: dict[int, tuple[type, Look]] = {}


def look_at(*kinds: type) -> Callable[[Look], Look]:
    """Register how the content of these classes, and of classes derived from them, is looked at."""

    def register(look: Look) -> Look:
        _looks.update(dict.fromkeys(kinds, look))
        return look

    return register


def anatomy(value: Any) -> Anatomy:
    """What ``value`` is made of. Raises :class:`Opaque`."""
    kind = type(value)
    known = _of_kind.get(id(kind))
    if known is None:
        known = _of_kind[id(kind)] = (kind, _look_for(kind))
    return known[1](value)


def _look_for(kind: type) -> Look:
    """How values of a class are looked at: their content made in C, if any, and their attributes."""
    shape = layout(kind)
    if kind in _looks:
        return _looks[kind]
    content = _content(kind, shape)
    if issubclass(kind, Enum):
        return lambda value: _member(value, kind, shape, content)
    if content is None:
        return _plain(kind, shape)
    return _refuse if content is _refuse else _derived(kind, shape, content)


def _content(kind: type, shape: ClassLayout) -> Look | None:
    """How the content of a class that is made in C is looked at, if it has any."""
    base = shape.base
    if base is None:
        return None
    return next((_looks[each] for each in kind.__mro__ if each in _looks and _is_within(base, each)), _refuse)


def _is_within(base: type, known: type) -> bool:
    """Whether what is known of ``known`` covers the content of ``base``: exceptions made in C show all that they
    have."""
    return base is known or (known is BaseException and issubclass(base, BaseException))


def _refuse(value: Any) -> Anatomy:
    raise Opaque(type(value))


def _plain(kind: type, shape: ClassLayout) -> Look:
    """Objects of classes that are written in Python."""
    changes = _changes(kind, shape)
    compared = Same(kind)
    named = reader(shape)
    return lambda value: Anatomy(changes, compared, (), *named(value))


def _changes(kind: type, shape: ClassLayout) -> Changes:
    """A frozen dataclass is a value, unless it compares by identity or a class derived from it lets attributes be
    set."""
    if not (is_dataclass(kind) and kind.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        return Changes.MUTABLE
    decorated = next(each for each in kind.__mro__ if "__dataclass_params__" in vars(each))
    settable = decorated is not kind and (
        shape.namespace is not None or len(shape.slots) != len(layout(decorated).slots)
    )
    if settable or kind.__eq__ is object.__eq__:
        return Changes.MOVING
    return Changes.FIXED if shape.namespace is None else Changes.FORCED


def _derived(kind: type, shape: ClassLayout, content: Look) -> Look:
    """Objects of classes that are written in Python on top of one that is not: a named tuple, an exception, a
    counter."""
    fixed = not shape.slots and shape.namespace is None
    compared = Same(kind)

    def look(value: Any) -> Anatomy:
        inner = content(value)
        held = () if isinstance(value, BaseException) else tuple(attributes(value, shape))
        least = Changes.FIXED if fixed else Changes.MOVING
        return inner._replace(
            changes=max(inner.changes, least),
            tag=(compared, inner.tag),
            names=(*inner.names, *(name for name, _ in held)),
            held=(*inner.held, *(each for _, each in held)),
        )

    return look


def _member(value: Enum, kind: type[Enum], shape: ClassLayout, content: Look | None) -> Anatomy:
    """A member of an enumeration is what its name says; one without a name of its own (a sum of flags, what
    ``_missing_`` makes), what is in it."""
    held = dict(attributes(value, shape))
    name = held.get("_name_")
    if isinstance(name, str) and kind.__members__.get(name) is value:
        return Anatomy(Changes.FIXED, (Same(kind), name))
    known = {name: each for name, each in held.items() if name not in _ABOUT_MEMBERS}
    inner = Anatomy(Changes.FIXED, "") if content is None else content(value)
    return Anatomy(Changes.FORCED, (Same(kind), inner.tag), inner.items, tuple(known), tuple(known.values()))


# values that are made of nothing else --------------------------------------------------------------------------------


@look_at(int, bool, str, bytes, type(None))
def _atom(value: Any) -> Anatomy:
    for kind, exact in _EXACT:
        if isinstance(value, kind):
            return Anatomy(Changes.FIXED, (kind.__name__, exact(value)))
    return Anatomy(Changes.FIXED, (type(value).__name__, value))


_EXACT: Final[tuple[tuple[type, Callable[[Any], Hashable]], ...]] = (
    (bool, bool),
    (int, int.__pos__),
    (str, str.__str__),
    (bytes, lambda value: bytes.__getitem__(value, slice(None))),
)


@look_at(float)
def _float(value: float) -> Anatomy:
    """By its bits: zero has two signs; and not-a-number is found in a tuple only if it is the very same one."""
    changes = Changes.FIXED if float.__eq__(value, value) else Changes.MOVING
    return Anatomy(changes, ("float", struct.pack(">d", float.__pos__(value))))


@look_at(complex)
def _complex(value: complex) -> Anatomy:
    exact = complex.__pos__(value)
    changes = Changes.FIXED if exact == exact else Changes.MOVING  # noqa: PLR0124 - not-a-number differs from itself
    return Anatomy(changes, ("complex", struct.pack(">dd", exact.real, exact.imag)))


@look_at(*_SINGLES)
def _single(value: Any) -> Anatomy:
    return Anatomy(Changes.FIXED, Same(value))


@look_at(ModuleType)
def _module(value: ModuleType) -> Anatomy:
    return Anatomy(Changes.FIXED, Same(value))


@look_at(range)
def _range(value: range) -> Anatomy:
    return Anatomy(Changes.FIXED, "range", (value.start, value.stop, value.step))


# containers ----------------------------------------------------------------------------------------------------------


@look_at(tuple)
def _tuple(value: tuple[Any, ...]) -> Anatomy:
    return Anatomy(Changes.FIXED, "tuple", tuple.__getitem__(value, slice(None)))


@look_at(frozenset)
def _frozenset(value: frozenset[Any]) -> Anatomy:
    """In the order in which it is gone through: that depends on how it came about."""
    return Anatomy(Changes.FIXED, ("frozenset", table_of(value)), tuple(frozenset.__iter__(value)))


@look_at(list)
def _list(value: list[Any]) -> Anatomy:
    return Anatomy(Changes.MUTABLE, "list", tuple(list.__iter__(value)))


@look_at(set)
def _set(value: set[Any]) -> Anatomy:
    return Anatomy(Changes.MUTABLE, ("set", table_of(value)), tuple(set.__iter__(value)))


@look_at(dict)
def _dict(value: dict[Any, Any]) -> Anatomy:
    return Anatomy(Changes.MUTABLE, "dict", _flat(dict.items(value)), pairs=True)


@look_at(bytearray)
def _bytearray(value: bytearray) -> Anatomy:
    return Anatomy(Changes.MUTABLE, ("bytearray", bytes(memoryview(value))))


def _flat(pairs: Iterable[tuple[Any, Any]]) -> tuple[Any, ...]:
    return tuple(each for pair in pairs for each in pair)
