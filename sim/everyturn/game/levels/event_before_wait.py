"""The worker clears the event after it has looked."""

import asyncio
from typing import Any

from everyturn.game.level import Level, Term
from everyturn.game.loop import OnALoop


async def clears_too_late(world: Any) -> None:
    prompts, arrived = [], asyncio.Event()

    async def user() -> None:
        await world.io("prompt")  # whenever the user likes
        prompts.append("hello")
        arrived.set()

    async def worker() -> None:
        if not prompts:
            await world.io("disk")  # note that there is nothing to do
            arrived.clear()
            await arrived.wait()
        prompts.pop()

    await asyncio.gather(worker(), user())


async def clears_before_it_looks(world: Any) -> None:
    prompts, arrived = [], asyncio.Event()

    async def user() -> None:
        await world.io("prompt")  # whenever the user likes
        prompts.append("hello")
        arrived.set()

    async def worker() -> None:
        arrived.clear()
        if not prompts:
            await world.io("disk")  # note that there is nothing to do
            await arrived.wait()
        prompts.pop()

    await asyncio.gather(worker(), user())


LEVEL = Level(
    name="event-before-wait",
    title="The event that was set too early",
    goal="Make the worker wait for ever.",
    won="The worker waits for an event that was set already, and cleared.",
    story="""A worker finds nothing to do, writes that into a file, and then waits for an event which the user
        sets. A disk can be slow.""",
    terms=(
        Term("event", "A flag on which tasks can wait: `set` wakes all who wait, `clear` lowers it again."),
        Term("slow disk", "Here: you decide when the disk has written, and when the prompt comes."),
    ),
    hints=("What if the prompt comes while the worker waits for the disk?", "Let the prompt come before the disk."),
    moral="""The event was set while nobody waited for it yet, and cleared unseen: the *lost wake-up* again, this
        time on an event loop. It needs an await between looking and waiting, and there is one.""",
    program=OnALoop(clears_too_late, "hang", "prompts arrived"),
    mended=OnALoop(clears_before_it_looks, "hang", "prompts arrived"),
    fix="Clear first, then look: what is set after the look stays set.",
)
