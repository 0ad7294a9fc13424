"""Clocks, randomness and threads while a program is explored: deterministic, and put back afterwards, also on an error.

Patched in the modules that define them and wherever a module of the program has taken one by name
(``from time import monotonic``). Only while the loop of a run is running: outside of it each does what it always did.
"""

from __future__ import annotations

import os
import random
import secrets
import subprocess
import sys
import threading
import time
import uuid
from asyncio import events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from everyturn.asyncio.errors import Unsupported
from everyturn.asyncio.loop import WorldLoop
from everyturn.asyncio.places import is_users, user_line

EPOCH: Final = 1_700_000_000.0 - 1000.0
"""What ``time.time`` is beyond the loop's clock, in seconds."""


def _loop() -> WorldLoop | None:
    loop = events._get_running_loop()
    return loop if isinstance(loop, WorldLoop) else None


def _clock(original: Callable[[], Any], shown: Callable[[Any], Any]) -> Callable[[], Any]:
    def clock() -> Any:
        loop = _loop()
        return original() if loop is None else shown(loop.time())

    return clock


def _sleep(original: Callable[[float], None]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        loop = _loop()
        if loop is None:
            original(seconds)
        else:
            loop.world.blocked(f"time.sleep({seconds!r})", user_line())

    return sleep


def _urandom(original: Callable[[int], bytes]) -> Callable[[int], bytes]:
    def urandom(size: int) -> bytes:
        loop = _loop()
        return original(size) if loop is None else loop.world.random.randbytes(size)

    return urandom


def _refused(original: Callable[..., Any], what: str, instead: str) -> Callable[..., Any]:
    def refused(*args: Any, **options: Any) -> Any:
        if _loop() is None:
            return original(*args, **options)
        return _refuse(what, instead)

    return refused


def _refuse(what: str, instead: str) -> NoReturn:
    raise Unsupported(f"{user_line()}: {what}: expected what can be controlled while exploring; {instead}")


def _replacements() -> list[tuple[Any, str, Any]]:
    """Owner, name, and what stands there meanwhile."""
    pairs: list[tuple[Any, str, Any]] = [
        (time, "time", _clock(time.time, lambda now: now + EPOCH)),
        (time, "monotonic", _clock(time.monotonic, lambda now: now)),
        (time, "perf_counter", _clock(time.perf_counter, lambda now: now)),
        (time, "time_ns", _clock(time.time_ns, lambda now: round(float(now + EPOCH) * 1e9))),
        (time, "monotonic_ns", _clock(time.monotonic_ns, lambda now: round(float(now) * 1e9))),
        (time, "perf_counter_ns", _clock(time.perf_counter_ns, lambda now: round(float(now) * 1e9))),
        (time, "sleep", _sleep(time.sleep)),
        (os, "urandom", _urandom(os.urandom)),
        (random, "_urandom", _urandom(os.urandom)),
        (secrets, "token_bytes", _token_bytes(secrets.token_bytes)),
        (uuid, "uuid1", _uuid1(uuid.uuid1)),
        (threading.Thread, "start", _thread_start(threading.Thread.start)),
        (subprocess.Popen, "__init__", _refused(subprocess.Popen.__init__, "a subprocess", _PROCESS)),
    ]
    return pairs


_PROCESS: Final = "let world.io(...) stand for it"


def _token_bytes(original: Callable[..., bytes]) -> Callable[..., bytes]:
    def token_bytes(nbytes: int | None = None) -> bytes:
        loop = _loop()
        return original(nbytes) if loop is None else loop.world.random.randbytes(nbytes or secrets.DEFAULT_ENTROPY)

    return token_bytes


def _uuid1(original: Callable[..., uuid.UUID]) -> Callable[..., uuid.UUID]:
    def uuid1(node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
        loop = _loop()
        if loop is None:
            return original(node, clock_seq)
        return uuid.UUID(bytes=loop.world.random.randbytes(16), version=1)

    return uuid1


def _thread_start(original: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def start(self: threading.Thread) -> None:
        if _loop() is None:
            original(self)
            return
        _refuse(
            f"a thread of the program's own ({self.name})",
            "use asyncio.to_thread or loop.run_in_executor, whose threads are explored",
        )

    return start


@contextmanager
def patched() -> Iterator[None]:
    """Everything patched, everywhere that a module of the program holds it."""
    put_back: list[tuple[Any, str, Any]] = []
    instead = {}
    state = random.getstate()
    try:
        for owner, name, replacement in _replacements():
            original = getattr(owner, name)
            instead[original] = replacement
            put_back.append((owner, name, original))
            setattr(owner, name, replacement)
        for module in list(sys.modules.values()):
            if not is_users(getattr(module, "__file__", None) or "<"):
                continue
            for name, value in list(vars(module).items()):
                if callable(value) and _hashable(value) and value in instead:
                    put_back.append((module, name, value))
                    setattr(module, name, instead[value])
        yield
    finally:
        for owner, name, original in reversed(put_back):
            setattr(owner, name, original)
        random.setstate(state)


def _hashable(value: object) -> bool:
    return type(value).__hash__ is not None and type(value).__module__ == "builtins"
