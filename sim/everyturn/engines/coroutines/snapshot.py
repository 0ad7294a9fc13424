"""The identity of a suspended coroutine, as a hashable value.

Two suspended coroutines with equal identities do the same when they are resumed with the same result. The identity
is, for each frame of the awaiting chain: its code, its instruction, its live locals, and what lies hidden on its value
stack (the iterator of a ``for`` loop with an ``await`` in it, an argument that was evaluated before an ``await``, an
exception being handled); and the operation it waits for. Ports' own frames are left out: the operation stands for them.
"""

from __future__ import annotations

from collections.abc import Coroutine, Hashable
from types import CoroutineType, FrameType, GeneratorType
from typing import Any
from weakref import WeakKeyDictionary

from everyturn.engines.coroutines.contents import Contents, contents
from everyturn.errors import UnsupportedLocal
from everyturn.identity.anatomy import Changes
from everyturn.identity.encoder import Encoder, NoValue
from everyturn.identity.live_variables import live_at
from everyturn.source_location import place_of, suspended_at
from everyturn.world import gate
from everyturn.world.operations import Operation

Identity = tuple[Hashable, ...]


class Identities:
    """Computes identities.

    ``values`` encodes; it knows the agent, its ports, the world. ``keep_dead``: locals that can no longer matter count
    as well, which makes more identities and needs no analysis of the code.
    """

    def __init__(self, values: Encoder, *, keep_dead: bool = False) -> None:
        self._keep_dead = keep_dead
        self.values = values
        self._waiting: WeakKeyDictionary[CoroutineType[Any, Any, Any], tuple[int, object, Hashable]] = (
            WeakKeyDictionary()
        )

    def of(self, coroutine: Coroutine[Any, Any, Any]) -> Identity:
        """The identity of a suspended coroutine. Raises :class:`UnsupportedLocal` with variable and line."""
        frames = list(_chain(coroutine))
        assert frames, "the outermost frame of a thread cannot be a port's"
        self.values.begin(each for each, _, _ in frames)
        return tuple([self._waiting_frame(*each) for each in frames])

    def _waiting_frame(self, coroutine: Any, frame: FrameType, awaited: object) -> Hashable:
        """The identity of one frame; that of a frame that has not run since it was last asked for is remembered.

        A frame has run if it awaits another coroutine than before: none can be awaited twice. Its locals are its own,
        unless one of them can change or is shared with somebody.
        """
        known = self._waiting.get(coroutine)
        if known is not None and known[0] == frame.f_lasti and known[1] is awaited:
            return known[2]
        before = self.values.moved
        number = self.values.number(self._frame(coroutine, frame, awaited))
        if isinstance(awaited, CoroutineType) and self.values.moved == before:
            self._waiting[coroutine] = (frame.f_lasti, awaited, number)
        return number

    def arguments(self, coroutine: Coroutine[Any, Any, Any], operation: Operation) -> Identity:
        """The identity of what an operation is given. Raises :class:`UnsupportedLocal` with operation and line."""
        try:
            return tuple(self.values.value(each, Changes.FORCED) for each in operation.arguments)
        except NoValue as error:
            raise UnsupportedLocal(f"{suspended_at(coroutine)}: {operation} is given a {error}") from None

    def _frame(self, coroutine: Any, frame: FrameType, awaited: object) -> Hashable:
        held = contents(coroutine, frame, awaited)
        live = None if self._keep_dead or self.values.frames_are_read else live_at(frame.f_code, frame.f_lasti)
        values = tuple(
            (name, self._local(frame, name, value))
            for name, value in held.named
            if value is not awaited and (live is None or name in live)
        )
        stack = tuple([self._stacked(frame, value) for value in held.stack if value is not awaited])
        return (self.values.encode(frame.f_code), frame.f_lasti, values, stack, self._handled(frame, held))

    def _local(self, frame: FrameType, name: str, value: Any) -> Hashable:
        try:
            return self.values.encode(value)
        except NoValue as error:
            raise UnsupportedLocal(
                f"{place_of(frame)}: local variable {name!r} of {frame.f_code.co_qualname} lives across an "
                f"await and holds a {error}"
            ) from None

    def _handled(self, frame: FrameType, held: Contents) -> Hashable:
        return None if held.handled is None else self._stacked(frame, held.handled)

    def _stacked(self, frame: FrameType, value: Any) -> Hashable:
        """A value of the stack: besides, a list or the like that a display like ``(*await f(), x)`` is about to be
        built from."""
        try:
            return self.values.encode(value, Changes.MUTABLE if type(value) in (list, set, dict) else Changes.MOVING)
        except NoValue as error:
            raise UnsupportedLocal(
                f"{place_of(frame)}: an unnamed value in {frame.f_code.co_qualname} lives across an await and is a "
                f"{error}"
            ) from None


def _chain(coroutine: Any) -> Any:
    """Everything suspended of a thread, from its outermost frame inwards, down to a port: it, its frame, what it
    awaits."""
    current: Any = coroutine
    outer: FrameType | None = None
    while current is not None:
        frame, awaited = _suspended(current, outer)
        if frame.f_code.co_filename == gate.__file__:
            return
        yield current, frame, awaited
        outer = frame
        current = awaited


def _suspended(awaited: Any, outer: FrameType | None) -> tuple[FrameType, Any]:
    """The frame of something suspended, and what it waits for in turn."""
    if isinstance(awaited, CoroutineType) and awaited.cr_frame is not None:
        return awaited.cr_frame, awaited.cr_await
    if isinstance(awaited, GeneratorType) and awaited.gi_frame is not None:
        return awaited.gi_frame, awaited.gi_yieldfrom
    raise UnsupportedLocal(
        f"{'?' if outer is None else place_of(outer)}: waits for a {type(awaited).__qualname__}, which cannot be "
        f"looked into: expected coroutines of `async "
        "def` functions only, down to a port; no asynchronous generators, tasks or futures"
    )
