"""Encoders that forget something, each with a program to which it matters."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import weakref
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.sim.test_asyncio_states import Program, in_a_loop, program, two_ways, while_an_exception_is_handled

from everyturn.asyncio.order.clock import Clock
from everyturn.asyncio.order.ordering import WorldFuture, WorldTask
from everyturn.asyncio.states import encoding, frames, loop_kinds
from everyturn.identity import anatomy as anatomies

Patch = Callable[[pytest.MonkeyPatch], None]


def without_part(name: str) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        part = encoding.StateEncoder.part

        def mutant(encoder: Any, each: str, *values: Any) -> None:
            if each != name:
                part(encoder, each, *values)

        monkeypatch.setattr(encoding.StateEncoder, "part", mutant)

    return patch


def _without_attribute(kind: type, name: str, shown: Any) -> Patch:
    """Objects of ``kind`` are encoded as if their attribute ``name`` were ``shown``, whatever it is."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        encode = encoding._BY_TYPE[kind]

        class Shown:
            def __init__(self, value: Any) -> None:
                self.value = value

            def __getattr__(self, attribute: str) -> Any:
                return shown if attribute == name else getattr(self.value, attribute)

        def mutant(encoder: Any, value: Any) -> None:
            encode(encoder, Shown(value))

        monkeypatch.setitem(encoding._BY_TYPE, kind, mutant)

    return patch


def _without_parts_of(kind: type) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        anatomy = anatomies.anatomy

        def mutant(value: Any) -> Any:
            found = anatomy(value)
            return found._replace(tag="", items=(), names=(), held=()) if isinstance(value, kind) else found

        monkeypatch.setattr(anatomies, "anatomy", mutant)

    return patch


def _without_in_frames(place: int) -> Patch:
    """Of a frame's variables, value stack and handled exception one is forgotten."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        contents = frames._contents

        def mutant(encoder: Any, owner: Any, frame: Any, awaited: Any) -> Any:
            found = list(contents(encoder, owner, frame, awaited))
            found[place] = None if place == 2 else ()
            return tuple(found)

        monkeypatch.setattr(frames, "_contents", mutant)

    return patch


def _without(where: Any, name: str, result: Any = None) -> Patch:
    return lambda monkeypatch: monkeypatch.setattr(where, name, lambda *args, **options: result)


def _without_all_but_the_first(name: str) -> Patch:
    """Of a part of the state its first value only."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        part = encoding.StateEncoder.part

        def mutant(encoder: Any, each: str, *values: Any) -> None:
            part(encoder, each, *(values[:1] if each == name else values))

        monkeypatch.setattr(encoding.StateEncoder, "part", mutant)

    return patch


def _every(*patches: Patch) -> Patch:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        for each in patches:
            each(monkeypatch)

    return patch


def _timer(world: Any, way: int) -> Any:
    """One of one second is always before one of two that is set later; one of three seconds may be after it."""
    asyncio.get_running_loop().call_later(1 + 2 * way, world.log, "first")

    async def later() -> str:
        await asyncio.sleep(2)
        return "second"

    return later()


def _cancelled_timer(world: Any, way: int) -> Any:
    fired = list[int]()
    asyncio.get_running_loop().call_later(1, _nothing)
    timer = asyncio.get_running_loop().call_later(2, fired.append, 1)
    if way:
        timer.cancel()  # and it stays in the heap, as it is not the first one

    async def look() -> int:
        await asyncio.sleep(3)
        return len(fired)

    return look()


def _message(world: Any, way: int) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.cancel(str(way))

    async def look() -> str:
        try:
            await future
        except asyncio.CancelledError as error:
            return str(error)
        return "no message"

    return look()


def _retrieved(world: Any, way: int) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.set_exception(ValueError())
    if way:
        future.exception()

    async def look() -> bool:
        return bool(future._log_traceback) or future.exception() is None

    return look()


def _called_back(world: Any, way: int) -> Any:
    future = asyncio.get_running_loop().create_future()
    future.add_done_callback(functools.partial(_note, world, way))

    async def look() -> None:
        future.set_result(None)
        await asyncio.sleep(0)

    return look()


def _note(world: Any, way: int, future: Any) -> None:
    world.log(way)


def _hung_on_the_world(world: Any, way: int) -> Any:
    world.hung = way

    async def look() -> int:
        return int(world.hung)

    return look()


def _weakly(world: Any, way: int) -> Any:
    one, other = PatternKept(), PatternKept()
    weak = weakref.ref((one, other)[way])

    async def look() -> bool:
        return weak() is one and other is not one

    return look()


class PatternKept:
    """Something that can be referred to weakly."""


async def asked_to_cancel(world: Any) -> None:
    """How often a task was asked to end is in no variable: ``Task.cancelling()``."""

    async def stubborn() -> None:
        while not ended:
            with contextlib.suppress(asyncio.CancelledError):
                await event.wait()

    ended: list[int] = []
    event = asyncio.Event()
    task = asyncio.create_task(stubborn())
    try:
        await world.io("way", errors=[LookupError])
    except LookupError:
        task.cancel()
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(task.cancelling())
    ended.append(1)
    event.set()
    await task


async def cancelled_before_its_step(world: Any) -> None:
    """A task that is to make its first step, and one that is to be cancelled by it: both are in the ready queue."""

    async def work() -> None:
        world.log("works")

    thread = asyncio.create_task(asyncio.to_thread(len, "a"))
    task = None
    try:
        await world.io("way", errors=[LookupError])
        task = asyncio.create_task(work())
    except LookupError:
        task = asyncio.create_task(work())
        task.cancel()
    await asyncio.wait([task, thread])


async def cancelled_callback(world: Any) -> None:
    """A handle in the ready queue that was cancelled is skipped, and counts."""
    thread = asyncio.create_task(asyncio.to_thread(len, "a"))
    handle = None
    try:
        await world.io("way", errors=[LookupError])
        handle = asyncio.get_running_loop().call_soon(world.log, "called")
    except LookupError:
        handle = asyncio.get_running_loop().call_soon(world.log, "called")
        handle.cancel()
    await thread


async def the_count_of_what_is_left(world: Any) -> None:
    """What is run in this iteration, and what in the next, after the loop has looked for what has arrived."""
    loop, rows, written = asyncio.get_running_loop(), list[int](), list[Any]()
    thread = asyncio.create_task(asyncio.to_thread(len, "a"))

    def write() -> None:
        written.append(world.io("row", effect=functools.partial(rows.append, 1)))

    def write_and_look_later() -> None:
        write()
        loop.call_soon(look)

    def look() -> None:
        world.log(len(rows))

    try:
        await world.io("way", errors=[LookupError])
        loop.call_soon(write)
        loop.call_soon(_nothing)
        loop.call_soon(look)
    except LookupError:
        loop.call_soon(write_and_look_later)
        loop.call_soon(_nothing)
    await thread


def _nothing() -> None: ...


async def what_has_arrived_in_one_look(world: Any) -> None:
    """In which order answers came that came at once."""
    x, y = world.io("x"), world.io("y")
    for name, answer in (("x", x), ("y", y)):
        answer.add_done_callback(functools.partial(_arrived, world, name))
    other = world.io("z")
    done, _ = await asyncio.wait([x, y], return_when=asyncio.FIRST_COMPLETED)
    world.log(len(done))
    await asyncio.gather(x, y, other)


def _arrived(world: Any, name: str, future: Any) -> None:
    world.log(name)


async def what_is_known_of_time(world: Any) -> None:
    """Two instants were compared: a second look must not find anything else."""
    before = asyncio.get_running_loop().time()
    await world.io("answer")
    after = asyncio.get_running_loop().time()
    world.log(bool(after - before <= 1))
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(bool(after - before <= 1))


async def before_its_first_step(world: Any) -> None:
    """A coroutine that has not begun holds its arguments."""

    async def work(way: int) -> int:
        return way

    begun = None
    try:
        await world.io("way", errors=[LookupError])
        begun = work(0)
    except LookupError:
        begun = work(1)
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(await begun)


FORGOTTEN: Final[dict[str, tuple[Patch, Program]]] = {
    "a timer's rank": (_without_parts_of(asyncio.TimerHandle), two_ways(_timer)),
    "a cancelled timer": (
        _every(_without_parts_of(asyncio.TimerHandle), _without_all_but_the_first("timers")),
        two_ways(_cancelled_timer),
    ),
    "a cancelled handle": (
        lambda monkeypatch: monkeypatch.setitem(
            encoding._BY_TYPE, asyncio.Handle, lambda encoder, value: encoder.out.append("handle")
        ),
        cancelled_callback,
    ),
    "a cancellation's message": (_without_attribute(WorldFuture, "_cancel_message", None), two_ways(_message)),
    "whether an exception was asked for": (
        _without_attribute(WorldFuture, "_log_traceback", False),
        two_ways(_retrieved),
    ),
    "a future's callbacks": (_without_attribute(WorldFuture, "_callbacks", None), two_ways(_called_back)),
    "how often it was asked to cancel": (
        _without_attribute(WorldTask, "cancelling", lambda: 0),
        asked_to_cancel,
    ),
    "that it is to be cancelled": (_without_attribute(WorldTask, "_must_cancel", False), cancelled_before_its_step),
    "the count of what is left": (_without_all_but_the_first("ready"), the_count_of_what_is_left),
    "what has arrived": (without_part("arrived"), what_has_arrived_in_one_look),
    "bounds of time": (_without(Clock, "bounds", ()), what_is_known_of_time),
    "the world's attributes": (without_part("world"), two_ways(_hung_on_the_world)),
    "a weak reference": (_without_parts_of(weakref.ref), two_ways(_weakly)),
    "a value stack": (_without_in_frames(1), in_a_loop),
    "the exception that is handled": (_without_in_frames(2), while_an_exception_is_handled),
    "arguments before the first step": (_without_in_frames(1), before_its_first_step),
    "globals of modules": (_without(frames, "_global"), program("another module's global")),
    "a task": (_without(loop_kinds, "_task"), asked_to_cancel),
}
"""What is forgotten → an encoder that does, and a program to which it matters."""
