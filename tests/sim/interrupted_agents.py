"""Agents during whose code Ctrl-C is pressed, and that swallow whatever is raised within it."""

from __future__ import annotations

import _thread
import asyncio
from typing import Any

from tests.sim.mistakes import Mistake

from everyturn_impl.calls import Call, Completion, Context


class Hangs(Mistake):
    """Tells nobody."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)


class Swallows(Mistake):
    """As :class:`Hangs`; but where it is interrupted it tells its client at once, which it never does."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        try:
            _thread.interrupt_main()
            for _ in range(1000):
                pass
        except BaseException:
            await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class SwallowsForLong(Mistake):
    """The same; and goes on until it is ended from outside, which it swallows, too."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        try:
            _thread.interrupt_main()
            while True:
                pass
        except BaseException:
            await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


async def hangs(world: Any) -> None:
    """Waits for ever."""
    await world.io("first")
    await asyncio.get_running_loop().create_future()


async def swallows(world: Any) -> None:
    """The same; but where it is interrupted it ends at once, which it never does."""
    await world.io("first")
    try:
        _thread.interrupt_main()
        for _ in range(1000):
            pass
    except BaseException:
        return
    await asyncio.get_running_loop().create_future()


async def swallows_for_long(world: Any) -> None:
    """The same; and goes on until it is ended from outside, which it swallows, too."""
    await world.io("first")
    try:
        _thread.interrupt_main()
        while True:
            pass
    except BaseException:
        return
