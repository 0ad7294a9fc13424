"""Scenarios that ask the world for a model and a store, and that look at clocks and randomness."""

from __future__ import annotations

import asyncio
import random
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
