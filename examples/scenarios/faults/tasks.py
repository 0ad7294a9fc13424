"""Small dispatchers that lose sight of a task or of a stream, each with its mended twin.

everyturn check --scenario examples.scenarios.faults.tasks:sibling_of_a_failure.wrong
everyturn check --scenario examples.scenarios.faults.tasks:sibling_of_a_failure.mended
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from examples.scenarios.faults.pairs import fault


@fault("error")
async def sibling_of_a_failure(world: Any, mended: bool) -> None:
    """``gather`` raises at the first failure; the other tool goes on, and writes after the session was closed."""
    closed = False
    late: list[str] = []

    async def tool(name: str) -> None:
        await world.io(name, errors=[ConnectionError] if name == "search" else [])
        if closed:
            late.append(name)

    try:
        if mended:
            async with asyncio.TaskGroup() as group:
                group.create_task(tool("search"))
                group.create_task(tool("write"))
        else:
            await asyncio.gather(tool("search"), tool("write"))
    except (ConnectionError, ExceptionGroup):
        pass
    closed = True
    await world.io("the session is looked at")
    assert not late


@fault("destroyed", "error")
async def fire_and_forget(world: Any, mended: bool) -> None:
    """The loop holds tasks weakly: one that only its own inbox refers to may be collected while it waits."""
    inboxes: weakref.WeakSet[asyncio.Queue[str]] = weakref.WeakSet()
    seen: list[str] = []
    kept: list[asyncio.Task[None]] = []

    async def listen() -> None:
        inbox: asyncio.Queue[str] = asyncio.Queue()
        inboxes.add(inbox)
        seen.append(await inbox.get())

    task = asyncio.create_task(listen())
    if mended:
        kept.append(task)
    del task
    await world.io("news")
    _deliver(inboxes)
    await world.io("a look")
    assert seen == ["news"]


def _deliver(inboxes: weakref.WeakSet[asyncio.Queue[str]]) -> None:
    for inbox in inboxes:
        inbox.put_nowait("news")


@fault("error")
async def stream_left_open(world: Any, mended: bool) -> None:
    """``async for`` that is left does not close the generator: its ``finally`` runs some time later."""
    connection: set[str] = set()

    async def stream() -> AsyncGenerator[str, None]:
        connection.add("open")
        try:
            for number in range(2):
                yield await world.io(f"chunk {number}", "a chunk")
        finally:
            await asyncio.sleep(0)
            connection.clear()

    chunks = stream()
    if mended:
        async with aclosing(chunks):
            async for _ in chunks:
                break
    else:
        async for _ in chunks:
            break
    assert not connection, "the next request finds the connection in use"
