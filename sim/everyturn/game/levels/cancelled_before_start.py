"""A task that is cancelled before its first step never runs its finally."""

import asyncio
from typing import Any

from everyturn.game.level import Level, Term
from everyturn.game.loop import OnALoop


async def cleans_up_inside(world: Any) -> None:
    busy: list[str] = []
    turns: list[asyncio.Task[None]] = []

    async def turn() -> None:
        try:
            await world.io("model")
        finally:
            busy.clear()

    async def send() -> None:
        await world.io("prompt")
        busy.append("turn")
        turns.append(asyncio.create_task(turn()))

    async def stop() -> None:
        await world.io("Stop")
        for task in turns:
            task.cancel()

    await asyncio.gather(send(), stop())
    await asyncio.wait(turns)
    if busy:
        raise RuntimeError("the session is busy, and nothing runs")


async def cleans_up_outside(world: Any) -> None:
    busy: list[str] = []
    turns: list[asyncio.Task[None]] = []

    async def turn() -> None:
        await world.io("model")

    async def send() -> None:
        await world.io("prompt")
        busy.append("turn")
        turns.append(asyncio.create_task(turn()))
        turns[0].add_done_callback(lambda _: busy.clear())

    async def stop() -> None:
        await world.io("Stop")
        for task in turns:
            task.cancel()

    await asyncio.gather(send(), stop())
    await asyncio.wait(turns)
    if busy:
        raise RuntimeError("the session is busy, and nothing runs")


LEVEL = Level(
    name="cancelled-before-start",
    title="Cancelled before it began",
    goal="Leave the session busy for ever, although nothing runs.",
    won="Nothing runs, and the session is busy for ever.",
    story="""A prompt makes the session busy and starts a turn; the turn's `finally` says that it is free again,
        whatever happens. A user may press Stop. Can `finally` be missed?""",
    terms=(
        Term("task", "A function that the event loop runs by itself; it begins when the loop comes to it."),
        Term("cancel", "The task gets an error at the await where it waits, and its `finally` runs."),
    ),
    hints=(
        "When does a new task run its first line?",
        "Let the prompt and the Stop come in the same moment, before the loop runs.",
    ),
    moral="""The task was made and cancelled before its first step. Python then never enters the function: there
        is no `try` yet, so there is no `finally`. What must happen in any case belongs to who starts the task.""",
    program=OnALoop(cleans_up_inside, "error", "busy"),
    mended=OnALoop(cleans_up_outside, "error", "busy"),
    fix="A callback of the task frees the session; it is called however the task ends.",
)
