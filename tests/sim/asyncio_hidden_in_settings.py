"""What is set for the whole process through functions of the library, which keep it in C or in a name of their module:
how each is set in two ways, and what is seen of it later by code that need not name what was set."""

from __future__ import annotations

import codecs
import copy
import copyreg
import csv
import functools
import gc
import gettext
import logging
import reprlib
import signal
import sqlite3
import threading
import warnings
import zoneinfo
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final


class Copied:
    """Whose copies are made by what is registered for it."""


def _error_handler(way: int) -> None:
    codecs.register_error("asyncio_hidden", lambda error: ("ab"[way], error.end))  # type: ignore[attr-defined]


def _copies(way: int) -> None:
    copyreg.pickle(Copied, lambda _: ((Copied, dict)[way], ()))  # type: ignore[arg-type, return-value]


def _converter(way: int) -> None:
    sqlite3.register_converter("asyncio_hidden", lambda _: way)


def _converted() -> Any:
    with sqlite3.connect(":memory:", detect_types=sqlite3.PARSE_COLNAMES) as connection:
        return connection.execute('select 1 as "it [asyncio_hidden]"').fetchone()


def _warned() -> bool:
    try:
        warnings.warn("late", UserWarning, stacklevel=1)
    except UserWarning:
        return True
    return False


def _decoded() -> str:
    return b"\xff".decode("ascii", "asyncio_hidden")


def _timer(way: int) -> None:
    signal.setitimer(signal.ITIMER_VIRTUAL, 1000 * way)


def _blocked(way: int) -> None:
    signal.pthread_sigmask((signal.SIG_UNBLOCK, signal.SIG_BLOCK)[way], [signal.SIGUSR2])


def _counted(way: int) -> tuple[Counter[str], Any]:
    seen: Counter[str] = Counter()
    count = functools.cache(seen.update)
    count("ab"[way])
    seen.clear()
    return seen, count


def _what_is_counted(held: tuple[Counter[str], Any]) -> int:
    held[1]("a")
    return held[0]["a"]


@contextmanager
def settings_as_they_were() -> Iterator[None]:
    """What the things below set is undone."""
    size, domain, most = csv.field_size_limit(), gettext.textdomain(), reprlib.aRepr.maxlist
    with warnings.catch_warnings():
        yield
    csv.field_size_limit(size)
    gettext.textdomain(domain)
    reprlib.aRepr.maxlist = most
    copyreg.dispatch_table.pop(Copied, None)
    gc.set_debug(0)
    signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGUSR2])
    threading.stack_size(0)
    zoneinfo.reset_tzpath()
    logging.captureWarnings(False)


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "a dialect": (
        lambda way: csv.register_dialect("asyncio_hidden", delimiter=",;"[way]),
        lambda _: csv.get_dialect("asyncio_hidden").delimiter,
    ),
    "how long fields may be": (lambda way: csv.field_size_limit(900 + way) and None, lambda _: csv.field_size_limit()),
    "what stands for what cannot be decoded": (_error_handler, lambda _: _decoded()),
    "how a class is copied": (_copies, lambda _: type(copy.copy(Copied())).__name__),
    "what a column is converted by": (_converter, lambda _: _converted()),
    "what becomes of a warning": (lambda way: warnings.simplefilter(("ignore", "error")[way]), lambda _: _warned()),
    "whether warnings are logged": (
        lambda way: logging.captureWarnings(bool(way)),
        lambda _: warnings.showwarning.__name__,
    ),
    "what the collector tells": (lambda way: gc.set_debug(gc.DEBUG_UNCOLLECTABLE * way), lambda _: gc.get_debug()),
    "a timer of the system": (_timer, lambda _: signal.getitimer(signal.ITIMER_VIRTUAL)[0] > 0),
    "which signals are blocked": (_blocked, lambda _: bool(signal.pthread_sigmask(signal.SIG_BLOCK, []))),
    "the stack of new threads": (
        lambda way: threading.stack_size(65536 + 65536 * way),
        lambda _: threading.stack_size(),
    ),
    "where time zones are": (lambda way: zoneinfo.reset_tzpath(to=[f"/{way}"]), lambda _: zoneinfo.TZPATH),
    "the domain of messages": (lambda way: gettext.textdomain(str(way)) and None, lambda _: gettext.textdomain()),
    "how much is shown": (
        lambda way: setattr(reprlib.aRepr, "maxlist", 3 + way),
        lambda _: reprlib.repr([1, 2, 3, 4]),
    ),
    "what lies around a view": (lambda way: memoryview((b"one", b"on ")[way])[:2], lambda view: view.obj),
    "for what a method was called": (_counted, _what_is_counted),
}
"""What is set → how (0 or 1), and what is seen of it later."""
