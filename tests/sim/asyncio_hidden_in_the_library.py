"""Things with a state that the standard library and the interpreter keep, or Python says of a program's code: how each
is made in two ways, and what is seen of it later."""

from __future__ import annotations

import abc
import asyncio
import builtins
import calendar
import decimal
import gc
import importlib
import json
import locale
import logging
import logging.handlers
import os
import pickle
import signal
import socket
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import everyturn

log = logging.getLogger("asyncio_hidden")
plugin: Any = types.ModuleType("asyncio_hidden_plugin")
sys.modules[plugin.__name__] = plugin
backend: Any = json


class Thing:
    """What is said of it."""

    __registry__: ClassVar[list[int]] = [0]
    of: Any = plugin
    field: int

    def method(self) -> None:
        """Nothing."""


class One:
    def way(self) -> int:
        return 0


class Two:
    def way(self) -> int:
        return 1


class Derived(One):
    """Has another base later."""


class Strategy:
    kind: type[One | Two] = One


class Keeps(logging.Handler):
    """Remembers what was logged last."""

    last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()


def _function() -> None:
    """What is said of it."""


def _set(owner: Any, name: str) -> Callable[[int], None]:
    return lambda way: setattr(owner, name, way)


def _handled(handler: Callable[[], logging.Handler]) -> Callable[[int], None]:
    def log_one(way: int) -> None:
        log.handlers[:], log.propagate, log.disabled = [handler()], False, False
        logging.disable(logging.NOTSET)
        log.warning("%d", way)

    return log_one


def _memory() -> Any:
    handler: Any = log.handlers[0]
    return handler.buffer[-1].args


def _finalized(way: int) -> tuple[Thing, list[int]]:
    thing, done = Thing(), list[int]()
    weakref.finalize(thing, done.append, way)
    return thing, done


def _what_it_did(kept: tuple[Thing, list[int]]) -> list[int]:
    registry: Any = vars(weakref.finalize)["_registry"]
    for each, info in list(registry.items()):
        if info.weakref() is kept[0]:
            each()
    return kept[1]


def _held_finalizer(way: int) -> tuple[Thing, Any]:
    thing = Thing()
    return thing, weakref.finalize(thing, str, way)


class OwnPolicy(asyncio.DefaultEventLoopPolicy):
    """Somebody's own."""


_POLICIES: Final = (OwnPolicy(), asyncio.DefaultEventLoopPolicy())


class OwnLogger(logging.Logger):
    """Somebody's own."""


def _locale(way: int) -> None:
    locale.setlocale(locale.LC_TIME, ("C", "C.UTF-8")[way])


def _first_day(way: int) -> None:
    calendar.setfirstweekday(way)


class Acts:
    """Does something when it is gone."""

    def __init__(self, done: list[int], way: int) -> None:
        self.itself, self.done, self.way = self, done, way

    def __del__(self) -> None:
        self.done.append(self.way)


def _garbage(way: int) -> list[int]:
    done = list[int]()
    Acts(done, way)
    return done


def _awaited_garbage(way: int) -> list[int]:
    done, thing = list[int](), Thing()
    vars(thing)["itself"] = thing
    weakref.finalize(thing, done.append, way)
    return done


def _collected(done: list[int]) -> list[int]:
    gc.collect()
    return done


def _backend(way: int) -> None:
    global backend  # noqa: PLW0603 # that is what it is about
    backend = (json, pickle)[way]


def _imported(way: int) -> None:
    import asyncio_hidden_plugin  # type: ignore[import-not-found] # it was put there

    asyncio_hidden_plugin.number = way


def _imported_later() -> int:
    import asyncio_hidden_plugin

    number: int = asyncio_hidden_plugin.number
    return number


def _registered(way: int) -> Any:
    class Abstract(abc.ABC):  # noqa: B024 # nothing is to be done
        pass

    if way:
        Abstract.register(Thing)
    return Abstract


def _named(way: int) -> Any:
    async def answer() -> None: ...

    coroutine: Any = answer()
    coroutine.__name__ = f"answer {way}"
    return coroutine


def _name(coroutine: Any) -> str:
    coroutine.close()
    name: str = coroutine.__name__
    return name


@contextmanager
def library_as_it_was() -> Iterator[None]:
    """What the things below do to the library and to the interpreter is undone."""
    environment, thread, mask = dict(os.environ), threading.current_thread(), os.umask(0o22)
    precision = decimal.DefaultContext.prec
    name, limit, handler = thread.name, sys.getrecursionlimit(), signal.getsignal(signal.SIGUSR1)
    with warnings.catch_warnings():
        yield
    json.JSONEncoder.item_separator, thread.name = ", ", name
    sys.setrecursionlimit(limit)
    decimal.DefaultContext.prec = precision
    signal.signal(signal.SIGUSR1, handler)
    os.umask(mask)
    logging.disable(logging.NOTSET)
    logging.setLoggerClass(logging.Logger)
    asyncio.set_event_loop_policy(None)
    calendar.setfirstweekday(calendar.MONDAY)
    locale.setlocale(locale.LC_TIME, "C")
    socket.setdefaulttimeout(None)
    os.environ.clear()
    os.environ.update(environment)
    for owner in (asyncio, asyncio.sleep, asyncio.Queue, asyncio.StreamReader, everyturn, everyturn.Held, builtins):
        if hasattr(owner, "seen"):
            delattr(owner, "seen")


MAKE_AND_LOOK: Final[dict[str, tuple[Callable[[int], Any], Callable[[Any], Any]]]] = {
    "what a finalizer is given": (_finalized, _what_it_did),
    "a finalizer that is held": (_held_finalizer, lambda held: held[1].peek()[2]),
    "the environment": (
        lambda way: os.environ.__setitem__("ASYNCIO_HIDDEN", str(way)),
        lambda _: os.getenv("ASYNCIO_HIDDEN"),
    ),
    "a variable that is gone from it": (
        lambda way: os.environ.pop("ASYNCIO_HIDDEN", None) if way else os.environ.update(ASYNCIO_HIDDEN=""),
        lambda _: "ASYNCIO_HIDDEN" in os.environ,
    ),
    "a logger's level": (lambda way: log.setLevel(10 + way), lambda _: log.level),
    "the level of a logger that nobody holds": (
        lambda way: logging.getLogger("asyncio_hidden.other").setLevel(10 + way),
        lambda _: logging.getLogger("asyncio_hidden.other").level,
    ),
    "a logger's attribute": (_set(log, "seen"), lambda _: vars(log)["seen"]),
    "whether a logger is disabled": (lambda way: setattr(log, "disabled", bool(way)), lambda _: log.disabled),
    "what is disabled for all loggers": (logging.disable, lambda _: logging.root.manager.disable),
    "what a handler keeps": (_handled(Keeps), lambda _: vars(log.handlers[0])["last"]),
    "what a handler of the library keeps": (_handled(lambda: logging.handlers.MemoryHandler(9)), lambda _: _memory()),
    "the annotations of a function": (
        lambda way: _function.__annotations__.update(way=way),
        lambda _: _function.__annotations__["way"],
    ),
    "the annotations of a method": (
        lambda way: Thing.method.__annotations__.update(way=way),
        lambda _: Thing.method.__annotations__["way"],
    ),
    "the annotations of a class": (
        lambda way: Thing.__annotations__.update(field=way),
        lambda _: Thing.__annotations__["field"],
    ),
    "what is said of a class": (lambda way: setattr(Thing, "__doc__", str(way)), lambda _: Thing.__doc__),
    "the name of a class": (lambda way: setattr(Thing, "__name__", f"T{way}"), lambda _: Thing.__name__),
    "an attribute between underscores": (
        lambda way: Thing.__registry__.__setitem__(0, way),
        lambda _: Thing.__registry__,
    ),
    "the bases of a class": (lambda way: setattr(Derived, "__bases__", ((One, Two)[way],)), lambda _: Derived().way()),
    "a class that a class holds": (
        lambda way: setattr(Strategy, "kind", (One, Two)[way]),
        lambda _: Strategy().kind().way(),
    ),
    "what was registered with a class": (_registered, lambda abstract: issubclass(Thing, abstract)),
    "the name of a coroutine": (_named, _name),
    "what is said of a module": (lambda way: globals().update(__doc__=str(way)), lambda _: __doc__),
    "which module a name stands for": (_backend, lambda _: backend.__name__),
    "a module that is imported late": (_imported, lambda _: _imported_later()),
    "a module that a class holds": (lambda way: setattr(Thing.of, "number", way), lambda _: Thing().of.number),
    "a module that is found by its name": (
        lambda way: setattr(importlib.import_module("asyncio_hidden_plugin"), "number", way),
        lambda _: vars(sys.modules["asyncio_hidden_plugin"])["number"],
    ),
    "an attribute of a module of the library": (_set(asyncio, "seen"), lambda _: vars(asyncio)["seen"]),
    "an attribute of a function of the library": (_set(asyncio.sleep, "seen"), lambda _: vars(asyncio.sleep)["seen"]),
    "an attribute of a class of the library": (_set(asyncio.Queue, "seen"), lambda _: vars(asyncio.Queue)["seen"]),
    "an attribute of this project": (_set(everyturn, "seen"), lambda _: vars(everyturn)["seen"]),
    "an attribute of a class of this project": (_set(everyturn.Held, "seen"), lambda _: vars(everyturn.Held)["seen"]),
    "an attribute of a class of the library that it had by another name": (
        lambda way: setattr(asyncio.StreamReader, "seen", vars(asyncio.StreamReader)[("read", "readline")[way]]),
        lambda _: vars(asyncio.StreamReader)["seen"].__name__,
    ),
    "what a class of the library had": (
        lambda way: setattr(json.JSONEncoder, "item_separator", ", ;"[way]),
        lambda _: json.JSONEncoder.item_separator,
    ),
    "a built-in name": (_set(builtins, "seen"), lambda _: vars(builtins)["seen"]),
    "an attribute of the loop": (
        lambda way: setattr(asyncio.get_running_loop(), "seen", way),
        lambda _: vars(asyncio.get_running_loop())["seen"],
    ),
    "whether the loop debugs": (
        lambda way: asyncio.get_running_loop().set_debug(bool(way)),
        lambda _: asyncio.get_running_loop().get_debug(),
    ),
    "when a callback is slow": (
        lambda way: setattr(asyncio.get_running_loop(), "slow_callback_duration", way),
        lambda _: asyncio.get_running_loop().slow_callback_duration,
    ),
    "how deep calls may be nested": (
        lambda way: sys.setrecursionlimit(sys.getrecursionlimit() // 2 * 2 + way),
        lambda _: sys.getrecursionlimit() % 2,
    ),
    "the precision of decimals": (lambda way: decimal.Context(prec=1 + way), lambda context: context.prec),
    "the context of new threads' decimals": (
        lambda way: setattr(decimal.DefaultContext, "prec", 20 + way),
        lambda _: decimal.DefaultContext.prec,
    ),
    "garbage that acts when it is collected": (_garbage, _collected),
    "garbage that somebody waits for": (_awaited_garbage, _collected),
    "the locale": (_locale, lambda _: locale.setlocale(locale.LC_TIME)),
    "the time-out of sockets": (
        lambda way: socket.setdefaulttimeout(1 + way),
        lambda _: socket.getdefaulttimeout(),
    ),
    "the first day of a week": (_first_day, lambda _: calendar.firstweekday()),
    "the class of loggers": (
        lambda way: logging.setLoggerClass((logging.Logger, OwnLogger)[way]),
        lambda _: logging.getLoggerClass().__name__,
    ),
    "who makes loops": (
        lambda way: asyncio.set_event_loop_policy(_POLICIES[way]),
        lambda _: type(asyncio.get_event_loop_policy()).__name__,
    ),
    "filters of warnings": (
        lambda way: warnings.simplefilter(("ignore", "always")[way]),
        lambda _: warnings.filters[0][0],
    ),
    "the mask of files": (lambda way: os.umask(16 + way), lambda _: os.umask(0)),
    "who is called at a signal": (
        lambda way: signal.signal(signal.SIGUSR1, (signal.SIG_IGN, signal.SIG_DFL)[way]),
        lambda _: signal.getsignal(signal.SIGUSR1),
    ),
    "the name of a thread": (
        lambda way: setattr(threading.current_thread(), "name", f"main {way}"),
        lambda _: threading.current_thread().name,
    ),
}
"""What differs → how it is made (of 0 or 1), and what is seen of it later."""
