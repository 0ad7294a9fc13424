"""What a run has set for the process that explores it is put back: the next run begins as the first one did, and what
is not explored, Ctrl-C among it, is as it was."""

from __future__ import annotations

import csv
import locale
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from everyturn.asyncio.runtime.settings import CALLED
from everyturn.world import overrun

_SET_BY: Final[tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...]] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (sys.getswitchinterval, sys.setswitchinterval),
    (sys.get_int_max_str_digits, sys.set_int_max_str_digits),
    (socket.getdefaulttimeout, socket.setdefaulttimeout),
    (csv.field_size_limit, csv.field_size_limit),
    (lambda: locale.setlocale(locale.LC_ALL), lambda held: locale.setlocale(locale.LC_ALL, held)),
)
"""What tells a setting, and what sets it."""


class ProcessSettings:
    """Where the process stands, its environment, what is set for the interpreter, and who is called for signals."""

    def __init__(self) -> None:
        self._kept: tuple[str, dict[str, str], Any, list[Any]] | None = None
        self._signals: dict[Any, Any] = {}

    def take(self, *, signals: bool = True) -> None:
        """They are these from now on. ``signals``: those, too; else as they were taken before."""
        self._kept = _folder(), dict(os.environ), dict(_held()), [tells() for tells, _ in _SET_BY]
        if signals:
            self._signals = {each: signal.getsignal(each) for each in signal.valid_signals()}

    def put_back(self) -> None:
        """Have them as they were taken."""
        if self._kept is None:
            return
        folder, environment, held, settings = self._kept
        if _folder() != folder and os.path.isdir(folder):  # noqa: PTH112 # no object of a program's is made
            os.chdir(folder)
        if _held() != held:
            for name in [each for each in os.environ if each not in environment]:
                del os.environ[name]
            os.environ.update(environment)
        for (tells, sets), value in zip(_SET_BY, settings, strict=True):
            if tells() != value:
                sets(value)
        called = {name for (name, *_), _ in CALLED.calls}
        if "signal.signal" in called:
            self._put_signals_back()
        if called & {"signal.setitimer", "signal.alarm", "signal.signal"}:
            overrun.watch_again()

    def _put_signals_back(self) -> None:
        for each, handler in self._signals.items():
            if handler is not None and signal.getsignal(each) is not handler:
                signal.signal(each, handler)

    def forget(self) -> None:
        """Nothing is put back any more."""
        self._kept, self._signals = None, {}


def _held() -> Any:
    """What the environment holds, encoded: compared after each run, in a tenth of the time."""
    return getattr(os.environ, "_data", os.environ)


def _folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 # as above
    except OSError:  # it was removed
        return ""


PROCESS: Final = ProcessSettings()
"""Those of the process while runs are made."""
