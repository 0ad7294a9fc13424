"""What nobody controls while a program is explored, and what is an error therefore, with file and line: processes,
sockets and signals of the system's, what somebody types, and loops of other threads."""

from __future__ import annotations

import asyncio.base_events
import builtins
import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.process import BaseProcess
from typing import Any, Final, NoReturn

from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.loop import ENCRYPTED
from everyturn.asyncio.runtime.output import TypedStream
from everyturn.asyncio.runtime.outside import Job
from everyturn.asyncio.runtime.places import user_line

_CALLS_OF_SOCKETS: Final = "connect", "connect_ex", "bind", "sendto"
"""By which a socket comes to have to do with somebody else."""
_ENDS: Final = "_exit", "abort", "fork", "forkpty", "execv", "execve", "posix_spawn", "posix_spawnp", "system"
_SIGNALS: Final = (
    *((os, name, 2) for name in ("kill", "killpg")),
    (signal, "pthread_kill", 2),
    (signal, "raise_signal", 1),
)
"""Module, name, and which argument says the signal."""
_SOCKET: Final = "use asyncio.open_connection, httpx.AsyncClient, or world.io(...) for an answer of the outside world"
_PROCESS: Final = "let world.io(...) stand for it"
_END: Final = "raise SystemExit where the program is to end, and let world.io(...) stand for other processes"
_SIGNAL: Final = "let world.io(...) stand for it, and call then what is to be called for it"
_TYPED: Final = "let world.io(...) stand for what somebody types"
_LOOP: Final = "await in the one loop what it is to do"

Asks = Callable[[], bool]


def refuse(what: str, instead: str) -> NoReturn:
    """Raise :class:`Unsupported` with the program's line."""
    raise Unsupported(f"{user_line()}: {what}: expected what can be controlled while exploring; {instead}")


def refusals(is_running: Asks) -> Iterator[tuple[Any, str, Any]]:
    """Owner, name, and what stands there. ``is_running``: whether the program calls it, on whatever thread; what a
    module asks of the system while it is imported belongs to no run."""

    def refused(owner: Any, name: str, what: str, instead: str) -> tuple[Any, str, Any]:
        return owner, name, _refused(getattr(owner, name), what, instead, is_running)

    for name in _CALLS_OF_SOCKETS:
        yield refused(socket.socket, name, f"{name} of a real socket", _SOCKET)
    yield refused(socket, "getaddrinfo", "getaddrinfo of a real socket", _SOCKET)
    for name in _ENDS:
        if hasattr(os, name):
            yield refused(os, name, f"os.{name}", _END)
    yield refused(BaseProcess, "start", "another process", _PROCESS)
    yield refused(subprocess.Popen, "__init__", "a subprocess", _PROCESS)
    yield refused(builtins, "input", "input()", _TYPED)
    for module, name, place in _SIGNALS:
        if hasattr(module, name):
            yield module, name, _signalling(getattr(module, name), f"{module.__name__}.{name}", place, is_running)
    for name in ("_wrap_bio", "_wrap_socket"):
        yield refused(ssl.SSLContext, name, "a connection with TLS", ENCRYPTED)
    checked = asyncio.base_events.BaseEventLoop
    yield checked, "_check_running", _of_one_thread(checked._check_running)  # type: ignore[attr-defined]
    if sys.stdin is not None:
        yield sys, "stdin", TypedStream(sys.stdin, lambda: is_running() and refuse("reading standard input", _TYPED))


def _refused(original: Callable[..., Any], what: str, instead: str, is_running: Asks) -> Callable[..., Any]:
    def refused(*args: Any, **options: Any) -> Any:
        return refuse(what, instead) if is_running() else original(*args, **options)

    return refused


def _signalling(original: Callable[..., Any], what: str, place: int, is_running: Asks) -> Callable[..., Any]:
    """A signal may only do what the program itself has said of it in this run."""

    def signalling(*args: Any) -> Any:
        number = args[place - 1] if len(args) >= place else None
        if is_running() and (args[:-1] not in ((), (os.getpid(),)) or not _handles(number)):
            refuse(f"{what}, a signal to a process", _SIGNAL)
        return original(*args)

    return signalling


def _handles(number: Any) -> bool:
    """Whether a function of the program is called for a signal."""
    if number not in signal.valid_signals():
        return bool(number == 0)
    handler = signal.getsignal(number)
    of = str(getattr(handler, "__module__", "_signal"))
    return callable(handler) and not of.startswith(("_signal", "everyturn."))


def _of_one_thread(original: Callable[..., None]) -> Callable[..., None]:
    """What a loop asks before it runs."""

    def check_running(self: Any) -> None:
        if Job.here() is not None:
            refuse("a loop of its own on another thread", _LOOP)
        original(self)

    return check_running
