"""Nobody is given an answer who has gone: his future is done already."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class ChatSession:
    """Answers one prompt at a time; the others wait in a list."""

    def __init__(self, ask_model: Callable[[str], Awaitable[str]]) -> None:
        self.ask_model = ask_model
        self.waiting: list[tuple[str, asyncio.Future[str]]] = []
        self.worker: asyncio.Task[None] | None = None

    async def ask(self, prompt: str, seconds: float | None = None) -> str | None:
        """The answer; nothing, if it takes longer than so many seconds."""
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.waiting.append((prompt, answer))
        if self.worker is None:
            self.worker = asyncio.create_task(self.work())
        try:
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError:
            return None

    async def work(self) -> None:
        """Answer everybody in the list."""
        while self.waiting:
            prompt, answer = self.waiting.pop(0)
            text = await self.ask_model(prompt)
            if not answer.done():
                answer.set_result(text)
        self.worker = None


async def main(world: Any) -> None:
    """Two users, whenever they like; `world` answers for the model."""
    chat = ChatSession(ask_model=lambda prompt: world.io(f"model {prompt}", "fine"))

    async def user(prompt: str, seconds: float | None) -> None:
        await world.io(f"user {prompt}")
        await chat.ask(prompt, seconds)

    await asyncio.gather(user("hello", 1), user("there", None))
