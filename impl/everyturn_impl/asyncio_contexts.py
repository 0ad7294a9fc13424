"""Contexts on asyncio: cancelling one reaches the work that runs under it, streams included."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from everyturn_impl.calls import Context
from everyturn_impl.errors import Cancelled

T = TypeVar("T")


class CancellableContexts:
    """Which contexts are cancelled, and the work that runs under them. Belongs to the workspace."""

    def __init__(self) -> None:
        self._cancelled: set[tuple[str, ...]] = set()
        self._running: dict[asyncio.Task[Any], tuple[str, ...]] = {}

    async def cancel(self, context: Context) -> None:
        """Cancel ``context`` and all below it: work that runs under one of them is interrupted. Waits for nobody."""
        self._cancelled.add(context.path)
        for task, path in self._running.items():
            if _is_within(path, context.path):
                task.cancel()

    async def done(self, context: Context) -> bool:
        """Whether ``context`` or one above it is cancelled."""
        return self.is_cancelled(context)

    def is_cancelled(self, context: Context) -> bool:
        """The same as :meth:`done`, for other ports: it takes no step."""
        return any(context.path[:length] in self._cancelled for length in range(len(context.path) + 1))

    async def run(self, context: Context, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns; it is interrupted, and :class:`Cancelled` raised, when ``context`` is cancelled."""
        if self.is_cancelled(context):
            work.close()
            raise Cancelled(context.prompt or context.name)
        task = asyncio.create_task(work)
        self._running[task] = context.path
        try:
            return await task
        except asyncio.CancelledError:
            if self.is_cancelled(context) and not _is_interrupted():
                raise Cancelled(context.prompt or context.name) from None
            raise
        finally:
            del self._running[task]

    def forget(self, context: Context) -> None:
        """Forget the cancellations of ``context`` and all below it: no work under them is left or to come."""
        self._cancelled = {path for path in self._cancelled if not _is_within(path, context.path)}


def _is_within(path: tuple[str, ...], above: tuple[str, ...]) -> bool:
    return path[: len(above)] == above


def _is_interrupted() -> bool:
    """Whether somebody wants the running task itself to end, say a time-out around it."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
