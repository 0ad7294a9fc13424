"""Dispatchers of a few lines, for tests that need one with a single trait."""

from __future__ import annotations

from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Ports


class Small:
    """Accepts every prompt as it is; what becomes of it is for a subclass to say."""

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports

    async def submit(self, call: Call) -> Call:
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)


class MayWait(Small):
    """p1 keeps the mutex for ever; a Cancel that comes early waits for it, and at rest only that is different."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.mutex.lock()
        await self.ports.mark.set(1)

    async def cancel(self) -> None:
        if not await self.ports.mark.get():
            await self.ports.mutex.lock()
