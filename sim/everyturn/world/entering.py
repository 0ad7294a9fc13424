"""Entering code that is not ours: a module that is imported, a constructor, a step of an object of the user's own, a
thread.

Whatever such code does, it must not look like a verdict. What it prints goes to standard error, and closing that closes
nothing of ours. What it raises is an error that somebody tells, also if it is made to end programs
(:class:`SystemExit`) or coroutines.
"""

from __future__ import annotations

import dis
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from threading import get_ident
from typing import Any, Final, TextIO

from everyturn.errors import EveryturnError
from everyturn.world import overrun

Streams = tuple[TextIO, TextIO | None, TextIO, TextIO | None]

_RAISES: Final = ("RAISE_VARARGS", "RERAISE")


@contextmanager
def entered(wrong: Callable[[BaseException], EveryturnError], *, waits: bool = False) -> Iterator[None]:
    """Code that is not ours runs within; ``wrong`` makes the error that is raised in place of whatever it raises.
    ``waits``: it may take as long as it likes, as an import does."""
    (overrun.enter_import if waits else overrun.enter)()
    try:
        enter()
        yield
    except EveryturnError:
        raise
    except overrun.StepInterrupted as ended:
        raise ended.error from None
    except BaseException as error:
        if from_outside(error):
            raise
        raise wrong(error) from error
    finally:
        leave()
        overrun.leave()


def from_outside(error: BaseException) -> bool:
    """Whether an error came over the code that ran: an interrupt by the user, which no code raised.

    Too little memory is the code's own error: it asked for what there is not.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is None or dis.opname[place.tb_frame.f_code.co_code[place.tb_lasti]] not in _RAISES


def cause_of(error: BaseException) -> BaseException:
    """What code raised, if Python has put something in its place: a coroutine may not raise :class:`StopIteration`."""
    cause = error.__cause__
    return cause if isinstance(error, RuntimeError) and isinstance(cause, StopIteration | StopAsyncIteration) else error


def named(error: BaseException) -> str:
    """An error as tracebacks end."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def told(error: BaseException, how: Callable[[BaseException], str] = repr) -> str:
    """An error in words, whatever its own code makes of that."""
    return _safely(how, error)


def shown(value: object, most: int = 80) -> str:
    """A value in words, whatever its own code makes of that, of ``most`` characters at most."""
    return _safely(repr, value)[:most]


def _safely(how: Callable[[Any], str], value: object) -> str:
    try:
        return str(how(value))
    except BaseException as another:  # its own code may raise anything, too
        if from_outside(another):
            raise
        return type(value).__name__


def is_inside() -> bool:
    """Whether code that is not ours runs now, on this thread of the program."""
    return _output.ours is not None and get_ident() == _output.thread


class _Output:
    """Our own streams, while code runs that is not ours."""

    ours: Streams | None = None
    thread = 0


_output: Final = _Output()


def enter() -> None:
    """From now on code runs that is not ours: what it prints goes to standard error, until :func:`leave`."""
    if _output.ours is None:
        _output.ours = (sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__)
        _output.thread = get_ident()
        other = _other_way_to_standard_error()
        sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = other  # type: ignore[misc, assignment]


def leave() -> None:
    """Such code runs no more, if any did: an interrupt may come at any moment."""
    if _output.ours is not None:
        sys.stdout, sys.__stdout__, sys.stderr, sys.__stderr__ = _output.ours  # type: ignore[misc, assignment]
        _output.ours = None


@cache
def _other_way_to_standard_error() -> TextIO:
    """Another stream to where standard error goes: whoever closes it has closed his own."""
    try:
        number = os.dup(2)
    except OSError:
        number = os.open(os.devnull, os.O_WRONLY)
    return os.fdopen(number, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)
