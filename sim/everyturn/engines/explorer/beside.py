"""Work without the interpreter's lock on a thread of its own, while this one goes on."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")
_PATIENCE: Final = 1.0
"""Seconds after which a thread that has not begun never will."""


def pays() -> bool:
    """Whether there is a second processor for a thread, and no other process that was started here is to have it."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return available > 1 and multiprocessing.parent_process() is None


def beside(work: Callable[[], T], meanwhile: Callable[[], None]) -> T:
    """What ``work`` gives, on a thread of its own, while ``meanwhile`` runs on this one. Both are over in the end,
    whatever either raises; what Ctrl-C raises while one of them is waited for is raised after that. One after the
    other, where there can be no more threads."""
    own = _Work(work)
    raised: BaseException | None = None
    try:
        try:
            own.start()
        except RuntimeError:  # there can be no thread more
            own.run()
        meanwhile()
    except BaseException as error:  # noqa: BLE001 - it is raised when both are over
        raised = error
    while not own.over.is_set():
        try:
            if not own.over.wait(_PATIENCE) and not own.is_alive():
                break  # it never began
        except BaseException as error:  # noqa: BLE001 - likewise
            raised = error
    if raised is not None:
        raise raised
    return own.result()


class _Work(threading.Thread, Generic[T]):
    """A thread that works, and keeps what came of it. ``over``: it has."""

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self.over = threading.Event()
        self._work = work
        self._made: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """Work."""
        try:
            self._made.append(self._work())
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody waits for the result
            self._error = error
        finally:
            self.over.set()

    def result(self) -> T:
        """What came of it; raises what it raised."""
        if self._error is not None:
            raise self._error
        return self._made[0]
