"""State machines whose rules are asynchronous: chats that several users ask at once."""

from __future__ import annotations

from typing import Any

from examples.scenarios.chat import ChatSession, MendedSession
from hypothesis import strategies as st
from hypothesis.stateful import rule

from everyturn.hypothesis import ClientMachine


class Users(ClientMachine):
    """Whoever asks gets the answer to what he asked."""

    session_class = ChatSession
    clients = 3

    async def made(self, world: Any) -> ChatSession:
        return self.session_class(
            ask_model=lambda prompt: world.io(f"model {prompt}", f"answer:{prompt}"),
            save=lambda prompt: world.io(f"save {prompt}"),
        )

    @rule(text=st.sampled_from(["hello", "there@home"]))  # type: ignore[arg-type] # Hypothesis knows plain rules only
    async def ask(self, text: str) -> None:
        assert await self.agent.ask(text) == f"answer:{text}"


class MendedUsers(Users):
    session_class = MendedSession
