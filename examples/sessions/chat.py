"""A chat session in plain asyncio, of the kind that one finds in many agents; it knows nothing of this project.

It answers one prompt at a time; a prompt that comes meanwhile waits in a queue. The user can stop the answer, and with
it whatever waits. Prompts and answers are kept in a store.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import Any


class ChatSession:
    """One conversation. ``model.stream(messages)`` gives an answer in pieces, ``await store(text)`` keeps a text."""

    def __init__(self, model: Any, store: Any) -> None:
        self.model = model
        self.store = store
        self.messages: list[str] = []
        self.active: str | None = None
        self.turn: asyncio.Task[Any] | None = None
        self.queue: deque[tuple[str, asyncio.Future[str]]] = deque()

    async def ask(self, text: str) -> str:
        """The answer to ``text``. Raises :class:`asyncio.CancelledError` if the user stops it."""
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        if self.active is None:
            self.start(text, answered)
        else:
            self.queue.append((text, answered))
        return await answered

    async def stop(self) -> None:
        """Stop the answer that is being written, and forget whatever waits."""
        while self.queue:
            self.queue.popleft()[1].cancel()
        if self.turn is not None:
            self.turn.cancel()

    def start(self, text: str, answered: asyncio.Future[str]) -> None:
        """Begin a turn."""
        self.active = text
        self.turn = asyncio.create_task(self.run(text, answered))

    async def run(self, text: str, answered: asyncio.Future[str]) -> None:
        """One turn, and what comes after it."""
        try:
            answered.set_result(await self.answer(text))
        except asyncio.CancelledError:
            answered.cancel()
        except Exception as error:  # noqa: BLE001 # it belongs to who asked
            answered.set_exception(error)
        self.turn = None
        if self.queue:
            self.start(*self.queue.popleft())
        else:
            await self.store(f"at rest after {len(self.messages)} messages")
            self.active = None

    async def answer(self, text: str) -> str:
        """Ask the model, and keep what was asked and answered."""
        await self.store(text)
        self.messages.append(text)
        answer = ""
        async for piece in self.model.stream(self.messages):
            answer += piece
        self.messages.append(answer)
        await self.store(answer)
        return answer


class MendedSession(ChatSession):
    """The same, but that a turn ends in a callback, which comes whatever becomes of its task and awaits nothing; and
    an answer that is complete is not stopped any more."""

    def start(self, text: str, answered: asyncio.Future[str]) -> None:
        self.active = text
        self.turn = asyncio.create_task(self.answer(text))
        self.turn.add_done_callback(partial(self.ended, answered))

    def ended(self, answered: asyncio.Future[str], turn: asyncio.Task[str]) -> None:
        """Tell who asked, and begin the next turn."""
        if turn.cancelled():
            answered.cancel()
        elif (error := turn.exception()) is not None:
            answered.set_exception(error)
        else:
            answered.set_result(turn.result())
        self.active = self.turn = None
        if self.queue:
            self.start(*self.queue.popleft())

    async def answer(self, text: str) -> str:
        await self.store(text)
        self.messages.append(text)
        answer = ""
        async for piece in self.model.stream(self.messages):
            answer += piece
        self.turn = None  # from here on there is nothing to stop
        self.messages.append(answer)
        await self.store(answer)
        return answer
