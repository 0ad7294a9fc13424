"""Small asyncio programs at random, which run on any loop: what they note is what they did.

A program is data: lists of operations, interpreted by coroutines. What the outside world does (``io``, a function on
another thread, time) is asked of a *setting*: ours, or the stock loop with real sockets, threads and delays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, Final, Protocol

UNIT: Final = 0.002
"""Seconds that a program's unit of time lasts."""

Operation = tuple[Any, ...]
Body = list[Operation]


class Outside(Protocol):
    """What a program needs of the world."""

    def io(self, name: str) -> Any: ...

    def log(self, *what: Any) -> None: ...


_LEAVES: Final = (
    "note", "io", "io", "sleep", "sleep0", "set", "wait", "put", "get", "cancel", "soon", "later", "thread", "notify",
    "await",
)  # fmt: skip
_BLOCKS: Final = (
    "lock", "sem", "cond", "spawn", "spawn", "gather", "first", "timeout", "shield", "group", "catch", "agen",
    "wait_for",
    "finally",
)  # fmt: skip


def program(seed: int, size: int = 9) -> Body:
    """The program of this number; ``size``: about how many operations it has."""
    random = Random(seed)
    left = [size]

    def body(depth: int) -> Body:
        made: Body = []
        for _ in range(random.randint(1, 3)):
            if left[0] <= 0:
                break
            left[0] -= 1
            made.append(operation(depth))
        return made or [("note", random.randrange(90, 99))]

    def operation(depth: int) -> Operation:
        name = random.choice(_LEAVES if depth >= 3 or random.random() < 0.5 else _BLOCKS)
        number = random.randrange(2)
        if name in ("gather", "first", "group"):
            return (name, body(depth + 1), body(depth + 1))
        if name in ("timeout", "wait_for"):
            return (name, random.randrange(1, 4), body(depth + 1))
        if name in ("sleep", "later"):
            return (name, random.randrange(1, 4))
        if name in _BLOCKS:
            return (name, body(depth + 1))
        return (name, number)

    return [*(("spawn", body(1)) for _ in range(random.randint(1, 2))), *body(0)]


class Interpreter:
    """Runs one program. ``timed``: seconds for so many units of time."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self.numbers = iter(range(10**6))
        self.lock = asyncio.Lock()
        self.semaphore = asyncio.Semaphore(1)
        self.condition = asyncio.Condition()
        self.events = [asyncio.Event() for _ in range(2)]
        self.queues: list[asyncio.Queue[int]] = [asyncio.Queue(1) for _ in range(2)]
        self.tasks: list[asyncio.Task[None]] = []

    def note(self, *what: Any) -> None:
        self.outside.log(*what)

    async def body(self, body: Body, path: str) -> None:
        for place, operation in enumerate(body):
            await self.operation(operation, f"{path}.{place}")

    async def operation(self, operation: Operation, path: str) -> None:
        await _OPERATIONS[operation[0]](self, path, *operation[1:])

    def spawn(self, body: Body, path: str) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self.body(body, path))
        self.tasks.append(task)
        return task


async def _note(run: Interpreter, path: str, what: int) -> None:
    run.note(path)


async def _io(run: Interpreter, path: str, number: int) -> None:
    await run.outside.io(path)
    run.note(path, "answered")


async def _sleep(run: Interpreter, path: str, units: int) -> None:
    await asyncio.sleep(units * UNIT)
    run.note(path, "slept")


async def _sleep0(run: Interpreter, path: str, number: int) -> None:
    await asyncio.sleep(0)
    run.note(path)


async def _set(run: Interpreter, path: str, number: int) -> None:
    run.events[number].set()


async def _wait(run: Interpreter, path: str, number: int) -> None:
    await run.events[number].wait()
    run.note(path, "was set")


async def _put(run: Interpreter, path: str, number: int) -> None:
    await run.queues[number].put(number)
    run.note(path, "put")


async def _get(run: Interpreter, path: str, number: int) -> None:
    await run.queues[number].get()
    run.note(path, "got")


async def _cancel(run: Interpreter, path: str, number: int) -> None:
    if run.tasks:
        run.note(path, "cancels", run.tasks[number % len(run.tasks)].cancel())


async def _await(run: Interpreter, path: str, number: int) -> None:
    if run.tasks:
        task = run.tasks[number % len(run.tasks)]
        if task is not asyncio.current_task():
            await asyncio.wait([task])
            run.note(path, "saw the end")


async def _soon(run: Interpreter, path: str, number: int) -> None:
    asyncio.get_running_loop().call_soon(run.note, path, "called")


async def _later(run: Interpreter, path: str, units: int) -> None:
    asyncio.get_running_loop().call_later(units * UNIT, run.note, path, "called later")


async def _thread(run: Interpreter, path: str, number: int) -> None:
    await asyncio.get_running_loop().run_in_executor(None, lambda: None)
    run.note(path, "thread ended")


async def _notify(run: Interpreter, path: str, number: int) -> None:
    async with run.condition:
        run.condition.notify(1)


async def _lock(run: Interpreter, path: str, body: Body) -> None:
    if run.lock.locked() and len(run.tasks) > 6:
        return
    async with run.lock:
        await run.body(body, path)
    run.note(path, "unlocked")


async def _sem(run: Interpreter, path: str, body: Body) -> None:
    async with run.semaphore:
        await run.body(body, path)


async def _cond(run: Interpreter, path: str, body: Body) -> None:
    async with run.condition:
        await run.condition.wait()
    run.note(path, "was notified")
    await run.body(body, path)


async def _spawn(run: Interpreter, path: str, body: Body) -> None:
    run.spawn(body, path)


async def _gather(run: Interpreter, path: str, one: Body, other: Body) -> None:
    await asyncio.gather(run.body(one, f"{path}a"), run.body(other, f"{path}b"), return_exceptions=True)
    run.note(path, "gathered")


async def _first(run: Interpreter, path: str, one: Body, other: Body) -> None:
    tasks = [run.spawn(one, f"{path}a"), run.spawn(other, f"{path}b")]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    run.note(path, len(done))
    for task in pending:
        task.cancel()


async def _timeout(run: Interpreter, path: str, units: int, body: Body) -> None:
    try:
        async with asyncio.timeout(units * UNIT):
            await run.body(body, path)
    except TimeoutError:
        run.note(path, "timed out")


async def _wait_for(run: Interpreter, path: str, units: int, body: Body) -> None:
    try:
        await asyncio.wait_for(run.body(body, path), units * UNIT)
    except TimeoutError:
        run.note(path, "waited too long")


async def _shield(run: Interpreter, path: str, body: Body) -> None:
    try:
        await asyncio.shield(run.spawn(body, path))
    except asyncio.CancelledError:
        run.note(path, "left its shield")
        raise


async def _group(run: Interpreter, path: str, one: Body, other: Body) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            run.tasks.append(group.create_task(run.body(one, f"{path}a")))
            run.tasks.append(group.create_task(run.body(other, f"{path}b")))
    except BaseExceptionGroup:
        run.note(path, "group failed")


async def _catch(run: Interpreter, path: str, body: Body) -> None:
    try:
        await run.body(body, path)
    except asyncio.CancelledError:
        run.note(path, "cancelled")


async def _finally(run: Interpreter, path: str, body: Body) -> None:
    try:
        await run.body(body, path)
    finally:
        run.note(path, "finally")


async def _agen(run: Interpreter, path: str, body: Body) -> None:
    async def items() -> Any:
        try:
            yield 1
            await run.body(body, path)
            yield 2
        finally:
            run.note(path, "closed")

    async for item in items():
        run.note(path, item)


_OPERATIONS: Final[dict[str, Callable[..., Any]]] = {
    "note": _note,
    "io": _io,
    "sleep": _sleep,
    "sleep0": _sleep0,
    "set": _set,
    "wait": _wait,
    "put": _put,
    "get": _get,
    "cancel": _cancel,
    "await": _await,
    "soon": _soon,
    "later": _later,
    "thread": _thread,
    "notify": _notify,
    "lock": _lock,
    "sem": _sem,
    "cond": _cond,
    "spawn": _spawn,
    "gather": _gather,
    "first": _first,
    "timeout": _timeout,
    "wait_for": _wait_for,
    "shield": _shield,
    "group": _group,
    "catch": _catch,
    "finally": _finally,
    "agen": _agen,
}


async def interpret(body: Body, outside: Outside) -> None:
    """The program's main coroutine."""
    run = Interpreter(outside)
    await run.body(body, "0")
    run.note("main ends")
