"""Threads on asyncio: the server's, and those that make titles."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.calls import Context
from everyturn_impl.errors import Cancelled

_log = logging.getLogger(__name__)


class TaskThreads:
    """The server's threads, as tasks. Belongs to the workspace."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], str] = {}

    def spawn(self, name: str, body: Coroutine[Any, Any, None]) -> None:
        """Run ``body`` as the thread ``name``. An exception that it does not handle is logged."""
        task = asyncio.create_task(body, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("thread %s ended in an error that it did not expect", name, exc_info=task.exception())

    async def start(self, name: str) -> None:
        """Nothing to do: a task starts by itself."""

    async def join_all(self) -> None:
        """Wait until every thread but the caller's own has ended."""
        caller = asyncio.current_task()
        while others := [task for task in self._tasks if task is not caller]:
            await asyncio.wait(others)

    async def end_all(self) -> tuple[str, ...]:
        """Interrupt the threads that still run and wait for them; their names."""
        names = tuple(self._tasks.values())
        for task in self._tasks:
            task.cancel()
        await self.join_all()
        return names


class TaskTitles:
    """Titles of new sessions. ``make`` makes and stores the title for a prompt's text; it runs under ``context``.

    A title is no reason to fail a prompt: ``make`` handles its own errors.
    """

    def __init__(
        self, make: Callable[[str], Coroutine[Any, Any, None]], contexts: CancellableContexts, context: Context
    ) -> None:
        self._make = make
        self._contexts = contexts
        self._context = context
        self._texts: dict[str, str] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def expect(self, prompt: str, text: str) -> None:
        """Remember a prompt's text, in case the prompt turns out to be a session's first; see :meth:`forget`."""
        self._texts[prompt] = text

    def forget(self) -> None:
        """The session has messages, or rests: no title is going to be asked for any text remembered so far."""
        self._texts.clear()

    async def start(self, prompt: str) -> None:
        """Start making a title from the text of ``prompt``."""
        self._tasks[prompt] = asyncio.create_task(self._title(self._texts.get(prompt, prompt)))

    async def _title(self, text: str) -> None:
        try:
            await self._contexts.run(self._context, self._make(text))
        except Cancelled:
            _log.info("no title: the workspace was closed before it was there")

    async def join(self, prompt: str) -> None:
        """Wait for the title that was started for ``prompt``."""
        await self._tasks.pop(prompt)
