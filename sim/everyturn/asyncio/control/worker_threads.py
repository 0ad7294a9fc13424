"""The worker threads of anyio (``anyio.to_thread.run_sync``): not started, what they are given runs as of an executor.

Each is a pool of one thread: a function runs in one step, and later its result arrives, as :mod:`anyio` itself reports
it. A function there that waits for the loop (``anyio.from_thread``) is refused, as everywhere.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

_MODULE = "anyio._backends._asyncio"


def is_worker(thread: object) -> bool:
    """Whether this is a worker thread of anyio on asyncio."""
    kind = type(thread)
    return kind.__module__ == _MODULE and kind.__qualname__ == "WorkerThread"


class WorkerQueue:
    """Takes the place of the queue through which a worker is given what to do."""

    _max_workers = 1

    def __init__(self, worker: Any, world: ScenarioWorld) -> None:
        self._worker = worker
        self._world = world

    def put_nowait(self, item: Any) -> None:
        """One more thing to do; nothing: the worker ends."""
        if item is None:
            return
        context, function, args, future, scope = item
        call = partial(_called, self._worker, context, function, args, future, scope)
        call.__qualname__ = getattr(function, "__qualname__", "function")  # type: ignore[attr-defined]
        job = self._world.submit(self, call, ())
        job.add_done_callback(partial(_report, self._worker, future))


def _called(worker: Any, context: Any, function: Any, args: Any, future: Any, scope: Any) -> Any:
    """What the worker's own loop does with one item: the result, and the exception."""
    if future.cancelled():
        return None, None
    module: Any = sys.modules[_MODULE]
    with module.claim_worker_thread(module.AsyncIOBackend, worker.loop):
        module.threadlocals.current_cancel_scope = scope
        try:
            return context.run(function, *args), None
        except BaseException as error:  # noqa: BLE001 # anyio gives it to whoever waits
            return None, error
        finally:
            del module.threadlocals.current_cancel_scope


def _report(worker: Any, future: Any, done: Any) -> None:
    result, error = done.result()
    worker.loop.call_soon_threadsafe(worker._report_result, future, result, error)
