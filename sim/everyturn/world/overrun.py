"""Limits that hold whatever a dispatcher's code does: a step that goes on and on is ended, and the line is named.

Between two awaits code runs alone, and nothing that is asked between steps, how long it has taken or whether somebody
pressed Ctrl-C, is asked meanwhile. So a timer looks now and then whether the same step still runs: after
:data:`STEP_SECONDS` that is an error of the agent; when time is up, or after Ctrl-C, it is ended a moment later. There
is a timer in the main thread only, and only within :func:`watching`.

What is raised within the code of an agent may be swallowed there, and what the agent does then is nothing that it ever
does. So Ctrl-C raises nothing within a step, or within what must be made as a whole (:func:`asked_for`), but is noted,
and :class:`KeyboardInterrupt` is raised at its end, whatever came of it; so is what ended a step from outside.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any, Final

from everyturn.errors import AgentFault, EveryturnError
from everyturn.source_location import running_at

STEP_SECONDS: Final = 10.0
"""How long a step may run without an await."""
GRACE_SECONDS: Final = 0.5
"""How long a step may go on when time is up or somebody asked for the end."""
TICK_SECONDS: Final = 0.1
_clock: Final = time.monotonic  # also where an asyncio program is run, which has a clock of its own


class OutOfTime(EveryturnError):
    """The time that was given is over; whoever gave it catches this."""


class StepInterrupted(BaseException):
    """Ends a step from outside. No error that code may handle: ``error`` is what is raised in its place."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(str(error))
        self.error = error


Stuck = Callable[[FrameType | None], BaseException | None]


class _Watch:
    """What the timer looks at: how many steps were begun, whether one runs, and since when the same."""

    begun = 0
    runs = False
    imports = False
    seen = -1
    since = 0.0
    asked: float | None = None
    """When somebody pressed Ctrl-C."""
    presses: list[int] | None = None
    """What was noted of it, where something must be made as a whole."""
    divides = True
    """Whether something must be made as a whole in which no steps are told apart."""
    ended: BaseException | None = None
    """What has ended the step from outside."""
    stuck: Stuck | None = None
    listens = False
    watching = False

    def __init__(self) -> None:
        self.deadlines: list[tuple[float, float]] = []
        """Of each limit that holds, the moment, and how many seconds it gave."""


_watch: Final = _Watch()


def enter() -> None:
    """A step begins."""
    _watch.begun += 1
    _watch.runs = True


def enter_import() -> None:
    """Code is entered that may take as long as it likes: Ctrl-C is raised within it, and is noted, too."""
    _watch.imports = True


def leave() -> None:
    """The step has ended, or the import. Raises what ended it from outside, and :class:`KeyboardInterrupt` if Ctrl-C
    was pressed meanwhile: nothing that it did counts then, even if its code has swallowed that."""
    _watch.runs = _watch.imports = False
    if _watch.ended is not None or _watch.asked is not None:
        _leave_ended()


def _leave_ended() -> None:
    error, _watch.ended = _watch.ended, None
    if error is None and _watch.presses is None:
        error, _watch.asked = KeyboardInterrupt(), None
    if error is not None:
        raise error


@contextmanager
def watching(seconds: float | None = None, spent: float = 0.0) -> Iterator[None]:
    """Within, no step goes on without end; ``seconds``: nor beyond this time, of which some is ``spent`` already. And
    Ctrl-C is noted while a step runs."""
    if seconds is not None:
        _watch.deadlines.append((_clock() + seconds - spent, seconds))
    installs = not _watch.watching and _can_watch()
    before = signal.signal(signal.SIGALRM, _tick) if installs else None
    if installs:
        _watch.watching, _watch.ended = True, None
        signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)
    try:
        with _listening():
            yield
    finally:
        if installs:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            _watch.watching = False
        if seconds is not None:
            _watch.deadlines.pop()


@contextmanager
def asked_for() -> Iterator[list[int]]:
    """Within, Ctrl-C raises nothing but is noted in the list, and asks for the end; a second one raises. Within another
    one, it is the other one's list.

    Only in the main thread, and where Ctrl-C does what it does in Python.
    """
    if _watch.presses is not None and threading.current_thread() is threading.main_thread():
        yield _watch.presses
        return
    with _listening() as listens:
        presses: list[int] = []
        if listens:
            _watch.presses = presses
        try:
            yield presses
        finally:
            if listens:
                _watch.presses = _watch.asked = None


@contextmanager
def undivided(stuck: Stuck | None = None) -> Iterator[None]:
    """Within, code runs that is not ours, and that tells of its steps by :func:`passed` alone. If Ctrl-C is pressed
    meanwhile, it is ended a moment later, and whatever comes of it is nothing: :class:`KeyboardInterrupt` is raised at
    its end. So is what ends a step that goes on and on. ``stuck`` is asked now and then of such a step whether it can
    end at all: what it returns ends the step, if anything."""
    before, before_stuck = _watch.divides, _watch.stuck
    with asked_for() as presses:
        _watch.divides, _watch.ended, _watch.stuck = False, None, stuck
        _watch.begun += 1
        try:
            yield
        except StepInterrupted as interrupted:
            _watch.ended = interrupted.error
        finally:
            _watch.divides, _watch.stuck = before, before_stuck
            error, _watch.ended = _watch.ended, None
            if presses:
                raise KeyboardInterrupt
            if error is not None:
                raise error from None


@contextmanager
def unwatched() -> Iterator[None]:
    """Within, code of ours runs, which is no step of anybody's, however long it takes."""
    before, _watch.divides = _watch.divides, True
    try:
        yield
    finally:
        _watch.divides = before
        _watch.begun += 1


def passed() -> None:
    """A step has ended, and another one begins. Raises what ended it from outside, which its code may have
    swallowed."""
    _watch.begun += 1
    if _watch.ended is not None:
        error, _watch.ended = _watch.ended, None
        raise StepInterrupted(error)


def nobody_asked() -> bool:
    """Whether it is known that nobody has pressed Ctrl-C: a :class:`KeyboardInterrupt` is the code's own then. In the
    background of a shell nobody can."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return True
    return _watch.listens and not _watch.presses and _watch.asked is None


@contextmanager
def _listening() -> Iterator[bool]:
    """Within, Ctrl-C is noted where it may raise nothing; whether it is."""
    main = threading.current_thread() is threading.main_thread()
    if _watch.listens or not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield _watch.listens and main
        return
    signal.signal(signal.SIGINT, _interrupted)
    before, sys.unraisablehook = sys.unraisablehook, partial(_unraisable, sys.unraisablehook)
    _watch.listens, _watch.asked = True, None
    try:
        yield True
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = before
        _watch.listens, _watch.asked = False, None


def _interrupted(number: int, frame: FrameType | None) -> None:
    """Somebody asks for the end: what runs may go on for a moment only. A second time is not waited for."""
    noted = _watch.asked is None and (_watch.runs or _watch.presses is not None)
    if _watch.asked is None and (noted or _watch.imports):
        _watch.asked = _clock()
    if _watch.presses is not None:
        _watch.presses.append(number)
    if noted:
        return
    if _watch.runs:
        _watch.ended = KeyboardInterrupt()
    signal.default_int_handler(number, frame)


def _unraisable(before: Callable[[Any], object], unraisable: Any) -> None:
    """Ctrl-C that Python has swallowed, in a finalizer or where a weak reference ends, is noted; all else is told as
    ``before``."""
    if unraisable.exc_type is KeyboardInterrupt:
        _watch.asked = _clock()
    else:
        before(unraisable)


def watch_again() -> None:
    """The timer is set again, after code that is not ours may have set it otherwise."""
    if _watch.watching:
        signal.signal(signal.SIGALRM, _tick)
        signal.setitimer(signal.ITIMER_REAL, TICK_SECONDS, TICK_SECONDS)


def check(patience: float = GRACE_SECONDS) -> None:
    """For whoever waits: raise :class:`OutOfTime` or :class:`KeyboardInterrupt` if it is time, with ``patience`` in
    seconds."""
    error = _due(_clock() - patience)
    if error is not None:
        raise error


def _can_watch() -> bool:
    free = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    return free and signal.getsignal(signal.SIGALRM) in (signal.SIG_DFL, None)


def _due(now: float) -> BaseException | None:
    """What ends everything at a moment, if anything does."""
    if _watch.asked is not None and _watch.asked <= now:
        return KeyboardInterrupt()
    for moment, seconds in _watch.deadlines:
        if moment <= now:
            return OutOfTime(f"{seconds:g} seconds")
    return None


def _tick(number: int, frame: FrameType | None) -> None:
    now = _clock()
    if not _watch.runs:
        if _watch.divides:
            return
        if _watch.asked is not None and _watch.asked <= now - GRACE_SECONDS:
            _watch.asked = now  # whatever is to be done at the end has as long again
            signal.default_int_handler(number, frame)
    if _watch.seen != _watch.begun:
        _watch.seen, _watch.since = _watch.begun, now
        return
    error = _due(now - GRACE_SECONDS) if now - _watch.since >= GRACE_SECONDS else None
    if type(error) is OutOfTime:
        error = OutOfTime(f"{error}, within a step that goes on at {running_at(frame)}")
    if error is None and _watch.stuck is not None and not _watch.runs:
        error = _watch.stuck(frame)
    if error is None and now - _watch.since >= STEP_SECONDS:
        error = AgentFault(
            f"{running_at(frame)}: a step runs for {STEP_SECONDS:g} seconds without an await: expected every loop to "
            "end or to await something, and nothing that blocks"
        )
    if error is not None:
        _watch.ended = error
        if not _watch.runs:
            _watch.since = now  # whatever is to be done at the end has as long again
        raise StepInterrupted(error)
