"""Limits that hold whatever a dispatcher's code does: a step that goes on and on is ended, and the line is named.

Between two awaits code runs alone, and nothing that is asked between steps, how long it has taken or whether somebody
pressed Ctrl-C, is asked meanwhile. So a timer looks now and then whether the same step still runs: after
:data:`STEP_SECONDS` that is an error of the agent; when time is up, or after Ctrl-C, it is ended a moment later. There
is a timer in the main thread only, and only within :func:`watching`.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import ClassVar, Final

from everyturn.errors import AgentFault, EveryturnError
from everyturn.source_location import running_at

STEP_SECONDS: Final = 10.0
"""How long a step may run without an await."""
GRACE_SECONDS: Final = 0.5
"""How long a step may go on when time is up or somebody asked for the end."""
TICK_SECONDS: Final = 0.1


class OutOfTime(EveryturnError):
    """The time that was given is over; whoever gave it catches this."""


class StepInterrupted(BaseException):
    """Ends a step from outside. No error that code may handle: ``error`` is what is raised in its place."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


class _Watch:
    """What the timer looks at: how many steps were begun, whether one runs, and since when the same."""

    begun = 0
    runs = False
    seen = -1
    since = 0.0
    asked: ClassVar[float | None] = None
    """When somebody pressed Ctrl-C."""
    deadlines: ClassVar[list[tuple[float, float]]] = []
    """Of each limit that holds, the moment, and how many seconds it gave."""
    watching = False


def enter() -> None:
    """A step begins."""
    _Watch.begun += 1
    _Watch.runs = True


def leave() -> None:
    """The step has ended."""
    _Watch.runs = False


@contextmanager
def watching(seconds: float | None = None, spent: float = 0.0) -> Iterator[None]:
    """Within, no step goes on without end; ``seconds``: nor beyond this time, of which some is ``spent`` already."""
    if seconds is not None:
        _Watch.deadlines.append((time.monotonic() + seconds - spent, seconds))
    installs = not _Watch.watching and _can_watch()
    before = signal.signal(signal.SIGALRM, _tick) if installs else None
    if installs:
        _Watch.watching, _Watch.asked = True, None
        signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)
    try:
        yield
    finally:
        if installs:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            _Watch.watching, _Watch.asked = False, None
        if seconds is not None:
            _Watch.deadlines.pop()


def interrupt() -> None:
    """Somebody asked for the end: a step that runs may go on for a moment only."""
    _Watch.asked = time.monotonic()


def obeyed() -> None:
    """The end that was asked for has come."""
    _Watch.asked = None


@contextmanager
def asked_for() -> Iterator[list[int]]:
    """Within, Ctrl-C raises nothing but is noted in the list, and asks for the end; a second one raises.

    What is raised within the code of an agent may be swallowed there, and what it does then is nothing that it does.
    Only in the main thread.
    """
    asked: list[int] = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        interrupt()

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        obeyed()
        signal.signal(signal.SIGINT, before)


def check(patience: float = GRACE_SECONDS) -> None:
    """For whoever waits: raise :class:`OutOfTime` or :class:`KeyboardInterrupt` if it is time, with ``patience`` in
    seconds."""
    error = _due(time.monotonic() - patience)
    if error is not None:
        raise error


def _can_watch() -> bool:
    free = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    return free and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, None)


def _due(now: float) -> BaseException | None:
    """What ends everything at a moment, if anything does."""
    if _Watch.asked is not None and _Watch.asked <= now:
        return KeyboardInterrupt()
    for moment, seconds in _Watch.deadlines:
        if moment <= now:
            return OutOfTime(f"{seconds:g} seconds")
    return None


def _tick(number: int, frame: FrameType | None) -> None:
    if not _Watch.runs:
        return
    now = time.monotonic()
    if _Watch.seen != _Watch.begun:
        _Watch.seen, _Watch.since = _Watch.begun, now
        return
    error = _due(now - GRACE_SECONDS) if now - _Watch.since >= GRACE_SECONDS else None
    if type(error) is OutOfTime:
        error = OutOfTime(f"{error}, within a step that goes on at {running_at(frame)}")
    if error is None and now - _Watch.since >= STEP_SECONDS:
        error = AgentFault(
            f"{running_at(frame)}: a step runs for {STEP_SECONDS:g} seconds without an await: expected every loop to "
            f"end or to "
            "await something, and nothing that blocks"
        )
    if error is not None:
        raise StepInterrupted(error)
