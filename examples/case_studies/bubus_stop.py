"""bubus: an event that is on its way when its bus stops, and the task that awaits it.

everyturn fuzz --scenario examples.case_studies.bubus_stop:stop_with_a_timeout --runs 40
"""

from __future__ import annotations

import asyncio
from typing import Any

from bubus import BaseEvent, EventBus


class Question(BaseEvent[str]):
    text: str


async def _stop_while_it_is_asked(world: Any, seconds: float | None) -> None:
    """The user stops the bus whenever; whoever awaits an event must be told something."""
    bus = EventBus(name="agent")

    async def answers(question: Question) -> str:
        return await world.io("model", question.text)

    async def asks() -> Question:
        return await bus.dispatch(Question(text="hello"))

    bus.on(Question, answers)
    asked = asyncio.create_task(asks())
    await world.io("the user stops it")
    await bus.stop(timeout=seconds)
    await asyncio.wait([asked])


async def stop_at_once(world: Any) -> None:
    await _stop_while_it_is_asked(world, None)


async def stop_with_a_timeout(world: Any) -> None:
    await _stop_while_it_is_asked(world, 5)
