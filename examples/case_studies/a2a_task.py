"""a2a-sdk: an active task that is closed while its agent works (a2aproject/a2a-python#1101)."""

from __future__ import annotations

import asyncio
from typing import Any

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.agent_execution.active_task import ActiveTask
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.tasks import InMemoryTaskStore, TaskManager
from a2a.types.a2a_pb2 import Task, TaskState, TaskStatus, TaskStatusUpdateEvent

CALL = ServerCallContext()


class Answering(AgentExecutor):
    """Begins a task, asks the outside world, and completes it."""

    def __init__(self, world: Any) -> None:
        self.world = world

    async def execute(self, context: RequestContext, queue: EventQueue) -> None:
        working = TaskStatus(state=TaskState.TASK_STATE_WORKING)
        await queue.enqueue_event(Task(id="t", context_id="c", status=working))
        await self.world.io("model")
        done = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)
        await queue.enqueue_event(TaskStatusUpdateEvent(task_id="t", context_id="c", status=done))

    async def cancel(self, context: RequestContext, queue: EventQueue) -> None:
        raise NotImplementedError


async def closed_whenever(world: Any) -> None:
    """The server closes the task whenever; a subscriber read one event and went away. Nothing is left over."""
    store = InMemoryTaskStore()
    task = ActiveTask(Answering(world), "t", TaskManager(store, CALL, "t", "c", None))
    await task.start(CALL, create_task_if_missing=True)
    events = task.subscribe(request=RequestContext(CALL, task_id="t", context_id="c"))
    await anext(events)
    await world.io("the server stops")
    await asyncio.gather(task.aclose(), events.aclose())
