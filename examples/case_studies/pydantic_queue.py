"""pydantic-ai: a message that a tool enqueues while the run ends (pydantic/pydantic-ai#7635)."""

from __future__ import annotations

from typing import Any

from pydantic_ai import Agent, RunContext
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


async def a_tool_enqueues_from_a_thread(world: Any) -> None:
    """What was accepted by ``enqueue`` is told to the model."""
    told: list[str] = []

    async def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        await world.io("model")
        told[:] = [str(part.content) for each in messages for part in each.parts if isinstance(part, UserPromptPart)]
        if len(messages) == 1:
            return ModelResponse(parts=[ToolCallPart("note", {})])
        return ModelResponse(parts=[TextPart("done")])

    agent = Agent(FunctionModel(model))

    @agent.tool
    def note(ctx: RunContext) -> str:
        ctx.enqueue("noted")
        return "ok"

    await agent.run("hello")
    assert "noted" in told
