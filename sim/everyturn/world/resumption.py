"""Resuming a dispatcher's code: the one place where it runs, and where all that may go wrong in it is told.

Whatever leaves the code is attributed to the deepest line in the user's own files, with what was expected and what to
do. Besides what it raises that is: waiting for what is no port; a port that was called and not awaited, or an ``async
def`` function; what would make the whole program wait, or run beside it (:data:`GUARDED`).
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Callable, Coroutine, Iterable
from functools import wraps
from importlib import import_module
from inspect import CORO_CREATED, getcoroutinestate
from pathlib import Path
from threading import get_ident
from types import CoroutineType
from typing import Any, Final

from everyturn.errors import AgentFault, EveryturnError
from everyturn.source_location import Place, Rank, raised_at, rank, running_at, suspended_at
from everyturn.world import overrun
from everyturn.world.entering import cause_of, enter, from_outside, is_inside, leave, named, shown, told
from everyturn.world.gate import Gate
from everyturn.world.operations import Operation

GUARDED: Final = (
    ("time", "sleep", "time.sleep"),
    ("threading.Thread", "start", "a thread is started"),
    ("subprocess.Popen", "__init__", "a process is started"),
    ("os", "system", "a process is started"),
    ("os", "fork", "a process is started"),
    ("socket.socket", "connect", "a connection is opened"),
    ("signal", "signal", "a signal handler is changed"),
    ("signal", "setitimer", "a signal is asked for"),
    ("signal", "alarm", "a signal is asked for"),
    ("os", "chdir", "the working directory is changed"),
    ("os", "umask", "the rights of new files are changed"),
    ("locale", "setlocale", "the language is changed"),
    ("gc", "enable", "the collection of garbage is changed"),
    ("gc", "disable", "the collection of garbage is changed"),
    ("gc", "set_threshold", "the collection of garbage is changed"),
    ("atexit", "register", "something is left to be done at the end of the program"),
)
"""Functions that no step of a dispatcher may call, by owner and name, each in words."""
ENDING: Final = (
    *(("os", name) for name in ("_exit", "abort", "kill", "killpg", "execv", "execve")),
    *(("posix", name) for name in ("_exit", "abort", "kill", "killpg", "execv", "execve")),
    ("signal", "raise_signal"),
)
"""Functions that end the whole program at once, so that nobody could say anything of it."""
PORTS_ONLY: Final = (
    "expected every await to lead to a port; what waits belongs behind a port or into a step of an object of your "
    "own, see "
    "docs/your_own_agent.md"
)
_ASYNCIO: Final = str(Path(os.__file__).with_name("asyncio"))
"""Where asyncio is, which no step needs and which is not imported for one."""


class _Running:
    """The gate of the world whose code runs now, if any does, and on which thread of this program."""

    gate: Gate | None = None
    thread = 0

    def __init__(self) -> None:
        self.failed: set[str] = set()
        """Files with code that has failed already, so that coroutines that it leaves behind are no news."""


_running: Final = _Running()


def go_on(gate: Gate, coroutine: Coroutine[Operation, Any, str], result: Any) -> Operation:
    """What a thread waits to do after ``result``.

    Raises :class:`StopIteration` with a word when the thread ends, and :class:`AgentFault` when it ends in an error
    that nobody handles, or did what no code of a dispatcher may do.
    """
    gate.forget()
    _running.gate, _running.thread = gate, get_ident()
    overrun.enter()
    try:
        enter()
        operation = coroutine.send(result)
    except StopIteration:
        if gate.fault is not None or gate.pending:
            check_done(gate)
        raise
    except EveryturnError:
        raise
    except overrun.StepInterrupted as ended:
        raise ended.error from None
    except BaseException as error:
        if from_outside(error):
            raise
        _running.failed.update(frame.f_code.co_filename for frame, _ in traceback.walk_tb(error.__traceback__))
        said = gate.fault or _ends(error)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename.startswith(_ASYNCIO):
                _close(frame.f_locals.values())
        raise AgentFault(said) from error
    finally:
        leave()
        _running.gate = None
        overrun.leave()
    if gate.fault is not None or gate.pending:
        check_done(gate)
    if type(operation) is not Operation:
        place = suspended_at(coroutine)
        _running.failed.add(place.file)
        waits: Any = operation
        asyncio = sys.modules.get("asyncio")
        if asyncio is not None and isinstance(waits, asyncio.Future) and not waits.get_loop().is_running():
            _close([task.get_coro() for task in getattr(waits, "_children", ())])  # of asyncio.gather
        raise AgentFault(f"{place}: waits for something that is no port and yields {shown(operation)}: {PORTS_ONLY}")
    return operation


def check_done(gate: Gate) -> None:
    """Raise :class:`AgentFault` for what was found out while code ran, and for a port's call that it did not await."""
    fault, gate.fault = gate.fault, None
    if fault is not None:
        raise AgentFault(fault)
    if gate.pending:
        operation, code, instruction = gate.pending[0]
        _running.failed.add(code.co_filename)
        raise AgentFault(
            f"{Place(code, instruction)}: {operation} is called and not awaited, so that nothing is done: expected "
            f"await "
            f"{operation}(…) before the next access"
        )


def watch() -> None:
    """Have it noticed what steps call that they may not. May be called again."""
    for owner, name, what in GUARDED:
        module, _, inner = owner.partition(".")
        place: Any = import_module(module)  # also what nobody has imported yet: a step may
        place = getattr(place, inner) if inner else place
        if not hasattr(getattr(place, name), "guarded"):
            setattr(place, name, _guarded(getattr(place, name), what))
    for owner, name in ENDING:
        place = sys.modules.get(owner)
        if place is not None and hasattr(place, name) and not hasattr(getattr(place, name), "guarded"):
            setattr(place, name, _survived(getattr(place, name), f"{owner}.{name}"))
    if sys.get_coroutine_origin_tracking_depth() == 0:
        sys.set_coroutine_origin_tracking_depth(1)  # where a coroutine was made that nobody awaits
    original = getattr(warnings, "_warn_unawaited_coroutine", None)
    if original is not None and not hasattr(original, "guarded"):
        warnings._warn_unawaited_coroutine = _unawaited(original)  # type: ignore[attr-defined]


def _guarded(function: Callable[..., Any], what: str) -> Callable[..., Any]:
    """The same function, but for steps. What other threads of this program do meanwhile, a notebook's or a debugger's,
    is their own affair."""

    @wraps(function)
    def guarded(*arguments: Any, **named: Any) -> Any:
        if _running.gate is not None and get_ident() == _running.thread:
            raise _running.gate.refuse(f"{what}, in a step: {PORTS_ONLY}")
        return function(*arguments, **named)

    guarded.guarded = True  # type: ignore[attr-defined]
    return guarded


def _survived(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The same function, but for code that is not ours: it would end the program, with an exit code of its own."""

    @wraps(function)
    def survived(*arguments: Any, **named: Any) -> Any:
        if is_inside():
            said = f"{name} is called: expected code that leaves the program running"
            raise AgentFault(f"{running_at()}: {said}") if _running.gate is None else _running.gate.refuse(said)
        return function(*arguments, **named)

    survived.guarded = True  # type: ignore[attr-defined]
    return survived


def _unawaited(function: Callable[[Any], None]) -> Callable[[Any], None]:
    """What Python calls when a coroutine is thrown away that was never awaited: in a step it is the step's fault."""

    def unawaited(coroutine: Any) -> None:
        code = coroutine.cr_code
        gate = _running.gate
        if rank(code.co_filename) >= Rank.ENGINE or (gate is None and code.co_filename not in _running.failed):
            function(coroutine)
            return
        if gate is None or gate.fault is not None:
            return
        (file, line, _), *_ = coroutine.cr_origin or ((code.co_filename, code.co_firstlineno, ""),)
        name = code.co_qualname
        _running.failed.update((file, code.co_filename))
        gate.fault = (
            f"{file}:{line}: {name} is called and not awaited, so that nothing is done: expected await {name}(…)"
        )

    unawaited.guarded = True  # type: ignore[attr-defined]
    return unawaited


def _close(given: Iterable[Any]) -> None:
    """Close the coroutines that asyncio was given and did not begin: the error says all, and Python would warn of them
    when they are collected, at any time and in anybody's code."""
    for each in given:
        if isinstance(each, (tuple, list)):
            _close(each)
        elif isinstance(each, CoroutineType) and getcoroutinestate(each) == CORO_CREATED:
            each.close()


def _ends(error: BaseException) -> str:
    """That a thread ends in an error, where, and what to do."""
    error = cause_of(error)
    frames = [each for each, _ in traceback.walk_tb(error.__traceback__)]
    beyond = [each.f_code for each in frames if each.f_code.co_filename.startswith(_ASYNCIO)]
    if beyond:
        return (
            f"{raised_at(error)}: asyncio.{beyond[0].co_qualname.split('.')[0]} has no event loop here "
            f"({told(error, named)}): {PORTS_ONLY}"
        )
    return (
        f"{raised_at(error)}: a thread ends in {told(error)}: expected it to be handled; an AgentError may leave "
        f"run_local and "
        "coordinate_summary, a CallerError submit"
    )
