"""Values written down exactly: equal encodings, equal futures.

Python's own equality is no identity: ``True == 1``, a dataclass may leave fields out of its comparison, an exception is
equal to nothing but itself, an iterator has no value at all. An encoding is hashable, and equal to another one only if
code that is given the one value or the other cannot do different things. Things that can change, or that compare by
identity, are numbered in the order in which a traversal comes to them: so two that are one differ from two that are
alike, and addresses do not count.

Two things are left out. An exception's traceback: code that reads it is beyond what is compared. And the identity of
what cannot change: two equal tuples are one value, whether or not they are one object.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable
from itertools import repeat
from types import AsyncGeneratorType, FunctionType, GeneratorType, ModuleType
from typing import Any, Final

from everyturn.errors import AgentFault
from everyturn.identity import python_kinds, standard_kinds  # noqa: F401 - they register what they know
from everyturn.identity.anatomy import Anatomy, Changes, Opaque, anatomy
from everyturn.identity.trust import Trust

_INSTEAD: Final[dict[type, str]] = {
    list: "a tuple",
    dict: "a frozen dataclass or a tuple of pairs",
    set: "a frozenset",
    bytearray: "bytes",
    GeneratorType: "a tuple of what it yields",
    AsyncGeneratorType: "a tuple of what it yields",
}


MUTABLE: Final = frozenset({list, dict, set, bytearray})
"""What can be seen at a glance to have no value."""


class NoValue(AgentFault):
    """A value cannot be compared by value: its type, where it lies in what was looked at, and what to use in its
    place."""

    def __init__(self, kind: type, why: str = "", *, is_told_where: bool = True) -> None:
        super().__init__(kind, why)
        self._kind = kind
        self._instead = why or _INSTEAD.get(kind, "a frozen dataclass, or a port for what lives outside")
        self._is_told_where = is_told_where
        self._path: list[str] = []

    def within(self, label: str) -> None:
        """What was looked at lies in something else, under this label."""
        if self._is_told_where:
            self._path.append(label)

    def __str__(self) -> str:
        path = "".join(reversed(self._path)).lstrip(".")
        inside = f" (it is {path})" if path else ""
        return (
            f"{self._kind.__qualname__}: expected a value that is immutable and compares by value, "
            f"{self._instead}{inside}"
        )


class Encoder:
    """Encodes values. Encodings of one encoder can be compared with each other only.

    ``known``: objects that are what they are, whatever is inside them. ``trusted``: packages whose functions and
    classes are what they are, besides those of the standard library. ``ordered``: sets are known by the order in which
    they are gone through, which depends on how they came about. ``forced``: code is known to set attributes of what is
    frozen, so that no encoding is remembered; ``frames_are_read``: to read variables of other functions. ``moved``
    counts what was encoded so far that may become something else without becoming another object: what such a thing is
    part of must be encoded anew each time.
    """

    def __init__(self, known: tuple[object, ...] = (), *, trusted: tuple[str, ...] = (), ordered: bool = True) -> None:
        self.moved = 0
        self.forced = False
        self.frames_are_read = False
        self._ordered = ordered
        self.trust = Trust(trusted)
        self._known: dict[int, tuple[object, Hashable]] = {}
        self._numbers: dict[Hashable, Hashable] = {}
        self._fixed: dict[int, tuple[object, Hashable]] = {}
        self._met: dict[int, tuple[object, int]] = {}
        for each in known:
            self.know(each)

    def know(self, value: object) -> None:
        """From now on ``value`` is what it is, whatever is inside it."""
        if id(value) not in self._known:
            self._known[id(value)] = (value, ("known", len(self._known)))

    @property
    def known(self) -> Collection[int]:
        """The addresses of everything that is known."""
        return self._known.keys()

    @property
    def known_objects(self) -> list[object]:
        """Everything that is known."""
        return [value for value, _ in self._known.values()]

    def number(self, encoded: Hashable) -> Hashable:
        """A short stand-in for an encoding: equal for equal ones only."""
        return self._numbers.setdefault(encoded, ("number", len(self._numbers)))

    def begin(self, first: Iterable[object] = ()) -> None:
        """Begin a traversal: what is numbered from here on is numbered together, until the next one; ``first`` comes
        first."""
        self._met = {id(each): (each, place) for place, each in enumerate(first)}

    def encode(self, value: Any, allow: Changes = Changes.MOVING) -> Hashable:
        """The encoding of ``value`` within the present traversal. Raises :class:`NoValue` for what changes more than
        allowed."""
        kind = type(value)
        if kind is str:
            return value  # type: ignore[no-any-return]
        if kind is int or kind is bool or value is None or kind is bytes:
            return (kind.__name__, value)
        known = self._known.get(id(value)) or self._fixed.get(id(value))
        if known is not None:
            return known[1]
        met = self._met.get(id(value))
        if met is not None:
            self.moved += 1
            return ("again", met[1])
        if isinstance(value, (type, FunctionType)) and self.trust.is_one_for_ever(value):
            self.know(value)
            return self._known[id(value)][1]
        try:
            parts = anatomy(value)
        except Opaque as error:
            raise NoValue(error.kind) from None
        if parts.changes > allow:
            raise NoValue(kind, _why(value, parts, allow))
        return (
            self._numbered(value, parts, allow) if parts.changes > Changes.FIXED else self._encode(value, parts, allow)
        )

    def value(self, value: Any, allow: Changes = Changes.MOVING) -> Hashable:
        """The encoding of ``value`` alone. Raises :class:`NoValue`."""
        self._met = {}
        return self.encode(value, allow)

    def _numbered(self, value: Any, parts: Anatomy, allow: Changes) -> Hashable:
        """Something that can change: the second time it is met, its number says all."""
        self.moved += 1
        if parts.changes == Changes.FORCED:
            return self._written(parts, allow)
        self._met[id(value)] = (value, len(self._met))
        return self._written(parts, Changes.MUTABLE if isinstance(value, type) else allow)

    def _encode(self, value: Any, parts: Anatomy, allow: Changes) -> Hashable:
        before = self.moved
        self.moved += self.forced
        encoded = self.number(self._written(parts, allow))
        if self.moved == before:
            self._fixed[id(value)] = (value, encoded)
        return encoded

    def _written(self, parts: Anatomy, allow: Changes) -> Hashable:
        items: list[Hashable] = []
        held: list[Hashable] = []
        try:
            items.extend(map(self.encode, parts.items, repeat(allow)))  # as far as it gets
            held.extend(map(self.encode, parts.held, repeat(allow)))
        except NoValue as error:
            place = len(items)
            error.within(f"[{place}]" if place < len(parts.items) else f".{parts.names[len(held)]}")
            raise
        except RecursionError:
            raise NoValue(tuple, "a value that is not nested so deeply", is_told_where=False) from None
        if not self._ordered and type(parts.tag) is tuple and parts.tag[0] == "frozenset":
            return ("frozenset", frozenset(items))  # whatever its table is: nobody goes through it
        return (parts.tag, tuple(items), parts.names, tuple(held))


def _why(value: Any, parts: Anatomy, allow: Changes) -> str:
    """What to do about a value that could be known, if it were not for where it is found."""
    if allow < Changes.MOVING and parts.changes == Changes.MOVING and not isinstance(value, ModuleType):
        return "not one that moves on, compares by identity or lets attributes be set"
    return ""
