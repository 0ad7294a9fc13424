"""A chat over httpx, streamed from an OpenAI-compatible endpoint, that its user may stop: with a fault, and mended.

Nothing in the two chats knows of this project. In the scenarios their client has another transport, no more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import httpx

from everyturn.asyncio.endpoints.chat import ChatEndpoint


class RacyChat:
    """Stops at the next piece after the button was pressed. A press behind the last piece stops the *next* answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.messages: list[dict[str, str]] = []
        self.stopped = False

    async def ask(self, text: str) -> str:
        """The answer, or what there was of it when it was stopped. Raises httpx.HTTPError."""
        answer = ""
        async with aclosing(self._pieces([*self.messages, {"role": "user", "content": text}])) as pieces:
            async for piece in pieces:
                if self.stopped:
                    self.stopped = False
                    break
                answer += piece
        self._keep(text, answer)
        return answer

    def stop(self) -> None:
        """The user presses the button."""
        self.stopped = True

    async def _pieces(self, messages: list[dict[str, str]]) -> AsyncGenerator[str, None]:
        request = {"model": "any", "messages": messages, "stream": True}
        async with self.client.stream("POST", "/chat/completions", json=request) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data: ") and line != "data: [DONE]":
                    delta = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
                    if "content" in delta:
                        yield delta["content"]

    def _keep(self, text: str, answer: str) -> None:
        self.messages += [{"role": "user", "content": text}, {"role": "assistant", "content": answer}]


class MendedChat(RacyChat):
    """A press belongs to the answer that is under way, and stops it at once."""

    running: asyncio.Task[None] | None = None

    async def ask(self, text: str) -> str:
        got: list[str] = []
        running = self.running = asyncio.create_task(self._read(text, got))
        try:
            await asyncio.wait([running])
        finally:
            running.cancel()
            self.running = None
        if not running.cancelled():
            running.result()
        self._keep(text, "".join(got))
        return "".join(got)

    async def _read(self, text: str, got: list[str]) -> None:
        async with aclosing(self._pieces([*self.messages, {"role": "user", "content": text}])) as pieces:
            async for piece in pieces:
                got += [piece]

    def stop(self) -> None:
        if self.running is not None:
            self.running.cancel()


async def _stop_and_ask_again(world: Any, kind: type[RacyChat]) -> None:
    endpoint = ChatEndpoint(world, ["good ", "morning"], cut=True)
    async with httpx.AsyncClient(transport=endpoint, base_url="http://model.example/v1", trust_env=False) as client:
        chat = kind(client)
        first = asyncio.create_task(chat.ask("hello"))
        await world.io("the button is pressed")
        chat.stop()
        await asyncio.wait([first])
        if first.exception() is not None:
            return
        try:
            assert await chat.ask("and now?") == "good morning", "nobody has stopped this answer"
        except httpx.HTTPError as error:
            world.log(type(error).__name__)


async def racy(world: Any) -> None:
    """An answer, a press of the button at any time, and another question."""
    await _stop_and_ask_again(world, RacyChat)


async def mended(world: Any) -> None:
    """The same, with the mended chat."""
    await _stop_and_ask_again(world, MendedChat)
