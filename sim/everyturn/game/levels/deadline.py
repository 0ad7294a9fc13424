"""A deadline that throws away what was taken already."""

import asyncio
from typing import Any

from everyturn.game.level import Level, Term
from everyturn.game.loop import OnALoop


async def notes_under_the_deadline(world: Any) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def take() -> str:
        prompt = await queue.get()
        await world.io("disk")  # note what was taken
        return prompt

    async def user() -> None:
        await world.io("prompt")
        queue.put_nowait("hello")

    sending = asyncio.create_task(user())
    try:
        await asyncio.wait_for(take(), timeout=1)
    except TimeoutError:
        await take()  # try again, without a deadline
    await sending


async def takes_under_the_deadline(world: Any) -> None:
    queue: asyncio.Queue[str] = asyncio.Queue()

    async def take() -> str:
        return await queue.get()

    async def user() -> None:
        await world.io("prompt")
        queue.put_nowait("hello")

    sending = asyncio.create_task(user())
    try:
        await asyncio.wait_for(take(), timeout=1)
    except TimeoutError:
        await take()  # try again, without a deadline
    await sending
    await world.io("disk")  # note what was taken


LEVEL = Level(
    name="deadline",
    title="The deadline that loses a prompt",
    goal="Make the program wait for ever.",
    won="The prompt is gone, and the program waits for it for ever.",
    story="""A worker takes a prompt out of the queue and notes it on the disk. If that takes longer than a
        second, it is given up and tried again. You decide what is slow.""",
    terms=(
        Term("deadline", "After that time `wait_for` cancels what it waits for, wherever that is."),
        Term("queue", "`get` takes the first item out, or waits until there is one."),
    ),
    hints=(
        "What has happened to the prompt when the deadline comes?",
        "Let the prompt come in time, and the disk not.",
    ),
    moral="""The prompt was out of the queue and in a variable of a function that was cancelled: it is gone. What
        is taken under a deadline is lost by it, unless it is put back.""",
    program=OnALoop(notes_under_the_deadline, "hang", "queue"),
    mended=OnALoop(takes_under_the_deadline, "hang", "queue"),
    fix="Only taking is under the deadline; noting comes after it.",
)
