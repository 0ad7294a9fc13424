"""What the standard library and the interpreter keep for a program: loggers with their handlers, finalizers, the
environment, and settings.

What is as it was when it was looked at first is not written down. What it was then is the same as long as this process
lives, so that equal encodings say that it is equal now.
"""

from __future__ import annotations

import _thread
import asyncio
import calendar
import decimal
import gc
import locale
import logging
import mimetypes
import os
import re
import socket
import sys
import threading
import typing
import weakref
from collections.abc import Callable
from operator import is_
from pathlib import Path
from types import FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.order import sequences
from everyturn.asyncio.runtime.changed_files import CHANGED, TooLarge
from everyturn.asyncio.runtime.output import KeptStream
from everyturn.asyncio.states.classes import is_programs, is_watched
from everyturn.asyncio.states.encoding import encodes
from everyturn.asyncio.states.mentioned import BEFORE
from everyturn.asyncio.states.unknown import UnknownValue
from everyturn.source_location import Rank, rank

if TYPE_CHECKING:
    from everyturn.asyncio.states.encoding import StateEncoder

# loggers -------------------------------------------------------------------------------------------------------------

_NOT_OF_LOGGERS: Final = frozenset({"name", "parent", "manager", "_cache"})
_AUTOMATIC: Final = re.compile(r"Task-\d+")
_LOGGERS: Final[dict[str, tuple[Any, ...]]] = {}
"""Name of a logger → what it held when it was looked at first."""


def loggers(encoder: StateEncoder) -> None:
    """Those that are not as they were, and those with handlers or filters, if code of the program has to do with any.

    What tests hang there to see what is logged is no part of the program.
    """
    if encoder.mentioned.isdisjoint(("getLogger", "logging")) and not encoder.logs:
        return
    manager = logging.root.manager
    encoder.out.append(("logging", manager.disable))
    for name, each in (("", logging.root), *manager.loggerDict.items()):
        if isinstance(each, logging.Logger):
            held = tuple(vars(each).values())
            before = _LOGGERS.setdefault(name, held)
            if each.handlers or each.filters or len(held) != len(before) or not all(map(is_, held, before)):
                encoder.value(each)
                _content(encoder, each)


@encodes(logging.Logger)
def _logger(encoder: StateEncoder, value: logging.Logger) -> None:
    """A logger is its name; what it holds stands behind all else."""
    encoder.logs = True
    encoder.out.append(("logger", value.name))


def _content(encoder: StateEncoder, logger: logging.Logger) -> None:
    held = {name: each for name, each in vars(logger).items() if name not in _NOT_OF_LOGGERS}
    held["handlers"] = tuple(each for each in logger.handlers if not _is_of_tests(each))
    encoder.named(held)


def _is_of_tests(handler: object) -> bool:
    return type(handler).__module__.partition(".")[0] == "_pytest"


@encodes(logging.Handler)
def _handler(encoder: StateEncoder, value: logging.Handler) -> None:
    """What it holds; a file in which it writes is what it is, whatever is in it."""
    encoder.out.append("handler")
    encoder.value(type(value))
    held = {name: each for name, each in vars(value).items() if name != "lock"}
    if isinstance(held.get("stream"), KeptStream) or hasattr(held.get("stream"), "fileno"):
        del held["stream"]
    encoder.named(held)


@encodes(logging.LogRecord)
def _record(encoder: StateEncoder, value: logging.LogRecord) -> None:
    """What was logged, but for the automatic name of the task."""
    held = dict(vars(value))
    if _AUTOMATIC.fullmatch(str(held.get("taskName"))):
        del held["taskName"]
    encoder.out.append("record")
    encoder.named(held)


# finalizers ----------------------------------------------------------------------------------------------------------


@encodes(weakref.finalize)
def _finalizer(encoder: StateEncoder, value: Any) -> None:
    """Whether it is alive; what it does and with what, and to whom."""
    info = value._registry.get(value)
    encoder.out.append(("finalizer", info is not None))
    if info is not None:
        for name in ("func", "args", "kwargs", "atexit"):
            encoder.inside(name, getattr(info, name))
        encoder.value(info.weakref())


_BEFORE: Final[set[Any]] = set()


def finalizers_before_the_runs() -> None:
    """Finalizers that are there now were made by no run: what the process keeps for itself."""
    _BEFORE.clear()
    _BEFORE.update(vars(weakref.finalize)["_registry"])


def finalizers(encoder: StateEncoder) -> None:
    """Those that runs made and that call code of the program, or wait for something that was met: until no other one is
    met."""
    registry: dict[Any, Any] = vars(weakref.finalize)["_registry"]
    left = [(each, info) for each, info in registry.items() if each not in _BEFORE and id(each) not in encoder.numbers]
    while left:
        found = [each for each, info in left if _counts(encoder, info)]
        for each in found:
            encoder.value(each)
        rest = [(each, info) for each, info in left if id(each) not in encoder.numbers]
        if len(rest) == len(left):
            return
        left = rest


def garbage(encoder: StateEncoder) -> None:
    """What nobody refers to any more but itself, and what does something when it is collected: if code of the program
    asks for that."""
    if "collect" not in encoder.mentioned:
        return
    for each in gc.get_objects():
        if id(each) not in encoder.numbers and _acts_at_its_end(each):
            encoder.value(each)


def _acts_at_its_end(value: Any) -> bool:
    kind: Any = type(value)
    if kind is GeneratorType:
        return bool(value.gi_suspended) and rank(value.gi_code.co_filename) < Rank.ENGINE
    return hasattr(kind, "__del__") and is_watched(kind)


def _counts(encoder: StateEncoder, info: Any) -> bool:
    if "collect" in encoder.mentioned or id(info.weakref()) in encoder.numbers:
        return True
    owner = info.func.__globals__.get("__name__") if type(info.func) is FunctionType else None
    return owner is not None and is_programs(sys.modules.get(owner))


# settings ------------------------------------------------------------------------------------------------------------


@encodes(typing.TypeVarTuple, typing.ParamSpec)
def _type_parameter(encoder: StateEncoder, value: Any) -> None:
    encoder.out.append(("type parameter", value.__name__))


@encodes(*filter(None, [getattr(_thread, "_ThreadHandle", None)]))
def _thread_handle(encoder: StateEncoder, value: Any) -> None:
    """From Python 3.13 on what a thread holds of the system's: a number that is another one in each run, and whether it
    has ended."""
    encoder.out.append(("thread handle", value.is_done()))


@encodes(threading.local)
def _local(encoder: StateEncoder, value: threading.local) -> None:
    """What it holds for the one real thread there is."""
    sequences.NOW.locals = True
    encoder.anatomy(value)


@encodes(decimal.Context)
def _arithmetic(encoder: StateEncoder, value: decimal.Context) -> None:
    limits = (value.prec, value.rounding, value.Emin, value.Emax, value.capitals, value.clamp)
    encoder.out.append(("decimal", *limits, repr(value.traps), repr(value.flags)))


_environment: Final = dict(vars(os.environ)["_data"])


STREAMS: Final = ("stdin", "stdout", "stderr")


def surroundings(encoder: StateEncoder) -> None:
    """The environment, if it is not as it was; how the interpreter is set; who is called for what nobody handles."""
    now: dict[Any, Any] = vars(os.environ)["_data"]
    if now != _environment:
        changed = [(key, each) for key, each in now.items() if _environment.get(key) != each]
        encoder.value([*changed, *(key for key in _environment if key not in now)])
    if (held := _settings()) != _SETTINGS:
        encoder.out.append(held)
    for name in STREAMS:
        if BEFORE.holds_other(sys, name):  # where print writes, whoever has named it
            encoder.part(name, getattr(sys, name))


def files(encoder: StateEncoder) -> None:
    """What is at the paths that the run has changed."""
    try:
        changed = CHANGED.now()
    except TooLarge:
        raise UnknownValue(Path).within("files") from None
    for path, found in changed:
        encoder.out.append((path, *found))


_SET_BY: Final[dict[str, Callable[[], Any]]] = {
    "disable": gc.isenabled,
    "set_asyncgen_hooks": lambda: tuple(sys.get_asyncgen_hooks()),
    "setprofile": sys.getprofile,
    "settrace": sys.gettrace,
    "setlocale": lambda: locale.setlocale(locale.LC_ALL),
    "setdefaulttimeout": socket.getdefaulttimeout,
    "setfirstweekday": calendar.firstweekday,
    "add_type": lambda: vars(mimetypes)["_db"],
    "setLoggerClass": logging.getLoggerClass,
    "setLogRecordFactory": logging.getLogRecordFactory,
    "addLevelName": lambda: vars(logging)["_levelToName"],
    "use_tool_id": lambda: [vars(sys)["monitoring"].get_tool(number) for number in range(6)],
    "set_event_loop_policy": lambda: vars(asyncio.events)["_event_loop_policy"],
}
"""The name of what sets something for the whole process → what is set now: looked at where code of the program has that
name."""


def set_by_name(encoder: StateEncoder) -> None:
    """What code of the program sets for the whole process through functions of the library."""
    for name in sorted(encoder.mentioned.intersection(_SET_BY)):
        encoder.part(name, _SET_BY[name]())


def _settings() -> tuple[Any, ...]:
    limits = (sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(), *gc.get_threshold())
    place = os.getcwd()  # noqa: PTH109 # a path costs ten times as much, and is asked for in every state
    return (*limits, place, threading.current_thread().name, sys.get_coroutine_origin_tracking_depth())


_SETTINGS: Final = _settings()
