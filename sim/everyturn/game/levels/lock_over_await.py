"""A lock that is held over an await."""

import asyncio
from typing import Any

from everyturn.game.level import Level, Term
from everyturn.game.loop import OnALoop


async def streams_under_a_lock(world: Any) -> None:
    lock, chunks = asyncio.Lock(), asyncio.Queue[str](maxsize=1)
    stopped: list[str] = []

    async def turn() -> None:
        async with lock:
            for chunk in "abc":
                await world.io(f"chunk {chunk}")
                if stopped:
                    return
                await chunks.put(chunk)  # waits while the queue is full

    async def reader() -> None:
        await chunks.get()
        await world.io("Stop")
        async with lock:
            stopped.append("yes")

    await asyncio.gather(turn(), reader())


async def streams_without_it(world: Any) -> None:
    lock, chunks = asyncio.Lock(), asyncio.Queue[str](maxsize=1)
    stopped: list[str] = []

    async def turn() -> None:
        for chunk in "abc":
            await world.io(f"chunk {chunk}")
            if stopped:
                return
            if not chunks.full():
                chunks.put_nowait(chunk)  # who does not read misses it

    async def reader() -> None:
        await chunks.get()
        await world.io("Stop")
        async with lock:
            stopped.append("yes")

    await asyncio.gather(turn(), reader())


LEVEL = Level(
    name="lock-over-await",
    title="A lock over an await",
    goal="Make the program wait for ever.",
    won="The turn waits for the reader, and the reader for the turn.",
    story="""A turn streams an answer in chunks, under the lock of its session. The reader reads one chunk; then
        the user presses Stop, which needs the lock, too. The queue between them holds one chunk.""",
    terms=(
        Term("stream", "An answer that comes in pieces, called chunks."),
        Term("back-pressure", "Who writes into a full queue waits until somebody reads."),
    ),
    hints=(
        "Who has the lock while the turn waits for room in the queue? And who would make room?",
        "Just let everything come, and look who waits for whom.",
    ),
    moral="""The turn waits for the reader, who would make room; the reader waits for the lock, which the turn
        has. A lock that is held over an await is held as long as the whole world likes. Keep it for what needs
        no waiting.""",
    program=OnALoop(streams_under_a_lock, "hang", "lock chunks stopped"),
    mended=OnALoop(streams_without_it, "hang", "lock chunks stopped"),
    fix="No lock while streaming, and nobody waits for a reader.",
)
