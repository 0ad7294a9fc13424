"""What a run has set for the whole process through functions that are written in C, where nothing shows what was set.

So their calls are remembered: of each function the last one for each thing that it sets. They are a part of the state.
"""

from __future__ import annotations

import codecs
import csv
import faulthandler
import gc
import os
import signal
import sqlite3
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any, Final

from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.places import user_line

try:
    import resource
except ImportError:  # not everywhere
    resource = None  # type: ignore[assignment]

SETTERS: Final[tuple[tuple[Any, str, int], ...]] = (
    (codecs, "register", 1),
    (codecs, "unregister", 1),
    (codecs, "register_error", 1),
    (csv, "register_dialect", 1),
    (csv, "unregister_dialect", 1),
    (csv, "field_size_limit", 0),
    (faulthandler, "enable", 0),
    (faulthandler, "disable", 0),
    (gc, "set_debug", 0),
    (os, "umask", 0),
    (os, "nice", 0),
    (resource, "setrlimit", 1),
    (signal, "alarm", 0),
    (signal, "pthread_sigmask", 2),
    (signal, "setitimer", 1),
    (signal, "siginterrupt", 1),
    (signal, "signal", 1),
    (sqlite3, "enable_callback_tracebacks", 0),
    (sqlite3, "register_adapter", 1),
    (sqlite3, "register_converter", 1),
    (sys, "addaudithook", 1),
    (sys, "setdlopenflags", 0),
    (threading, "stack_size", 0),
    (time, "tzset", 0),
    (tracemalloc, "start", 0),
    (tracemalloc, "stop", 0),
)
"""Module, function, and how many of its arguments say what it sets: the others say to what."""
_WITHOUT_ARGUMENTS: Final = frozenset({"enable", "disable", "tzset", "start", "stop"})
"""Functions that set something without being given any; the others only tell then."""

_TIMERS: Final = frozenset({getattr(signal, "SIGALRM", None)} - {None})
"""Signals that this process sends itself, to look whether a step goes on and on."""


class CalledSetters:
    """The calls of one run. ``calls``: function and what it sets, and to what, in the order of the last calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []

    def begin(self) -> None:
        """A run begins."""
        self.calls = []

    def add(self, name: str, thing: tuple[Any, ...], *value: Any) -> None:
        """One call."""
        if name == "time.tzset":  # takes it from the environment
            value = (os.environ.get("TZ"),)
        key = (name, *thing)
        self.calls = [each for each in self.calls if not _is_same(each[0], key)]
        self.calls.append((key, value))


def _is_same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two calls set the same thing. No code of the program is asked."""
    return len(one) == len(other) and all(map(_is_same_argument, one, other))


def _is_same_argument(one: Any, other: Any) -> bool:
    return one is other or (type(one) is type(other) and type(one) in (int, str, signal.Signals) and one == other)


CALLED: Final = CalledSetters()
"""Those of the run that is being made."""


def remembering(running: Callable[[], bool]) -> Iterator[tuple[Any, str, Any]]:
    """Module, name, and what stands there for each of these functions. ``running``: whether a run calls it."""
    for module, name, number in SETTERS:
        if not hasattr(module, name):  # not everywhere
            continue
        yield module, name, _remembering(getattr(module, name), f"{module.__name__}.{name}", number, running)


def _remembering(
    original: Callable[..., Any], name: str, number: int, running: Callable[[], bool]
) -> Callable[..., Any]:
    sets_without = name.rpartition(".")[2] in _WITHOUT_ARGUMENTS

    def called(*args: Any, **options: Any) -> Any:
        if running() and (args or options or sets_without):
            if name == "signal.signal" and args[0] in _TIMERS:
                raise Unsupported(
                    f"{user_line()}: a function for SIGALRM: expected what can be controlled while exploring, which is "
                    "not the machine's timer; use asyncio.timeout or loop.call_later"
                )
            CALLED.add(name, args[:number], args[number:], options)
        return original(*args, **options)

    called.__name__ = called.__qualname__ = original.__name__
    return called
