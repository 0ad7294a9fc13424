"""llama-index-workflows: two hangs that are cured (run-llama/llama-agents#637, #668)."""

from __future__ import annotations

from typing import Any

from workflows import Context, Workflow, step
from workflows.events import HumanResponseEvent, InputRequiredEvent, StartEvent, StopEvent


class Failing(Workflow):
    """Its only step asks the outside world, which may fail."""

    world: Any = None

    @step
    async def work(self, ctx: Context, ev: StartEvent) -> StopEvent:
        await self.world.io("model", errors=[ConnectionError])
        return StopEvent(result="done")


async def a_step_fails_while_events_are_read(world: Any) -> None:
    """Reading events ends, whether or not the step fails (#637)."""
    workflow = Failing(timeout=None)
    workflow.world = world
    handler = workflow.run()
    try:
        async for _ in handler.stream_events():
            pass
        await handler
    except ConnectionError:
        pass


class Asking(Workflow):
    """Asks a person, and waits for the answer."""

    @step
    async def ask(self, ctx: Context, ev: StartEvent) -> InputRequiredEvent:
        return InputRequiredEvent(prefix="name?")

    @step
    async def answered(self, ctx: Context, ev: HumanResponseEvent) -> StopEvent:
        return StopEvent(result=ev.response)


async def a_snapshot_after_the_stream_was_left(world: Any) -> None:
    """``to_dict`` works behind the loop over events as it does within it (#668)."""
    handler = Asking(timeout=None).run()
    async for event in handler.stream_events():
        if isinstance(event, InputRequiredEvent):
            break
    assert handler.ctx.to_dict()
    await world.io("the person answers")
    handler.ctx.send_event(HumanResponseEvent(response="Ada"))
    assert await handler == "Ada"
