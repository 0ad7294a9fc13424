"""Work without the interpreter's lock on a thread of its own, while this one goes on."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


def pays() -> bool:
    """Whether there is a second processor for a thread, and no other process that was started here is to have it."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return available > 1 and multiprocessing.parent_process() is None


def beside(work: Callable[[], T], meanwhile: Callable[[], None]) -> T:
    """What ``work`` gives, on a thread of its own, while ``meanwhile`` runs on this one. Both are over in the end,
    whatever either raises."""
    own = _Work(work)
    own.start()
    try:
        meanwhile()
    finally:
        own.join()
    return own.result()


class _Work(threading.Thread, Generic[T]):
    """A thread that works, and keeps what came of it."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._made: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._made.append(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the result
            self._error = error

    def result(self) -> T:
        """What came of it; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._made[0]
