"""Small dispatchers whose turns begin, end or are cancelled wrongly, each with its mended twin.

everyturn check --scenario examples.scenarios.faults.turns:cancelled_before_it_began.wrong
everyturn check --scenario examples.scenarios.faults.turns:cancelled_before_it_began.mended
"""

from __future__ import annotations

import asyncio
from typing import Any

from examples.scenarios.faults.pairs import fault


@fault("error")
async def cancelled_before_it_began(world: Any, mended: bool) -> None:
    """A task that is cancelled before its first step never runs its ``finally``: the session is busy for ever."""
    busy: set[str] = set()
    turns: list[asyncio.Task[None]] = []

    async def turn() -> None:
        try:
            await world.io("model")
        finally:
            busy.discard("turn")

    async def user() -> None:
        await world.io("submit")
        busy.add("turn")
        turns.append(asyncio.create_task(turn()))
        if mended:
            turns[0].add_done_callback(lambda _: busy.discard("turn"))

    async def stop() -> None:
        await world.io("stop")
        for each in turns:
            each.cancel()

    await asyncio.gather(user(), stop())
    await asyncio.wait(turns)
    assert not busy


@fault("hang")
async def looks_then_saves_then_goes_idle(world: Any, mended: bool) -> None:
    """The queue is looked at, then something is awaited, then the session is idle: what came meanwhile is forgotten."""
    queue: list[asyncio.Future[None]] = []
    busy = False

    async def ask(prompt: str) -> None:
        nonlocal busy
        await world.io(f"user {prompt}")
        if busy:
            queue.append(asyncio.get_running_loop().create_future())
            await queue[-1]
        busy = True
        if mended:
            await world.io(f"save {prompt}")
        if queue:
            queue.pop(0).set_result(None)
            return
        if not mended:
            await world.io(f"save {prompt}")
        busy = False

    await asyncio.gather(ask("a"), ask("b"))


@fault("error")
async def swallows_its_cancellation(world: Any, mended: bool) -> None:
    """A retry that catches everything catches the cancellation, too: the turn goes on after Stop."""
    answers: list[str] = []

    async def turn() -> None:
        for attempt in ("first", "second"):
            try:
                answers.append(await world.io(attempt, attempt))
            except BaseException as error:
                if mended and isinstance(error, asyncio.CancelledError):
                    raise
            else:
                return

    running = asyncio.create_task(turn())
    await world.io("stop")
    stopped = running.cancel()
    await asyncio.wait([running])
    assert not (stopped and answers)


@fault("error")
async def is_over_before_it_ends(world: Any, mended: bool) -> None:
    """A deadline completes the turn for whoever waits, while it still runs: the next one runs beside it."""
    running: list[str] = []

    async def turn(prompt: str) -> None:
        running.append(prompt)
        assert len(running) == 1, "two turns at once"
        try:
            await world.io(f"model {prompt}")
        finally:
            running.remove(prompt)

    for prompt in ("a", "b"):
        task = asyncio.create_task(turn(prompt))
        await asyncio.wait([task], timeout=1)
        if mended:
            task.cancel()
            await asyncio.wait([task])
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


@fault("error")
async def goes_idle_after_the_next_has_begun(world: Any, mended: bool) -> None:
    """Callbacks of a task are called in the order in which they were added: the next turn begins, then "idle" is
    set."""
    busy, queue, done = False, ["b"], asyncio.Event()

    async def turn(prompt: str) -> None:
        await world.io(f"model {prompt}")
        assert busy, "a turn runs while the session is idle"

    def begin(prompt: str) -> None:
        nonlocal busy
        busy = True
        task = asyncio.create_task(turn(prompt))
        for callback in (idle, following) if mended else (following, idle):
            task.add_done_callback(callback)

    def idle(task: asyncio.Task[None]) -> None:
        nonlocal busy
        busy = False

    def following(task: asyncio.Task[None]) -> None:
        begin(queue.pop()) if queue else done.set()
        finished.append(task)

    finished: list[asyncio.Task[None]] = []
    begin("a")
    await done.wait()
    for task in finished:
        task.result()


@fault("error")
async def shields_what_it_does_not_wait_for(world: Any, mended: bool) -> None:
    """``shield`` keeps the save alive, not its caller: who is cancelled goes on while the save still runs."""
    saving: list[str] = []

    async def save() -> None:
        saving.append("row")
        await world.io("store")
        saving.clear()

    async def turn() -> None:
        task = asyncio.ensure_future(save())
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if mended:
                await asyncio.wait([task])
            raise

    running = asyncio.create_task(turn())
    await world.io("stop")
    running.cancel()
    await asyncio.wait([running])
    assert not saving, "closed while a row is being written"
