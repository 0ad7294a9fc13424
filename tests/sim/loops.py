"""Dispatchers that go round without end, each in its own way; the line where they do ends in ``# !``."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.sim.mistakes import Mistake

from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.ports import Ports


class Tells(Mistake):
    """Goes round, and tells nobody if it never comes out."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.wrong(call, caller)

    async def shut_down(self, workspace: Context) -> None:
        await self.ports.closing.set()


class Polls(Tells):
    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        while not await self.ports.closing.get():  # !
            pass
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class PollsByTurns(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        while True:
            await self.ports.closing.get()  # !
            await self.ports.contexts.done(caller)


class LooksOnce(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.closing.get()


class LooksThreeTimes(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        for _ in (1, 2, 3):
            await self.ports.closing.get()


class Counts(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        looks = 0
        while not await self.ports.closing.get():
            looks += 1


class PollsTheMark(Tells):
    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt == "p1":
            while not await self.ports.mark.get():  # !
                pass
        else:
            await self.ports.mark.set(1)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class TellsAndPolls(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)
        while not await self.ports.closing.get():
            pass


class NeverAwaits(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        all(each is None for each in iter(lambda: None, 0))  # !


class SaysAndNeverAwaits(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        print("here", flush=True)
        while True:
            pass


class LetsNothingOut(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        try:
            all(each is None for each in iter(lambda: None, 0))  # !
        except Exception:
            await self.ports.mark.get()


class BlocksOnALock(Tells):
    async def wrong(self, call: Call, caller: Context) -> None:
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()  # !


@dataclass(frozen=True, slots=True)
class Well:
    """Without a ground."""

    def fall(self) -> tuple[bool, Well]:
        return all(each is None for each in iter(lambda: None, 0)), self  # ! of StepNeverEnds


class StepNeverEnds(Tells):
    own: ClassVar[Any] = {"well": Well()}

    def __init__(self, ports: Ports, *, direct: bool = False, well: Any) -> None:
        super().__init__(ports)
        self.well = well

    async def wrong(self, call: Call, caller: Context) -> None:
        await self.well.do(Well.fall)
