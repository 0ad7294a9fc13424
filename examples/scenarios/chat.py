"""A chat session in plain asyncio, of the kind that one finds in many agents; it knows nothing of this project."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class ChatSession:
    """Answers one prompt at a time. A prompt that comes meanwhile waits in a queue."""

    def __init__(self, ask_model: Callable[[str], Awaitable[str]], save: Callable[[str], Awaitable[None]]) -> None:
        self.ask_model = ask_model
        self.save = save
        self.busy = False
        self.queue: list[tuple[str, asyncio.Future[str]]] = []

    async def ask(self, prompt: str) -> str:
        """The answer to ``prompt``."""
        if self.busy:
            waiting: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            self.queue.append((prompt, waiting))
            return await waiting
        self.busy = True
        return await self._turn(prompt)

    async def _turn(self, prompt: str) -> str:
        answer = await self.ask_model(prompt)
        if self.queue:
            following, waiting = self.queue.pop(0)
            waiting.set_result(await self._turn(following))
        else:
            await self.save(prompt)
            self.busy = False
        return answer


class MendedSession(ChatSession):
    """The same, but that nothing is awaited between the look at the queue and going idle."""

    async def _turn(self, prompt: str) -> str:
        answer = await self.ask_model(prompt)
        await self.save(prompt)
        if self.queue:
            following, waiting = self.queue.pop(0)
            waiting.set_result(await self._turn(following))
        else:
            self.busy = False
        return answer
