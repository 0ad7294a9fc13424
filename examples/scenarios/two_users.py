"""Two users ask the chat session, each whenever they like.

everyturn check --scenario examples.scenarios.two_users:racy      # a prompt that nobody ever answers
everyturn check --scenario examples.scenarios.two_users:mended    # proved
"""

from __future__ import annotations

import asyncio
from typing import Any

from examples.scenarios.chat import ChatSession, MendedSession


async def _two_users(world: Any, session: type[ChatSession]) -> None:
    chat = session(
        ask_model=lambda prompt: world.io(f"model {prompt}", f"answer:{prompt}"),
        save=lambda prompt: world.io(f"save {prompt}"),
    )

    async def user(prompt: str) -> None:
        await world.io(f"user {prompt}")
        assert await chat.ask(prompt) is not None

    await asyncio.gather(user("hello"), user("there"))


async def racy(world: Any) -> None:
    await _two_users(world, ChatSession)


async def mended(world: Any) -> None:
    await _two_users(world, MendedSession)
