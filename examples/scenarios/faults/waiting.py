"""Small dispatchers that wait for what has passed already, or that nobody will do; each with its mended twin.

everyturn check --scenario examples.scenarios.faults.waiting:event_set_before_the_wait.wrong
everyturn check --scenario examples.scenarios.faults.waiting:event_set_before_the_wait.mended
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import Any

from examples.scenarios.faults.pairs import fault


@fault("hang")
async def event_set_before_the_wait(world: Any, mended: bool) -> None:
    """The worker clears the event after it has looked and saved: what was set meanwhile is cleared unseen."""
    prompts: list[str] = []
    arrived = asyncio.Event()

    async def user() -> None:
        await world.io("user")
        prompts.append("hello")
        arrived.set()

    async def worker() -> None:
        if not prompts:
            await world.io("note that it is idle")
            if not mended:
                arrived.clear()
            await arrived.wait()
        prompts.pop()

    await asyncio.gather(worker(), user())


@fault("hang")
async def notified_before_it_waits(world: Any, mended: bool) -> None:
    """``notify`` wakes those that wait now: who comes later must look first."""
    prompts: list[str] = []
    changed = asyncio.Condition()

    async def worker() -> None:
        await world.io("start")
        async with changed:
            if mended:
                await changed.wait_for(lambda: prompts)
            else:
                await changed.wait()

    async def user() -> None:
        await world.io("user")
        async with changed:
            prompts.append("hello")
            changed.notify()

    await asyncio.gather(worker(), user())


@fault("hang")
async def join_without_task_done(world: Any, mended: bool) -> None:
    """A prompt that fails is never marked as done: ``join`` waits for ever."""
    queue: asyncio.Queue[str] = asyncio.Queue()
    queue.put_nowait("hello")

    async def worker() -> None:
        prompt = await queue.get()
        try:
            await world.io(f"model {prompt}", errors=[ConnectionError])
            if not mended:
                queue.task_done()
        except ConnectionError:
            pass
        finally:
            if mended:
                queue.task_done()

    await asyncio.gather(worker(), queue.join())


@fault("hang")
async def deadline_that_loses_a_prompt(world: Any, mended: bool) -> None:
    """The deadline is about taking *and* noting: a prompt that was taken is lost when noting takes too long."""
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def take() -> str:
        prompt = await queue.get()
        if not mended:
            await world.io("note")
        return prompt

    async def user() -> None:
        await world.io("user")
        queue.put_nowait("hello")

    asked = asyncio.create_task(user())
    try:
        await asyncio.wait_for(take(), 1)
    except TimeoutError:
        await take()
    await asked


@fault("hang")
async def subscriber_that_is_never_drained(world: Any, mended: bool) -> None:
    """A turn puts its chunks into the bounded queue of a subscriber who has left."""
    subscribers: list[asyncio.Queue[int]] = [asyncio.Queue(1)]

    async def turn() -> None:
        for chunk in range(2):
            await world.io(f"chunk {chunk}")
            for each in subscribers:
                await each.put(chunk)

    async def subscriber() -> None:
        queue = subscribers[0]
        reading = asyncio.ensure_future(queue.get())
        await asyncio.wait([reading, asyncio.ensure_future(world.io("leave"))], return_when=asyncio.FIRST_COMPLETED)
        reading.cancel()
        await asyncio.wait([reading])
        if mended:
            subscribers.clear()
            while not queue.empty():
                queue.get_nowait()

    await asyncio.gather(turn(), subscriber())


@fault("hang")
async def lock_held_over_a_stream(world: Any, mended: bool) -> None:
    """The turn holds the lock while it streams; Stop needs the lock, and the reader who stops does not read on."""
    lock, chunks = asyncio.Lock(), asyncio.Queue[int](1)
    stopped = False

    async def turn() -> None:
        async with nullcontext() if mended else lock:
            for chunk in range(3):
                await world.io(f"chunk {chunk}")
                if stopped:
                    return
                await chunks.put(chunk)

    async def reader() -> None:
        nonlocal stopped
        await chunks.get()
        async with lock:
            stopped = True

    await asyncio.gather(turn(), reader())
