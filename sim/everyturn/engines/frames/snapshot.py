"""The identity of a suspended coroutine, as a hashable value.

Two suspended coroutines with equal identities do the same when they are resumed with the same result. The identity
is, for each frame of the awaiting chain: its code, its instruction, its live locals, and what lies hidden on its value
stack (the iterator of a ``for`` loop with an ``await`` in it, an argument that was evaluated before an ``await``, an
exception being handled); and the operation it waits for. Ports' own frames are left out: the operation stands for them.
"""

from __future__ import annotations

import gc
from collections.abc import Coroutine, Hashable
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any
from weakref import WeakKeyDictionary

from everyturn import operations
from everyturn.engines.frames.liveness import live_names
from everyturn.errors import UnsupportedLocal
from everyturn.frozen import Freezer, NoValue
from everyturn.operations import Operation
from everyturn.places import place_of, suspended_at

_PLACES: dict[tuple[CodeType, int], tuple[int, int, int, int] | None] = {}

Identity = tuple[Hashable, ...]


class Identities:
    """Computes identities.

    ``known`` are objects that are compared by identity: the agent, its ports, the world. ``keep_dead``: locals that can
    no longer matter count as well, which makes more identities and needs no analysis of the code.
    """

    def __init__(self, known: tuple[object, ...], *, keep_dead: bool = False) -> None:
        self._keep_dead = keep_dead
        self.values = Freezer(known)
        self._waiting: WeakKeyDictionary[CoroutineType[Any, Any, Any], tuple[int, object, Hashable]] = (
            WeakKeyDictionary()
        )

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
        unless a nested function shares them, or one of them is an iterator or the like that was handed on.
        """
        known = self._waiting.get(coroutine)
        if known is not None and known[0] == frame.f_lasti and known[1] is awaited:
            return known[2]
        code, before = frame.f_code, self.values.fleeting
        number = self.values.number(self._frame(coroutine, frame, awaited))
        shared = bool(code.co_cellvars or code.co_freevars) or self.values.fleeting > before
        if isinstance(awaited, CoroutineType) and not shared:
            self._waiting[coroutine] = (frame.f_lasti, awaited, number)
        return number

    def arguments(self, coroutine: Coroutine[Any, Any, Any], operation: Operation) -> Identity:
        """The identity of what an operation is given. Raises :class:`UnsupportedLocal` with operation and line."""
        try:
            return tuple(self.values.freeze(each) for each in operation.arguments)
        except NoValue as error:
            raise UnsupportedLocal(f"{suspended_at(coroutine)}: {operation} is given a {error}") from None

    def _frame(self, coroutine: Any, frame: FrameType, awaited: object) -> Hashable:
        code = frame.f_code
        bound = frame.f_locals
        live = None if self._keep_dead else self._live(code, frame.f_lasti)
        captured = (*code.co_cellvars, *code.co_freevars)
        counted = bound if live is None else {*live, *captured}
        names = sorted(name for name in bound if name in counted and bound[name] is not awaited)
        try:
            values = tuple((name, self.values.freeze(bound[name])) for name in names)
        except NoValue as error:
            name = next(each for each in names if not self._has_value(bound[each]))
            raise UnsupportedLocal(
                f"{place_of(frame)}: local variable {name!r} of {code.co_qualname} lives across an "
                f"await and holds a {error}"
            ) from None
        hidden = _hidden(coroutine, code, sum(name not in captured for name in bound) + len(captured))
        try:
            stack = tuple(self._freeze_stacked(value) for value in hidden if value is not awaited)
        except NoValue as error:
            raise UnsupportedLocal(
                f"{place_of(frame)}: an unnamed value in {code.co_qualname} lives across an await and is a {error}"
            ) from None
        return (self.values.code(code), frame.f_lasti, values, stack)

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
            self.values.freeze(value)
        except NoValue:
            return False
        return True

    def _freeze_stacked(self, value: Any) -> Hashable:
        """A value of the stack: besides, a list that a display like ``(*await f(), x)`` is about to be built from."""
        if type(value) is list:
            return ("list", *(self.values.freeze(each) for each in value))
        return self.values.freeze(value)


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


def _hidden(coroutine: Any, code: CodeType, named: int) -> list[object]:
    """What lies on the value stack of a suspended coroutine, below what it awaits.

    The garbage collector visits, in this order: the frame's own parts, up to its code; the bound variables; the stack;
    the exception being handled, if any.
    """
    referents = gc.get_referents(coroutine)
    last = max(index for index, each in enumerate(referents) if each is code)
    return referents[last + 1 + named :]
