"""Agents that ask a model behind httpx; whoever is refused there waits for ever."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import httpx

import everyturn
from everyturn.asyncio.endpoints.chat import ChatEndpoint


def client_of(endpoint: Any) -> Any:
    return httpx.AsyncClient(transport=endpoint, base_url="http://model.example/v1", trust_env=False)


class Asks(everyturn.Session):
    promises = everyturn.Promises(cancel="nothing", busy="queue", folds=False)
    options: ClassVar[dict[str, Any]] = {}

    async def open(self, world: Any) -> None:
        self.client = client_of(ChatEndpoint(world, **self.options))

    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        request = {"messages": [{"role": "user", "content": prompt.text}]}
        response = await self.client.post("/chat/completions", json=request)
        if response.status_code == 429:
            await asyncio.Event().wait()
        response.raise_for_status()
        answer: str = response.json()["choices"][0]["message"]["content"]
        return answer

    def look(self) -> everyturn.Held:
        return everyturn.Held()


class IsRefused(Asks):
    options: ClassVar[dict[str, Any]] = {"statuses": (429,)}


async def nobody_is_refused(world: Any) -> None:
    world.takes("model", 2.0)
    client = client_of(ChatEndpoint(world, ["hello"], statuses=(429,)))
    response = await client.post("/chat/completions", json={"messages": []})
    assert response.status_code == 200
