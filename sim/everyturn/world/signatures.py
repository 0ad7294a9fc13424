"""What ports take: every argument is checked against the type that :mod:`everyturn_impl.ports` declares for it.

Looked at is all of a value: a completion whose run id is a number is no completion. What was found to be right is
remembered for a while, object by object, for an agent hands the same ones on again and again.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from everyturn.world.declarations import OPERATIONS
from everyturn_impl.ports import Ports

Complaint = str | None
"""What is wrong with a value, as ``7 (int): expected a str``; none if nothing is."""

_TOO_LARGE: Final = 1 << 63
_REMEMBERED: Final = 32
_NOBODY: Final = object()


class Parameter(NamedTuple):
    """A parameter of a port's method: its name, and what is wrong with an argument for it."""

    name: str
    fault: Callable[[Any], Complaint]


def wrong(port: str, method: str, parameter: Parameter, argument: Any) -> str:
    """What is wrong with an argument, in words."""
    name = f"{port}.{method}"
    known = OPERATIONS.get((port, method))
    instead = f"; {known.instead}" if argument is None and known is not None and known.instead is not None else ""
    return f"{name} is given {parameter.fault(argument)} as {parameter.name}{instead}"


class Steps:
    """How many arguments each step of a class of shared objects takes, the value itself left out."""

    def __init__(self, kind: type) -> None:
        self.kind = kind
        self._takes = {name: _arity(step) for name, step in inspect.getmembers(kind, inspect.isfunction)}

    def wrong(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> Complaint:
        """What is wrong with a step and its arguments, in words; none if the class has it and they fit."""
        name = getattr(step, "__name__", "")
        if name not in self._takes or getattr(self.kind, name, None) is not step:
            return f"expected a method of {self.kind.__qualname__}, found {step!r:.80}"
        least, most = self._takes[name]
        if least <= len(arguments) <= most:
            return None
        signature = f"{step.__qualname__}{inspect.signature(step)}"
        return f"expected arguments for {signature}, the value itself left out; found {len(arguments)}"


def _arity(step: Callable[..., Any]) -> tuple[int, float]:
    """How many arguments a method takes at least and at most, besides the object."""
    given = inspect.signature(step).parameters.values()
    places = [each for each in given if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    needed = [each for each in places if each.default is each.empty]
    most = float("inf") if any(each.kind is each.VAR_POSITIONAL for each in given) else len(places) - 1
    return len(needed) - 1, most


@cache
def prepare() -> None:
    """Work out what all ports take, now and once: what is worked out while a dispatcher's code runs may leave traces in
    its frames."""
    for port, protocol in get_type_hints(Ports).items():
        for method in vars(protocol):
            if not method.startswith("_"):
                checks(port, method)


@cache
def parameters(port: str, method: str) -> tuple[Parameter, ...]:
    """The parameters of a port's method; none of one that is the world's own."""
    protocol = get_type_hints(Ports)[port]
    declared = getattr(protocol, method, None)
    if declared is None:
        return ()
    hints = get_type_hints(declared)
    return tuple(
        Parameter(each, shape(hints[each])) for each in inspect.signature(declared).parameters if each != "self"
    )


@cache
def checks(port: str, method: str) -> tuple[Callable[[Any], Complaint], ...]:
    """What is wrong with an argument, of each of these parameters."""
    return tuple(each.fault for each in parameters(port, method))


@cache
def shape(hint: Any) -> Callable[[Any], Complaint]:
    """A check of values by a type as it is written in a signature."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _either(get_args(hint), _said(hint))
    if origin is Literal:
        return lambda value: None if value in get_args(hint) else _found(value, _said(hint))
    if origin is tuple:
        return _each(get_args(hint), _said(hint))
    if hint is str:
        return _text
    if hint is int:
        return _number
    if isinstance(hint, type) and is_dataclass(hint):
        return _whole(hint)
    if isinstance(hint, type):
        return lambda value: None if isinstance(value, hint) else _found(value, _said(hint))
    return lambda value: None


def _number(value: Any) -> Complaint:
    if not isinstance(value, int) or type(value) is bool:
        return _found(value, "an int")
    if not -_TOO_LARGE < value < _TOO_LARGE:
        return f"an int of {value.bit_length()} bits: expected one that every file can hold, of less than 64 bits"
    return None


def _text(value: Any) -> Complaint:
    if not isinstance(value, str):
        return _found(value, "a str")
    if value.isascii():
        return None
    try:
        value.encode()
    except UnicodeEncodeError as error:
        return f"{value!a}: expected text; found half a surrogate pair at {error.start}, which no file can hold"
    return None


def _either(hints: tuple[Any, ...], said: str) -> Callable[[Any], Complaint]:
    checks = [shape(each) for each in hints if each is not type(None)]
    optional = type(None) in hints
    first = checks[0]

    def check(value: Any) -> Complaint:
        if (value is None and optional) or first(value) is None:
            return None
        faults = [each(value) for each in checks]
        if None in faults:
            return None
        inner = next((each for each in faults if each is not None and " whose " in each), None)
        return inner or _found(value, said)

    return check


def _each(hints: tuple[Any, ...], said: str) -> Callable[[Any], Complaint]:
    check = shape(hints[0])

    def each(value: Any) -> Complaint:
        if not isinstance(value, tuple):
            one = check(value) is None
            return _found(value, said + (", (it,) if it is but one" if one else ""))
        for one in value:
            fault = check(one)
            if fault is not None:
                return fault
        return None

    return each


def _whole(kind: type) -> Callable[[Any], Complaint]:
    """A dataclass with all its fields."""
    hints = get_type_hints(kind)
    checks = [(field.name, shape(hints[field.name])) for field in fields(kind)]
    found_right: dict[int, object] = {}

    def check(value: Any) -> Complaint:
        if found_right.get(id(value), _NOBODY) is value:
            return None
        if not isinstance(value, kind):
            return _found(value, _said(kind))
        for name, right in checks:
            fault = right(getattr(value, name, None))
            if fault is not None:
                return f"a {kind.__name__} whose {name} is {fault}"
        if len(found_right) >= _REMEMBERED:
            found_right.clear()
        found_right[id(value)] = value
        return None

    return check


def _found(value: Any, expected: str) -> str:
    """A value in words, and what was expected in its place."""
    kind = type(value)
    if value is None or kind is bool:
        found = repr(value)
    elif kind in (int, float, str) or isinstance(value, Enum):
        found = f"{value!a:.60} ({kind.__name__})"
    else:
        found = f"{'an' if kind.__name__[0] in 'aeiouAEIOU' else 'a'} {kind.__name__}"
    return f"{found}: expected {expected}"


def _said(hint: Any) -> str:
    """A type in words."""
    origin = get_origin(hint)
    if hint is type(None):
        return "None"
    if origin in (Union, types.UnionType):
        return " or ".join(map(_said, get_args(hint)))
    if origin is Literal:
        return " or ".join(map(repr, get_args(hint)))
    if origin is tuple:
        return f"a tuple of {get_args(hint)[0].__name__}s"
    name = getattr(hint, "__name__", str(hint))
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
