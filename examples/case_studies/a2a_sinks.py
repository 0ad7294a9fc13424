"""a2a-sdk: a subscriber that nobody reads, and the producer (a2aproject/a2a-python#1136, #1101)."""

from __future__ import annotations

import asyncio
from typing import Any

from a2a.server.events.event_queue_v2 import EventQueueSource
from a2a.types.a2a_pb2 import Message

EVENTS = 4


async def _one_reads_and_one_does_not(world: Any, **how: bool) -> None:
    source = EventQueueSource(max_queue_size=1)
    await source.tap(max_queue_size=1, **how)

    async def reads() -> None:
        for _ in range(EVENTS):
            await source.dequeue_event()
            await world.io("saved")
            source.task_done()

    async def produces() -> None:
        for number in range(EVENTS):
            await source.enqueue_event(Message(message_id=str(number)))

    await asyncio.gather(reads(), produces())
    await source.close(immediate=True)


async def blocking(world: Any) -> None:
    """A sink as ``tap`` makes it by default: flow control, so one that is not read stops the producer."""
    await _one_reads_and_one_does_not(world)


async def evicting(world: Any) -> None:
    """The same with what cured #1136."""
    await _one_reads_and_one_does_not(world, evict_on_full=True)
