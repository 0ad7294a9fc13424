"""The identity of a suspended coroutine, as a hashable value.

Two suspended coroutines with equal identities do the same when they are resumed with the same result. The identity
is, for each frame of the awaiting chain: its code, its instruction, its live locals, and what lies hidden on its value
stack (the iterator of a ``for`` loop with an ``await`` in it, an argument that was evaluated before an ``await``, an
exception being handled); and the operation it waits for. Ports' own frames are left out: the operation stands for them.
"""

from __future__ import annotations

from collections.abc import Coroutine, Hashable
from types import CodeType, CoroutineType, FrameType, GeneratorType
from typing import Any
from weakref import WeakKeyDictionary

from everyturn.engines.coroutines.contents import Contents, contents
from everyturn.engines.coroutines.standing import Standing, may_change, standing
from everyturn.errors import UnsupportedLocal
from everyturn.identity.anatomy import Changes
from everyturn.identity.bytecode import suspensions
from everyturn.identity.encoder import Encoder, NoValue
from everyturn.identity.live_variables import live_at
from everyturn.source_location import place_of, suspended_at
from everyturn.world import gate
from everyturn.world.operations import Operation

Identity = Hashable


class _Suspended:
    """One frame of an awaiting chain, as it was met last: what it awaits.

    ``own``: the number of what this frame holds, ``whole``: of what it and all frames around it hold; none if that must
    be looked at anew each time.
    """

    __slots__ = ("awaited", "own", "whole")

    def __init__(self, awaited: Any) -> None:
        self.awaited = awaited
        self.own: Hashable = None
        self.whole: Hashable = None


class Identities:
    """Computes identities.

    ``values`` encodes; it knows the agent, its ports, the world. ``keep_dead``: locals that can no longer matter count
    as well, which makes more identities and needs no analysis of the code.
    """

    def __init__(self, values: Encoder, *, keep_dead: bool = False) -> None:
        self._keep_dead = keep_dead
        self.values = values
        self._chains: WeakKeyDictionary[Coroutine[Any, Any, Any], list[_Suspended]] = WeakKeyDictionary()
        self._standings: dict[tuple[int, int, bool], tuple[CodeType, Standing | None]] = {}

    def of(self, coroutine: Coroutine[Any, Any, Any]) -> Identity:
        """The identity of a suspended coroutine. Raises :class:`UnsupportedLocal` with variable and line."""
        chain = self._resting(coroutine)
        self._follow(coroutine, chain)
        assert chain, "the outermost frame of a thread cannot be a port's"
        suspended = [coroutine, *[each.awaited for each in chain[:-1]]]
        values = self.values
        values.begin(suspended)
        whole: Hashable = None
        fixed = True
        for place, each in enumerate(chain):
            if fixed and each.whole is not None:
                whole = each.whole
                continue
            own = each.own
            if own is None:
                own, keeps = self._own(suspended[place], each.awaited)
                fixed = fixed and keeps
                each.own = own if keeps else None
            whole = values.number((whole, own))
            each.whole = whole if fixed else None
        return whole

    def _own(self, coroutine: Any, awaited: object) -> tuple[Hashable, bool]:
        """The number of what one frame holds, and whether that stays the same until the frame runs.

        It does unless one of its locals can change, is shared with somebody, or may be set from another frame.
        """
        values, frame = self.values, _frame_of(coroutine)
        assert frame is not None
        before = values.moved
        known = self._standing(frame)
        held = None if known is None or awaited is None else known.held(coroutine, awaited)
        if known is None or held is None:
            own = values.number(self._frame(coroutine, frame, awaited))
        else:
            own = values.number(self._standing_frame(frame, known, *held))
        return own, values.moved == before and not values.frames_are_read and type(awaited) is CoroutineType

    def _standing(self, frame: FrameType) -> Standing | None:
        """What is known beforehand of the place where a frame is suspended."""
        code, instruction = frame.f_code, frame.f_lasti
        all_count = self._keep_dead or self.values.frames_are_read
        key = (id(code), instruction, all_count)
        known = self._standings.get(key)
        if known is None:
            found = standing(code, instruction, self.values, None if all_count else live_at(code, instruction))
            known = self._standings[key] = (code, found)
        return known[1]

    def _standing_frame(
        self, frame: FrameType, known: Standing, variables: list[Any], stacked: list[Any]
    ) -> tuple[Hashable, ...]:
        """As :meth:`_frame`, where it is known beforehand what is bound."""
        found: list[Hashable] = [known.head]
        try:
            found.extend(map(self.values.encode, variables))
        except NoValue as error:
            name = suspensions(known.code)[frame.f_lasti].bound[known.variables[len(found) - 1]]
            raise _wrong_local(frame, name, error) from None
        found += [self._stacked(frame, value) for value in stacked]
        return tuple(found)

    def _resting(self, coroutine: Coroutine[Any, Any, Any]) -> list[_Suspended]:
        """The frames of a chain that have not run since they were met last, from the outermost inwards: those that
        await what has not come to its end, for nothing that has is ever suspended again."""
        chain = self._chains.get(coroutine)
        if chain is None:
            chain = self._chains[coroutine] = []
        while chain and _frame_of(chain[-1].awaited) is None:
            chain.pop()
        return chain

    def _follow(self, coroutine: Coroutine[Any, Any, Any], chain: list[_Suspended]) -> None:
        """Add the frames further inwards, down to a port. The chain holds nothing of the outermost one, which must be
        the first to go when nobody else has it."""
        current: Any = chain[-1].awaited if chain else coroutine
        outer = None if not chain else _frame_of(chain[-2].awaited if len(chain) > 1 else coroutine)
        while current is not None:
            frame, awaited = _suspended(current, outer)
            if frame.f_code.co_filename == gate.__file__:
                return
            chain.append(_Suspended(awaited))
            outer, current = frame, awaited

    def arguments(self, coroutine: Coroutine[Any, Any, Any], operation: Operation) -> tuple[Hashable, ...]:
        """The identity of what an operation is given. Raises :class:`UnsupportedLocal` with operation and line."""
        try:
            return tuple(self.values.value(each, Changes.FORCED) for each in operation.arguments)
        except NoValue as error:
            raise UnsupportedLocal(f"{suspended_at(coroutine)}: {operation} is given a {error}") from None

    def _frame(self, coroutine: Any, frame: FrameType, awaited: object) -> Hashable:
        held = contents(coroutine, frame, awaited)
        live = None if self._keep_dead or self.values.frames_are_read else live_at(frame.f_code, frame.f_lasti)
        values = [
            (name, self._local(frame, name, value))
            for name, value in held.named
            if value is not awaited and (live is None or name in live)
        ]
        stack = [self._stacked(frame, value) for value in held.stack if value is not awaited]
        return (
            self.values.encode(frame.f_code),
            frame.f_lasti,
            tuple(values),
            tuple(stack),
            self._handled(frame, held),
        )

    def _local(self, frame: FrameType, name: str, value: Any) -> Hashable:
        try:
            return self.values.encode(value)
        except NoValue as error:
            raise _wrong_local(frame, name, error) from None

    def _handled(self, frame: FrameType, held: Contents) -> Hashable:
        return None if held.handled is None else self._stacked(frame, held.handled)

    def _stacked(self, frame: FrameType, value: Any) -> Hashable:
        """A value of the stack."""
        try:
            return self.values.encode(value, may_change(value))
        except NoValue as error:
            raise UnsupportedLocal(
                f"{place_of(frame)}: an unnamed value in {frame.f_code.co_qualname} lives across an await and is a "
                f"{error}"
            ) from None


def _wrong_local(frame: FrameType, name: str, error: NoValue) -> UnsupportedLocal:
    return UnsupportedLocal(
        f"{place_of(frame)}: local variable {name!r} of {frame.f_code.co_qualname} lives across an "
        f"await and holds a {error}"
    )


def _frame_of(awaited: object) -> FrameType | None:
    """The frame of something that may be suspended; none if it has ended."""
    if isinstance(awaited, CoroutineType):
        return awaited.cr_frame
    return awaited.gi_frame if isinstance(awaited, GeneratorType) else None


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
