"""Frozen values: what engines compare in place of the values that a dispatcher's code works with.

Python's own equality is no identity: ``True == 1``, a dataclass may leave fields out of its comparison, an exception is
equal to nothing but itself, an iterator has no value at all. A frozen value is hashable, and equal to another one only if
code that is given the one or the other cannot do different things.

Two things are left out. An exception's traceback: code that reads it is beyond what is compared. And identity: two equal
tuples are one value, whether or not they are one object.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, partial
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any, Final

from everyturn.errors import AgentFault

_TYPED: Final = (int, bytes, bool, type(None))
_WRITTEN: Final = (float, complex, range)
_ITERATORS: Final[tuple[type, ...]] = (
    type(iter(())),
    type(iter(range(0))),
    type(enumerate(())),
    type(reversed(())),
    type(zip()),
)
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
    """A value cannot be compared by value: its type, and what to use in its place."""

    def __init__(self, kind: type) -> None:
        instead = _INSTEAD.get(kind, "a frozen dataclass, or a port for what lives outside")
        super().__init__(f"{kind.__qualname__}: expected a value that is immutable and compares by value, {instead}")


class Freezer:
    """Freezes values; ``known`` are objects that are compared by identity: the agent, its ports, the world.

    Stand-ins of one freezer can be compared with each other only. ``fleeting`` counts what it has frozen so far that may
    become something else without becoming another object: iterators, functions with closures, exceptions. What such a
    thing is part of must be frozen anew each time.
    """

    def __init__(self, known: tuple[object, ...] = ()) -> None:
        self.fleeting = 0
        self._known = {id(each): (type(each).__name__, number) for number, each in enumerate(known)}
        self._keep = known
        self._numbers: dict[Hashable, Hashable] = {}
        self._frozen: dict[int, tuple[object, Hashable]] = {}
        self._codes: dict[tuple[str, CodeType], Hashable] = {}
        self._coded: dict[int, tuple[CodeType, Hashable]] = {}
        self._freezing: list[object] = []

    def number(self, frozen: Hashable) -> Hashable:
        """A short stand-in for a frozen value: equal for equal ones only."""
        return self._numbers.setdefault(frozen, ("number", len(self._numbers)))

    def code(self, code: CodeType) -> Hashable:
        """A short stand-in for code."""
        known = self._coded.get(id(code))
        if known is None:
            number = self._codes.setdefault((code.co_filename, code), ("code", len(self._codes)))
            known = self._coded[id(code)] = (code, number)
        return known[1]

    def freeze(self, value: Any) -> Hashable:
        """The stand-in for ``value``. Raises :class:`NoValue`."""
        if id(value) in self._known:
            return self._known[id(value)]
        kind = type(value)
        if kind is str:
            return value  # type: ignore[no-any-return]
        if kind in _TYPED:
            return (kind.__name__, value)
        known = self._frozen.get(id(value))
        if known is not None:
            return known[1]
        before = self.fleeting
        frozen = self._freeze(value, kind)
        if isinstance(value, (tuple, frozenset)) or is_dataclass(kind):
            frozen = self.number(frozen)
            if self.fleeting == before:
                self._frozen[id(value)] = (value, frozen)
        return frozen

    def named(self, values: Iterable[tuple[str, Any]]) -> Hashable:
        """The stand-in for names and their values, whatever their order."""
        return tuple((name, self.freeze(value)) for name, value in sorted(values, key=lambda pair: pair[0]))

    def _freeze(self, value: Any, kind: type) -> Hashable:
        if kind in _WRITTEN:
            return (kind.__name__, repr(value))
        if kind is tuple:
            return ("tuple", *(self.freeze(each) for each in value))
        if kind is frozenset:
            return ("frozenset", frozenset(self.freeze(each) for each in value))
        if isinstance(value, Enum):
            return (kind, value.name)
        if is_dataclass(value) and not isinstance(value, type) and kind.__hash__ is not None and _is_frozen(kind):
            return (kind, *(self.freeze(getattr(value, field.name)) for field in fields(value)))
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return (kind, *(self.freeze(each) for each in value))
        self.fleeting += 1
        if any(value is each for each in self._freezing):
            return ("itself", next(place for place, each in enumerate(self._freezing) if value is each))
        self._freezing.append(value)
        try:
            return self._freeze_hidden(value, kind)
        finally:
            self._freezing.pop()

    def _freeze_hidden(self, value: Any, kind: type) -> Hashable:
        """What Python itself keeps: iterators, exceptions, functions and bound methods."""
        if isinstance(value, BaseException):
            return self._freeze_exception(value, kind)
        if isinstance(value, MethodType):
            return ("method", self.freeze(value.__func__), self.freeze(value.__self__))
        if isinstance(value, FunctionType):
            return self._freeze_function(value)
        if isinstance(value, BuiltinFunctionType):
            owner = value.__self__
            return ("builtin", value.__qualname__, owner if isinstance(owner, ModuleType) else self.freeze(owner))
        if isinstance(value, type):
            return ("class", value)
        if kind in _ITERATORS:
            reduced = value.__reduce__()
            # The tuple of iterators within a zip is one object at every place: its parts are frozen, not it.
            parts = [each if type(each) is tuple else (each,) for each in reduced[1:]]
            return (kind.__name__, *(tuple(self.freeze(each) for each in part) for part in parts))
        if isinstance(value, partial):
            named = (*value.keywords.items(), *vars(value).items())
            return ("partial", self.freeze(value.func), self.freeze(value.args), self.named(named))
        if isinstance(value, CoroutineType) and value.cr_frame is None:
            return ("coroutine that has ended",)
        raise NoValue(kind)

    def _freeze_exception(self, value: BaseException, kind: type) -> Hashable:
        """An exception: its arguments, its attributes, and what it was raised from or came upon."""
        named = {name: getattr(value, name) for name in _members(kind) if hasattr(value, name)} | vars(value)
        whence = (value.__cause__, value.__context__, value.__suppress_context__)
        return ("exception", kind, self.freeze(value.args), self.named(named.items()), *map(self.freeze, whence))

    def _freeze_function(self, function: FunctionType) -> Hashable:
        """A function: its code, what it took with it from where it was defined, and what was hung on it."""
        cells = tuple(self._freeze_cell(cell) for cell in function.__closure__ or ())
        named = self.named((function.__kwdefaults__ or {}).items())
        hung = self.named(vars(function).items())
        return ("function", self.code(function.__code__), cells, self.freeze(function.__defaults__), named, hung)

    def _freeze_cell(self, cell: CellType) -> Hashable:
        try:
            content = cell.cell_contents
        except ValueError:
            return ("nothing yet",)
        return ("cell", self.freeze(content))


@cache
def _members(kind: type) -> tuple[str, ...]:
    """The names of the slots and C fields of an exception's class, but for what every exception has."""
    found = {
        name
        for each in kind.__mro__
        if each not in (BaseException, object)
        for name, value in vars(each).items()
        if isinstance(value, (MemberDescriptorType, GetSetDescriptorType)) and not name.startswith("__")
    }
    return tuple(sorted(found))


def _is_frozen(kind: Any) -> bool:
    return bool(kind.__dataclass_params__.frozen)
