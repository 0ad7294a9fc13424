"""Scenarios that ask the world for a model and a store, and that look at clocks and randomness."""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
import time
import uuid
from typing import Any


async def asks_a_model_and_writes(world: Any) -> None:
    model, store = world.model(pieces=2), world.store()

    async def turn(prompt: str) -> None:
        pieces = [piece async for piece in model.stream(f"prompt:{prompt}")]
        await store.append(pieces)
        world.log(prompt, pieces, len(store.rows))

    await asyncio.gather(turn("p1"), turn("p2"))
    assert store.rows[0] == ["answe", "r:p1"], store.rows


async def looks_at_the_clock(world: Any) -> None:
    begun = time.monotonic()
    await world.io("answer")
    world.log(random.random() < 0.5, uuid.uuid4().hex, time.monotonic() >= begun)
    await asyncio.sleep(1)
    world.log(time.time() > 0)
    raise AssertionError("it looked at the clock")


async def looks_at_every_clock(world: Any) -> None:
    """And says what matters in simulated time only, reads its notes, and makes names in all ways."""
    from everyturn.studies.distributions import Exponential

    world.takes("answer", Exponential(2.0))
    world.fails("answer", 0.1)
    world.log(time.time_ns() // 10**12, time.monotonic_ns(), time.perf_counter_ns())
    await asyncio.gather(world.io("answer"), world.io("other"))
    world.log(uuid.uuid1().hex, uuid.uuid4().hex, secrets.token_hex(4), random.SystemRandom().random())
    world.measure("answer", time.monotonic())
    assert len(world.logged[0]) == 2, "it has looked at three clocks"


async def listens_to_nobody(world: Any) -> None:
    """Nobody connects."""
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 8000)
    await asyncio.gather(world.io("a"), world.io("b"))
    server.close()
    raise AssertionError("nobody came")


async def ends_the_process(world: Any) -> None:
    """A callback does; the scenario is cancelled then, as all is at the end of ``asyncio.run``."""
    asyncio.get_running_loop().call_later(1, sys.exit, 0)
    await world.io("a")
    world.log("a")
    try:
        await world.io("b")
    finally:
        world.log("b")


async def ends_the_process_at_the_end(world: Any) -> None:
    """A task does that is cancelled there."""

    async def waits() -> None:
        try:
            await asyncio.Future()
        except asyncio.CancelledError:
            sys.exit(2)

    world.waiting = asyncio.create_task(waits())
    await world.io("a")
