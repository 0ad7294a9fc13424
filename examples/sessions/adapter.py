"""The adapter to the chat session: what `everyturn check --session` calls, and what it is shown.

everyturn check --session examples.sessions.adapter:Chat --scope AA       # a prompt that nobody ever answers
everyturn check --session examples.sessions.adapter:Mended --scope AA+1c  # proved
"""

from __future__ import annotations

from typing import Any

from examples.sessions.chat import ChatSession, MendedSession

import everyturn


class Chat(everyturn.Session):
    """Each prompt is a call of ``ask``, each Cancel a call of ``stop``."""

    promises = everyturn.Promises(cancel="turn and queue", busy="queue", folds=False)
    stores_prompts = True
    kind = ChatSession

    async def open(self, world: Any) -> None:
        self.chat = self.kind(world.model(), world.store())

    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        return await self.chat.ask(prompt.text)

    async def cancel(self) -> None:
        await self.chat.stop()

    def look(self) -> everyturn.Held:
        return everyturn.Held(busy=self.chat.active, queue=[text for text, _ in self.chat.queue])


class Mended(Chat):
    """The same of the mended session."""

    kind = MendedSession
