"""autogen-core: a ``send_message`` that is in flight when the runtime stops (microsoft/autogen#7963).

everyturn check --scenario examples.case_studies.autogen_stop:stop_while_a_message_is_handled
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from autogen_core import AgentId, MessageContext, RoutedAgent, SingleThreadedAgentRuntime, message_handler


@dataclass
class Question:
    text: str


class Answering(RoutedAgent):
    """Asks the outside world, then answers."""

    def __init__(self, world: Any) -> None:
        super().__init__("answers")
        self.world = world

    @message_handler
    async def on_question(self, message: Question, ctx: MessageContext) -> Question:
        await self.world.io("model")
        return Question("answer")


async def stop_while_a_message_is_handled(world: Any) -> None:
    """The user stops the runtime whenever; whoever waits for an answer must be told something."""
    runtime = SingleThreadedAgentRuntime()
    await Answering.register(runtime, "answering", lambda: Answering(world))
    runtime.start()
    asked = asyncio.create_task(runtime.send_message(Question("hello"), AgentId("answering", "default")))
    await world.io("the user stops it")
    await runtime.stop()
    await asyncio.wait([asked])
