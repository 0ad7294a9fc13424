"""What looks racy and is right on asyncio, because asyncio is first in, first out.

everyturn check --scenario examples.scenarios.faults.orders:begun_in_order                # proved
everyturn check --scenario examples.scenarios.faults.orders:begun_in_order --order any    # refuted: it needs that order
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

NEEDS_ITS_ORDER = (
    "begun_in_order",
    "begun_after_one_round",
    "old_ends_before_new_begins",
    "items_go_to_who_asked_first",
    "opened_before_written",
    "cleaned_before_it_is_seen",
    "woken_in_order",
    "woken_before_what_is_new",
    "timers_of_one_moment",
    "stored_before_it_is_told",
)
RIGHT_IN_ANY_ORDER = ("looked_at_and_taken_at_once", "told_after_it_was_set")


async def begun_in_order(world: Any) -> None:
    """Tasks begin in the order in which they were made."""
    begun: list[str] = []

    async def turn(prompt: str) -> None:
        begun.append(prompt)
        await world.io(f"model {prompt}")

    await asyncio.gather(*[asyncio.create_task(turn(prompt)) for prompt in "ab"])
    assert begun == ["a", "b"]


async def begun_after_one_round(world: Any) -> None:
    """Whoever yields once finds that the task that it made has begun."""
    busy = False

    async def turn() -> None:
        nonlocal busy
        busy = True
        await world.io("model")

    async def other() -> None:
        await world.io("other")

    beside = asyncio.create_task(other())
    task = asyncio.create_task(turn())
    await asyncio.sleep(0)
    assert busy
    await asyncio.wait([task, beside])


async def old_ends_before_new_begins(world: Any) -> None:
    """A turn that is cancelled runs its ``finally`` before the one that takes its place begins."""
    running: list[str] = []

    async def turn(prompt: str) -> None:
        assert not running
        running.append(prompt)
        try:
            await world.io(f"model {prompt}")
        finally:
            running.remove(prompt)

    old = asyncio.create_task(turn("old"))
    await world.io("user")
    old.cancel()
    await asyncio.create_task(turn("new"))
    with suppress(asyncio.CancelledError):
        await old


async def items_go_to_who_asked_first(world: Any) -> None:
    """Two getters of a queue get what is put in the order in which they asked."""
    queue: asyncio.Queue[int] = asyncio.Queue()
    got: list[tuple[str, int]] = []

    async def worker(name: str) -> None:
        got.append((name, await queue.get()))

    workers = [asyncio.create_task(worker(name)) for name in "ab"]
    await world.io("user")
    queue.put_nowait(0)
    queue.put_nowait(1)
    await asyncio.wait(workers)
    assert got == [("a", 0), ("b", 1)]


async def opened_before_written(world: Any) -> None:
    """Callbacks are called in the order in which they were asked for."""
    loop, lines = asyncio.get_running_loop(), list[str]()
    await world.io("user")
    loop.call_soon(lines.append, "open")
    loop.call_soon(lines.append, "write")
    await world.io("look")
    assert lines == ["open", "write"]


async def cleaned_before_it_is_seen(world: Any) -> None:
    """A task's first callback is called before whoever waits for the task goes on."""
    active: set[str] = {"turn"}

    async def turn() -> None:
        await world.io("model")

    task = asyncio.create_task(turn())
    task.add_done_callback(lambda _: active.clear())
    await task
    assert not active


async def woken_in_order(world: Any) -> None:
    """Those who wait for an event go on in the order in which they began to wait."""
    event, woken = asyncio.Event(), list[str]()

    async def waiter(name: str) -> None:
        await event.wait()
        woken.append(name)

    waiters = [asyncio.create_task(waiter(name)) for name in "ab"]
    await world.io("user")
    event.set()
    await asyncio.wait(waiters)
    assert woken == ["a", "b"]


async def woken_before_what_is_new(world: Any) -> None:
    """Who was woken first takes what is there before a task that is made after it can."""
    free, slots, waits = asyncio.Event(), ["slot"], asyncio.Event()

    async def waiting() -> None:
        waits.set()
        await free.wait()
        assert slots
        slots.pop()

    async def late() -> None:
        if slots:
            slots.pop()

    first = asyncio.create_task(waiting())
    await waits.wait()
    await world.io("user")
    free.set()
    await asyncio.create_task(late())
    await first


async def timers_of_one_moment(world: Any) -> None:
    """Two timers that are set at one moment with one delay fire in the order in which they were set."""
    loop, fired = asyncio.get_running_loop(), list[str]()
    now = loop.time()
    loop.call_at(now + 1, fired.append, "a")
    loop.call_at(now + 1, fired.append, "b")
    await asyncio.sleep(2)
    await world.io("look")
    assert fired == ["a", "b"]


async def stored_before_it_is_told(world: Any) -> None:
    """Callbacks of a turn are called in the order in which they were added: its answer is kept before anybody hears."""
    kept: list[str] = []
    heard: list[list[str]] = []

    async def turn() -> None:
        await world.io("model")

    task = asyncio.create_task(turn())
    task.add_done_callback(lambda _: kept.append("answer"))
    task.add_done_callback(lambda _: heard.append(list(kept)))
    await asyncio.wait([task])
    assert heard == [["answer"]]


async def looked_at_and_taken_at_once(world: Any) -> None:
    """Nothing comes between a look and what follows it, unless something is awaited."""
    slots = ["slot"]

    async def user(name: str) -> None:
        await world.io(f"user {name}")
        if slots:
            slots.pop()

    await asyncio.gather(user("a"), user("b"))
    assert not slots


async def told_after_it_was_set(world: Any) -> None:
    """Whoever is woken goes on after the step that woke it: what that step sets later is set."""
    told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    answers: list[str] = []

    async def turn() -> None:
        answer = await world.io("model", "hello")
        told.set_result(None)
        answers.append(answer)

    task = asyncio.create_task(turn())
    await told
    assert answers == ["hello"]
    await task
