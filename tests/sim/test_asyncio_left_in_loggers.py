"""What a run leaves in loggers, in definitions and in settings of the process is put back."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any, Final

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.running import Scenario
from everyturn.verdicts.verdict import Verdict


class Idle:
    """One state of a machine."""

    name = "idle"


class Busy(Idle):
    """The other one."""

    name = "busy"


class PerThread(threading.local):
    """Keeps something for each thread."""

    def __init__(self) -> None:
        self.items: list[int] = []


def _answer() -> int:
    return 1


def _other_answer() -> int:
    return 2


MACHINE: Any = Idle()
PER_THREAD = PerThread()
BUFFER: Final = logging.handlers.MemoryHandler(9)


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(f"{__name__}.{name}")


def _log() -> None:
    BUFFER.emit(logging.makeLogRecord({"msg": "x", "levelno": logging.INFO}))


LOOK_AND_CHANGE: Final[dict[str, tuple[Callable[[], Any], Callable[[], Any]]]] = {
    "a handler of a logger": (
        lambda: len(_logger("a").handlers),
        lambda: _logger("a").addHandler(logging.NullHandler()),
    ),
    "the level of a logger": (lambda: _logger("b").level, lambda: _logger("b").setLevel(logging.ERROR)),
    "what is disabled for all loggers": (lambda: logging.root.manager.disable, lambda: logging.disable(30)),
    "what a handler of the library keeps": (lambda: len(BUFFER.buffer), _log),
    "the time-out of sockets": (socket.getdefaulttimeout, lambda: socket.setdefaulttimeout(3)),
    "how long numbers may be": (sys.get_int_max_str_digits, lambda: sys.set_int_max_str_digits(5000)),
    "the class of an object": (lambda: MACHINE.name, lambda: setattr(MACHINE, "__class__", Busy)),
    "the code of a function": (_answer, lambda: setattr(_answer, "__code__", _other_answer.__code__)),
    "what is kept for a thread": (lambda: len(PER_THREAD.items), lambda: PER_THREAD.items.append(1)),
}


def leaving(look: Callable[[], Any], change: Callable[[], Any], first: Any) -> Scenario:
    """Right, as long as each run begins as the first."""

    async def scenario(world: Any) -> None:
        assert look() == first
        await asyncio.gather(world.io("x"), world.io("y"))
        change()
        await world.io("z")

    return scenario


@pytest.mark.parametrize("name", LOOK_AND_CHANGE)
def test_what_a_run_leaves_is_put_back(name: str) -> None:
    look, change = LOOK_AND_CHANGE[name]
    first = look()
    assert check(leaving(look, change, first)).cell.verdict is Verdict.PROVED
    assert look() == first


def test_handlers_that_each_run_adds_keep_no_states_apart() -> None:
    """As many states as there are where none is added."""
    look, change = LOOK_AND_CHANGE["a handler of a logger"]
    plain = check(leaving(int, int, 0)).found
    assert check(leaving(look, change, 0)).found.states == plain.states
