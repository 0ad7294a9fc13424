"""The identity of a suspended coroutine, as a hashable value.

Two suspended coroutines with equal identities do the same when they are resumed with the same result. The identity
is, for each frame of the awaiting chain: its code, its instruction, its live locals, and what lies hidden on its value
stack (the iterator of a ``for`` loop with an ``await`` in it, an argument that was evaluated before an ``await``, an
exception being handled); and the operation it waits for. Ports' own frames are left out: the operation stands for them.
"""

from __future__ import annotations

import gc
from collections.abc import Coroutine, Hashable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import partial
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any, Final
from weakref import WeakKeyDictionary

from everyturn import operations
from everyturn.engines.frames.liveness import live_names
from everyturn.errors import UnsupportedLocal
from everyturn.operations import Operation
from everyturn.places import place_of, suspended_at

_SCALARS: Final = (str, int, float, complex, bytes, bool, range, type(None))
_PLACES: dict[tuple[CodeType, int], tuple[int, int, int, int] | None] = {}

Identity = tuple[Hashable, ...]


class Identities:
    """Computes identities.

    ``known`` are objects that are compared by identity: the agent, its ports, the world. ``keep_dead``: locals that can
    no longer matter count as well, which makes more identities and needs no analysis of the code.
    """

    def __init__(self, known: tuple[object, ...], *, keep_dead: bool = False) -> None:
        self._keep_dead = keep_dead
        self._known = {id(each): (type(each).__name__, number) for number, each in enumerate(known)}
        self._keep = known
        self._numbers: dict[Hashable, Hashable] = {}
        self._frozen: dict[int, tuple[object, Hashable]] = {}
        self._waiting: WeakKeyDictionary[CoroutineType[Any, Any, Any], tuple[int, object, Hashable]] = (
            WeakKeyDictionary()
        )
        self._freezing: list[FunctionType] = []

    def of(self, coroutine: Coroutine[Any, Any, Any]) -> Identity:
        """The identity of a suspended coroutine. Raises :class:`UnsupportedLocal` with variable and line."""
        frames: list[Hashable] = []
        current: Any = coroutine
        outer: FrameType | None = None
        while current is not None:
            frame, awaited = _suspended(current, outer)
            if frame.f_code.co_filename == operations.__file__:
                break
            frames.append(self._waiting_frame(current, frame, awaited))
            outer = frame
            current = awaited
        assert frames, "the outermost frame of a thread cannot be a port's"
        return tuple(frames)

    def _waiting_frame(self, coroutine: Any, frame: FrameType, awaited: object) -> Hashable:
        """The identity of one frame; that of a frame that has not run since it was last asked for is remembered.

        A frame has run if it awaits another coroutine than before: none can be awaited twice. Its locals are its own,
        unless a nested function shares them.
        """
        code = frame.f_code
        if not isinstance(awaited, CoroutineType) or code.co_cellvars or code.co_freevars:
            return self._number(self._frame(coroutine, frame, awaited))
        known = self._waiting.get(coroutine)
        if known is None or known[0] != frame.f_lasti or known[1] is not awaited:
            known = (frame.f_lasti, awaited, self._number(self._frame(coroutine, frame, awaited)))
            self._waiting[coroutine] = known
        return known[2]

    def _number(self, frozen: Hashable) -> Hashable:
        """A short stand-in for a frozen value: equal for equal ones only, as long as this object lives."""
        return self._numbers.setdefault(frozen, ("number", len(self._numbers)))

    def arguments(self, coroutine: Coroutine[Any, Any, Any], operation: Operation) -> Identity:
        """The identity of what an operation is given. Raises :class:`UnsupportedLocal` with operation and line."""
        try:
            return tuple(self.freeze(each) for each in operation.arguments)
        except _NoValue as error:
            raise UnsupportedLocal(f"{suspended_at(coroutine)}: {operation} is given a {error}") from None

    def _frame(self, coroutine: Any, frame: FrameType, awaited: object) -> Hashable:
        code = frame.f_code
        bound = frame.f_locals
        live = None if self._keep_dead else self._live(code, frame.f_lasti)
        captured = (*code.co_cellvars, *code.co_freevars)
        names = sorted(name for name in bound if live is None or name in live or name in captured)
        if live is None:
            names = [name for name in names if bound[name] is not awaited]
        try:
            values = tuple((name, self.freeze(bound[name])) for name in names)
        except _NoValue as error:
            name = next(each for each in names if not self._has_value(bound[each]))
            raise UnsupportedLocal(
                f"{place_of(frame)}: local variable {name!r} of {code.co_qualname} lives across an "
                f"await and holds a {error}"
            ) from None
        hidden = _hidden(coroutine, code, sum(name not in captured for name in bound) + len(captured))
        try:
            stack = tuple(self._freeze_stacked(value) for value in hidden if value is not awaited)
        except _NoValue as error:
            raise UnsupportedLocal(
                f"{place_of(frame)}: an unnamed value in {code.co_qualname} lives across an await and is a {error}"
            ) from None
        return (code.co_filename, code.co_firstlineno, frame.f_lasti, values, stack)

    def _live(self, code: CodeType, instruction: int) -> frozenset[str] | None:
        key = (code, instruction)
        if key not in _PLACES:
            place = list(code.co_positions())[instruction // 2]
            _PLACES[key] = None if None in place else place  # type: ignore[assignment]
        position = _PLACES[key]
        live = live_names(code)
        return None if live is None or position is None else live.get(position)

    def _has_value(self, value: object) -> bool:
        try:
            self.freeze(value)
        except _NoValue:
            return False
        return True

    def freeze(self, value: Any) -> Hashable:
        """A hashable stand-in that is equal for equal values of equal types only."""
        if id(value) in self._known:
            return self._known[id(value)]
        kind = type(value)
        if kind is str:
            return value  # type: ignore[no-any-return]
        if kind in _SCALARS:
            return (kind.__name__, value)
        known = self._frozen.get(id(value))
        if known is not None:
            return known[1]
        frozen = self._freeze(value, kind)
        if isinstance(value, (tuple, frozenset)) or is_dataclass(kind):
            frozen = self._number(frozen)
            self._frozen[id(value)] = (value, frozen)
        return frozen

    def _freeze(self, value: Any, kind: type) -> Hashable:
        if kind is tuple:
            return ("tuple", *(self.freeze(each) for each in value))
        if kind is frozenset:
            return ("frozenset", frozenset(self.freeze(each) for each in value))
        if isinstance(value, Enum):
            return (kind, value.name)
        if is_dataclass(value) and not isinstance(value, type) and kind.__hash__ is not None and _frozen(kind):
            return (kind, *(self.freeze(getattr(value, field.name)) for field in fields(value)))
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return (kind, *(self.freeze(each) for each in value))
        return self._freeze_hidden(value, kind)

    def _freeze_stacked(self, value: Any) -> Hashable:
        """A value of the stack: besides, a list that a display like ``(*await f(), x)`` is about to be built from."""
        if type(value) is list:
            return ("list", *(self.freeze(each) for each in value))
        return self.freeze(value)

    def _freeze_hidden(self, value: Any, kind: type) -> Hashable:
        """What Python itself keeps: iterators, exceptions, functions and bound methods."""
        if isinstance(value, BaseException):
            return ("exception", kind, self.freeze(value.args), self._freeze_named(vars(value)))
        if isinstance(value, MethodType):
            return ("method", self._freeze_function(value.__func__), self.freeze(value.__self__))
        if isinstance(value, FunctionType):
            return self._freeze_function(value)
        if isinstance(value, BuiltinFunctionType):
            owner = value.__self__
            return ("builtin", value.__qualname__, owner if isinstance(owner, ModuleType) else self.freeze(owner))
        if isinstance(value, type):
            return ("class", value)
        if kind in _ITERATORS:
            reduced = value.__reduce__()
            return (kind.__name__, *(self.freeze(part) for part in reduced[1:]))
        if isinstance(value, partial):
            return ("partial", self.freeze(value.func), self.freeze(value.args), self._freeze_named(value.keywords))
        raise _NoValue(kind)

    def _freeze_function(self, function: Any) -> Hashable:
        """A function: its code, and what it took with it from where it was defined."""
        if not isinstance(function, FunctionType):
            raise _NoValue(type(function))
        if function in self._freezing:
            return ("itself", self._freezing.index(function))
        self._freezing.append(function)
        try:
            cells = tuple(self.freeze(cell.cell_contents) for cell in function.__closure__ or ())
            named = self._freeze_named(function.__kwdefaults__ or {})
            return ("function", function.__code__, cells, self.freeze(function.__defaults__), named)
        finally:
            self._freezing.pop()

    def _freeze_named(self, values: dict[str, Any]) -> Hashable:
        return tuple((name, self.freeze(value)) for name, value in sorted(values.items()))


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


class _NoValue(Exception):
    """A value cannot be compared by value: its type, and what to use in its place."""

    def __init__(self, kind: type) -> None:
        instead = _INSTEAD.get(kind, "a frozen dataclass, or a port for what lives outside")
        super().__init__(f"{kind.__qualname__}: expected a value that is immutable and compares by value, {instead}")


def _suspended(awaited: Any, outer: FrameType | None) -> tuple[FrameType, Any]:
    """The frame of something suspended, and what it waits for in turn."""
    if isinstance(awaited, CoroutineType) and awaited.cr_frame is not None:
        return awaited.cr_frame, awaited.cr_await
    if isinstance(awaited, GeneratorType) and awaited.gi_frame is not None:
        return awaited.gi_frame, awaited.gi_yieldfrom
    raise UnsupportedLocal(
        f"{'?' if outer is None else place_of(outer)}: waits for a {type(awaited).__qualname__}, which cannot be looked into: expected coroutines of `async "
        "def` functions only, down to a port; no asynchronous generators, tasks or futures"
    )


def _frozen(kind: Any) -> bool:
    return bool(kind.__dataclass_params__.frozen)


def _hidden(coroutine: Any, code: CodeType, named: int) -> list[object]:
    """What lies on the value stack of a suspended coroutine, below what it awaits.

    The garbage collector visits, in this order: the frame's own parts, up to its code; the bound variables; the stack;
    the exception being handled, if any.
    """
    referents = gc.get_referents(coroutine)
    last = max(index for index, each in enumerate(referents) if each is code)
    return referents[last + 1 + named :]
