"""Scenarios that ask the world for a model and a store, and that look at clocks and randomness."""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
import time
import uuid
from typing import Any

from everyturn.asyncio.connections.peers import Hears, PeerStep


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


async def takes_all_for_one_answer(world: Any) -> None:
    """What comes first may be a part of it."""
    world.network.serve("far.example", 80, [Hears(b"\n"), b"yes", PeerStep.CLOSES])
    reader, writer = await asyncio.open_connection("far.example", 80)
    writer.write(b"well?\n")
    assert await reader.read(100) == b"yes"
    writer.close()


async def takes_all_there_is(world: Any) -> None:
    """The same, mended."""
    world.network.serve("far.example", 80, [Hears(b"\n"), b"yes", PeerStep.CLOSES])
    reader, writer = await asyncio.open_connection("far.example", 80)
    writer.write(b"well?\n")
    assert await reader.read(-1) == b"yes"
    writer.close()


async def is_broken_off(world: Any) -> None:
    """The far end may reset the connection."""
    world.network.serve("far.example", 80, [b"half", Hears(b"\n"), PeerStep.CLOSES], breaks=True)
    reader, writer = await asyncio.open_connection("far.example", 80)
    assert writer.get_extra_info("peername")[1] == 80
    await reader.readexactly(4)
    writer.write(b"\n")
    await writer.drain()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def is_refused(world: Any) -> None:
    """Somebody is not always there."""
    world.network.serve("far.example", 80, [PeerStep.CLOSES], refuses=True)
    _, writer = await asyncio.open_connection("far.example", 80)
    writer.close()


class Letters(asyncio.Protocol):
    """Takes what comes for one letter."""

    def __init__(self, world: Any, done: asyncio.Future[None]) -> None:
        self.world = world
        self.done = done

    def data_received(self, data: bytes) -> None:
        self.world.log("letter", data)
        if data not in (b"dear", b"sir"):
            self.done.set_exception(AssertionError(data))

    def eof_received(self) -> None:
        self.world.log("no more")

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def reads_what_comes(world: Any) -> None:
    """A protocol of the program's own, on a server that somebody visits."""
    world.network.visit("127.0.0.1", 8000, [b"dear", b"sir", PeerStep.CLOSES])
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    server = await loop.create_server(lambda: Letters(world, done), "127.0.0.1", 8000)
    await done
    server.close()


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
