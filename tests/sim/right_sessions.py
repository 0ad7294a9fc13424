"""Chat sessions in plain asyncio of unlike designs, which are right, and the adapters to them."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import everyturn


class Locked:
    """Each prompt's own task answers it, one at a time by a lock; a Cancel ends the task that holds it."""

    def __init__(self, model: Any, store: Any) -> None:
        self.model, self.store = model, store
        self.lock = asyncio.Lock()
        self.active: str | None = None
        self.holder: asyncio.Task[Any] | None = None
        self.waiting: deque[str] = deque()

    async def ask(self, text: str) -> str:
        self.waiting.append(text)
        try:
            await self.lock.acquire()
        finally:
            self.waiting.remove(text)
        try:
            self.active, self.holder = text, asyncio.current_task()
            return await self.answer(text)
        finally:
            self.active = self.holder = None
            self.lock.release()

    async def answer(self, text: str) -> str:
        await self.store(text)
        answer: str = await self.model(text)
        return answer

    async def stop(self) -> None:
        if self.holder is not None:
            self.holder.cancel()


class Retries(Locked):
    """A model that fails is asked once more."""

    async def answer(self, text: str) -> str:
        await self.store(text)
        for _ in range(2):
            try:
                answer: str = await self.model(text)
            except Exception:
                continue
            return answer
        raise ConnectionError


class GivesUp(Locked):
    """An answer that takes too long is a failure."""

    async def answer(self, text: str) -> str:
        await self.store(text)
        async with asyncio.timeout(30):
            answer: str = await self.model(text)
        return answer


class Streams(Locked):
    """Reads an answer piece by piece, and looks at a mark between them."""

    stopped = False

    async def answer(self, text: str) -> str:
        self.stopped = False
        await self.store(text)
        answer = ""
        if not self.is_stopped():
            async for piece in self.model.stream([{"role": "user", "content": text}]):
                answer += piece
                if self.is_stopped():
                    break
        if self.is_stopped():
            raise asyncio.CancelledError
        return answer

    def is_stopped(self) -> bool:
        return self.stopped

    async def stop(self) -> None:
        self.stopped = True


class Worker:
    """A task of the session's own takes prompts from an :class:`asyncio.Queue`, for ever."""

    def __init__(self, model: Any, store: Any) -> None:
        self.model, self.store = model, store
        self.queue: asyncio.Queue[tuple[str, asyncio.Future[str]]] = asyncio.Queue()
        self.active: str | None = None
        self.turn: asyncio.Task[str] | None = None
        self.worker = asyncio.create_task(self.work())

    async def ask(self, text: str) -> str:
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.queue.put_nowait((text, answered))
        return await answered

    async def work(self) -> None:
        while True:
            self.active, answered = await self.queue.get()
            self.turn = asyncio.create_task(self.answer(self.active))
            await asyncio.wait([self.turn])
            if self.turn.cancelled():
                answered.cancel()
            elif (error := self.turn.exception()) is not None:
                answered.set_exception(error)
            else:
                answered.set_result(self.turn.result())
            self.active = self.turn = None

    async def answer(self, text: str) -> str:
        await self.store(text)
        answer: str = await self.model(text)
        return answer

    async def stop(self) -> None:
        if self.turn is not None:
            self.turn.cancel()

    @property
    def waiting(self) -> list[str]:
        return [text for text, _ in self.queue._queue]  # type: ignore[attr-defined]


class ToLocked(everyturn.Session):
    """To any of these."""

    promises = everyturn.Promises(cancel="turn", folds=False)
    stores_prompts = True
    kind: Any = Locked
    pieces = 1

    async def open(self, world: Any) -> None:
        self.chat = self.kind(world.model(pieces=self.pieces), world.store())

    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        answer: str = await self.chat.ask(prompt.text)
        return answer

    async def cancel(self) -> None:
        await self.chat.stop()

    def look(self) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.active, queue=list(self.chat.waiting))


class ToRetries(ToLocked):
    kind = Retries


class ToGivesUp(ToLocked):
    kind = GivesUp


class ToStreams(ToLocked):
    kind = Streams
    pieces = 2


class ToWorker(ToLocked):
    kind = Worker
