"""Clocks, randomness and threads while a program is explored: deterministic, and put back afterwards, also on an error.

Patched in the modules that define them and wherever a module of the program or of an installed package has taken one by
name (``from time import monotonic``). Only while the loop of a run is running: outside of it each does what it always
did, and so it does for a module's own code while it is imported, which belongs to no run.
"""

from __future__ import annotations

import asyncio.base_events
import asyncio.taskgroups
import asyncio.tasks
import builtins
import datetime
import os
import random
import secrets
import socket
import sys
import threading
import time
import uuid
from asyncio import events
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any, Final
from weakref import WeakKeyDictionary

from everyturn.asyncio.control import changing_files, dates, drawn_ids
from everyturn.asyncio.control.refusals import refusals, refuse
from everyturn.asyncio.control.worker_threads import WorkerQueue, is_worker
from everyturn.asyncio.order import called
from everyturn.asyncio.order.moments import earliest
from everyturn.asyncio.order.neighbours import ALL
from everyturn.asyncio.order.sets import STAND_INS, WorldSet
from everyturn.asyncio.runtime import executors, program_sockets, settings
from everyturn.asyncio.runtime.first_state import FIRST
from everyturn.asyncio.runtime.loop import WorldLoop
from everyturn.asyncio.runtime.outside import OTHER_THREAD, Job, Pool
from everyturn.asyncio.runtime.places import may_be_patched, user_line
from everyturn.world import overrun

_SLEEPS: Final = 1_000
"""Who sleeps more often on another thread waits for something that cannot come while he does."""
_WAITS: Final = "let it return, and await in the loop what it waits for"
EPOCH: Final = 1_700_000_000.0 - 1000.0
"""What ``time.time`` is beyond the loop's clock, in seconds."""


def _loop() -> WorldLoop | None:
    """The loop of the run that calls; none where a module is being imported."""
    loop = events._get_running_loop()
    return loop if isinstance(loop, WorldLoop) and not _EXECUTING else None


def _job() -> Job | None:
    """The function on another thread that calls; none where a module is being imported."""
    return None if _EXECUTING else Job.here()


def _world() -> Any:
    """The world of the run that asks, from the loop's thread or as a function on another one."""
    loop, job = _loop(), _job()
    return job.world if job is not None else None if loop is None else loop.world


def _clock(original: Callable[[], Any], shown: Callable[[Any], Any]) -> Callable[[], Any]:
    def clock() -> Any:
        loop, job = _loop(), _job()
        if job is not None:
            return shown(job.time())
        if loop is None:
            return original()
        if sys._getframe(1).f_globals.get("__name__") == "logging":
            return earliest(shown(loop.world.clock.present()))  # no look of the program's
        return shown(loop.time())

    return clock


def _sleep(original: Callable[[float], None]) -> Callable[[float], None]:
    def sleep(seconds: float) -> None:
        loop, job = _loop(), _job()
        if job is not None:
            job.sleep(seconds)
            if job.sleeps > _SLEEPS:
                refuse(f"a function on another thread that sleeps more than {_SLEEPS:,} times", _WAITS)
        elif loop is None:
            original(seconds)
        else:
            loop.world.blocked(f"time.sleep({seconds!r})", user_line())

    return sleep


def _urandom(original: Callable[..., bytes]) -> Callable[..., bytes]:
    def urandom(size: int, *flags: int) -> bytes:
        world = _world()
        return original(size, *flags) if world is None else bytes(world.random.randbytes(size))

    return urandom


def _is_running() -> bool:
    """Whether the program runs now, in the loop's thread or as a function on another one."""
    return _loop() is not None or _job() is not None


def _replacements() -> list[tuple[Any, str, Any]]:
    """Owner, name, and what stands there meanwhile."""
    pairs: list[tuple[Any, str, Any]] = [
        (time, "time", _clock(time.time, lambda now: now + EPOCH)),
        (time, "monotonic", _clock(time.monotonic, lambda now: now)),
        (time, "perf_counter", _clock(time.perf_counter, lambda now: now)),
        (time, "time_ns", _clock(time.time_ns, lambda now: round((now + EPOCH) * 1e9))),
        (time, "monotonic_ns", _clock(time.monotonic_ns, lambda now: round(now * 1e9))),
        (time, "perf_counter_ns", _clock(time.perf_counter_ns, lambda now: round(now * 1e9))),
        (time, "process_time", _clock(time.process_time, lambda now: now)),
        (time, "process_time_ns", _clock(time.process_time_ns, lambda now: round(now * 1e9))),
        (time, "thread_time", _clock(time.thread_time, lambda now: now)),
        (time, "thread_time_ns", _clock(time.thread_time_ns, lambda now: round(now * 1e9))),
        *dates.present_times(_is_running),
        (time, "sleep", _sleep(time.sleep)),
        (os, "urandom", _urandom(os.urandom)),
        *((os, name, _urandom(getattr(os, name))) for name in ("getrandom",) if hasattr(os, name)),
        *settings.remembering(_is_running),
        (random, "_urandom", _urandom(os.urandom)),
        (random, "seed", _seed(random.seed, bound=True)),
        (random.Random, "seed", _seed(random.Random.seed, bound=False)),
        (secrets, "token_bytes", _token_bytes(secrets.token_bytes)),
        (uuid, "uuid1", _uuid1(uuid.uuid1)),
        (threading, "get_ident", _present_thread(threading.get_ident)),
        (threading.Thread, "start", _thread_start(threading.Thread.start)),
        (threading.Condition, "wait", _waits(threading.Condition.wait)),
        (ALL, "add", called.registering(ALL.add)),
        (asyncio.tasks, "all_tasks", _all_tasks(asyncio.all_tasks)),
        (asyncio.base_events, "socket", _SocketModule("socket")),
        (ThreadPoolExecutor, "shutdown", executors.shutdown_instead(ThreadPoolExecutor.shutdown, _pool_of)),
        *refusals(_is_running),
        *changing_files.telling(_is_running),
    ]
    return pairs


def _pool_of(executor: Any) -> Pool | None:
    loop = _loop()
    return None if loop is None else loop.world.pool_of(executor)


class _SocketModule(ModuleType):
    """What :mod:`asyncio.base_events` takes for the module ``socket``: sockets of an explored loop are in memory."""

    def __getattr__(self, name: str) -> Any:
        return getattr(socket, name)

    def socket(self, *args: Any, **options: Any) -> Any:
        loop = _loop()
        return socket.socket(*args, **options) if loop is None else loop.world.network.socket()

    @property
    def getaddrinfo(self) -> Callable[..., Any]:
        """Asked for in the loop's thread, called on another one."""
        loop = _loop()
        return socket.getaddrinfo if loop is None else loop.world.network.resolve


def _present_thread(original: Callable[[], int]) -> Callable[[], int]:
    def present() -> int:
        return original() if _job() is None else OTHER_THREAD

    return present


def _waits(original: Callable[..., bool]) -> Callable[..., bool]:
    def wait(self: threading.Condition, timeout: float | None = None) -> bool:
        if _job() is not None:
            return refuse(
                "a function on another thread that waits for the loop or for a thread",
                _WAITS,
            )
        if _loop() is not None:
            return refuse("waiting for another thread, which stops the loop", "await it in the loop")
        return original(self, timeout)

    return wait


def _all_tasks(original: Callable[..., set[Any]]) -> Callable[..., set[Any]]:
    def all_tasks(loop: Any = None) -> set[Any]:
        return original(loop) if _loop() is None else WorldSet(original(loop))

    return all_tasks


def _token_bytes(original: Callable[..., bytes]) -> Callable[..., bytes]:
    def token_bytes(nbytes: int | None = None) -> bytes:
        world = _world()
        return original(nbytes) if world is None else bytes(world.random.randbytes(nbytes or secrets.DEFAULT_ENTROPY))

    return token_bytes


def _uuid1(original: Callable[..., uuid.UUID]) -> Callable[..., uuid.UUID]:
    def uuid1(node: int | None = None, clock_seq: int | None = None) -> uuid.UUID:
        world = _world()
        if world is None:
            return original(node, clock_seq)
        return uuid.UUID(bytes=world.random.randbytes(16), version=1)

    return uuid1


def _seed(original: Callable[..., None], *, bound: bool) -> Callable[..., None]:
    """Who is seeded with nothing is seeded with what the run draws. ``bound``: it is that of one source."""

    def seed(*given: Any, **options: Any) -> None:
        world = _world()
        rest = given if bound else given[1:]
        if world is not None and (rest or (options.get("a"),))[0] is None:
            drawn = world.random.getrandbits(256)
            given, options = (*given[: len(given) - len(rest)], drawn), {}
        original(*given, **options)

    return seed


def _thread_start(original: Callable[[threading.Thread], None]) -> Callable[[threading.Thread], None]:
    def start(self: threading.Thread) -> None:
        loop = _loop()
        if loop is None and _job() is None:
            original(self)
            return
        if loop is not None and is_worker(self):
            self.queue = WorkerQueue(self, loop.world)  # type: ignore[attr-defined]
            return
        refuse(
            f"a thread of the program's own ({self.name})",
            "use asyncio.to_thread or loop.run_in_executor, whose threads are explored",
        )

    return start


def _imports(original: Callable[..., Any]) -> Callable[..., Any]:
    """What an import statement asks: a module that is loaded already, and that nothing of the program has by name, is
    met here."""

    def imports(name: str, *args: Any, **options: Any) -> Any:
        module = original(name, *args, **options)
        if _loop() is not None or _job() is not None:
            names_from_it = args[2] if len(args) > 2 else options.get("fromlist")
            FIRST.meets(module if names_from_it else sys.modules.get(name))
        return module

    return imports


_NOTHING: Final = object()
_MODULES: Final[WeakKeyDictionary[ModuleType, tuple[int, bool, list[str]]]] = WeakKeyDictionary()
"""Module → what it held when it was looked at, and what came of that."""
_EXECUTING: Final[set[int]] = set()
"""Modules whose own code is running: which are being imported."""
_CLASSES: Final[list[tuple[ModuleType, str, Any]]] = [
    *called.called_classes(),
    (socket, "socket", program_sockets.STAND_IN),
    *((datetime, real.__name__, stand_in) for real, stand_in in dates.STAND_INS.items()),
]
"""Module, name of a class in it (or of what makes its objects), and what takes its place."""
_REAL_CLASSES: Final = [(owner, name, vars(owner)[name]) for owner, name, _ in _CLASSES]


class Patches:
    """Everything patched: where it is defined, and everywhere else that a module of the program or of an installed
    package holds it by name."""

    def __init__(self) -> None:
        self._put_back: list[tuple[Any, str, Any]] = []
        self._instead: dict[Any, Any] = {}
        self._asked = 0
        """Stands for what is patched."""
        self._met: set[int] = set()
        self._random = random.getstate()
        self._dates = dates.pickled()

    def put(self) -> None:
        """Patch what there is."""
        for owner, name, replacement in _replacements():
            self._instead[getattr(owner, name)] = replacement
            self._set(owner, name, replacement)
        self._set(asyncio, "all_tasks", asyncio.tasks.all_tasks)
        for owner, name, stand_in in _CLASSES:
            self._instead[getattr(owner, name)] = stand_in
            self._set(owner, name, stand_in)
        self._put_back.append((SourceFileLoader, "exec_module", _NOTHING))
        SourceFileLoader.exec_module = self._importing(SourceFileLoader.exec_module)  # type: ignore[method-assign]
        self._set(builtins, "__import__", _imports(builtins.__import__))
        self.put_in_modules()

    def put_in_modules(self) -> None:
        """Patch what modules hold that were imported since the last time."""
        self._instead = {**drawn_ids.drawing(_world), **self._instead}
        self._asked = hash(tuple(map(id, self._instead)))
        for module in list(sys.modules.values()):
            done = id(module) in self._met or id(module) in _EXECUTING
            if not done and issubclass(type(module), ModuleType):
                self._met.add(id(module))
                self._put_in(module)

    def _put_in(self, module: ModuleType) -> None:
        if module is asyncio.tasks or module is asyncio.taskgroups:
            self._inject(module)
        if not may_be_patched(vars(module).get("__file__") or "<"):
            return
        makes_sets, patched = self._known(module)
        if makes_sets:
            self._inject(module)
        for name in patched:
            value = vars(module)[name]
            if value not in dates.STAND_INS or dates.reads_today(module):
                self._set(module, name, self._instead[value])

    def _known(self, module: ModuleType) -> tuple[bool, list[str]]:
        """Whether code of this module makes sets, and what it has by name that is patched: as it was looked up for
        other runs, if the module still has the same."""
        held = hash((self._asked, *map(id, vars(module).values())))
        known = _MODULES.get(module)
        if known is None or known[0] != held:
            makes_sets = not STAND_INS.keys().isdisjoint(dates.names(module))
            kinds = {type(each) for each in self._instead if callable(each) and _hashable(each)}
            there = list(vars(module).items())
            patched = [name for name, value in there if type(value) in kinds and value in self._instead]
            known = _MODULES[module] = held, makes_sets, patched
        return known[1:]

    def _importing(self, original: Callable[..., None]) -> Callable[..., None]:
        """While a module's own code runs, which may derive classes from them, classes are the real ones. It is no step
        of the program, however long it takes."""
        patches = self

        def exec_module(self: Any, module: ModuleType) -> None:
            with FIRST.importing(module):
                _execute(original, self, module)
                if not _EXECUTING:  # those that were imported within are met then, too
                    patches.put_in_modules()

        return exec_module

    def _inject(self, module: ModuleType) -> None:
        """Sets that this module makes are looked at in an order that the world chooses."""
        for name, stand_in in STAND_INS.items():
            if name not in vars(module):
                self._put_back.append((module, name, _NOTHING))
                vars(module)[name] = stand_in

    def _set(self, owner: Any, name: str, replacement: Any) -> None:
        inherited = isinstance(owner, type) and name not in vars(owner)
        self._put_back.append((owner, name, _NOTHING if inherited else getattr(owner, name)))
        setattr(owner, name, replacement)

    def put_back(self) -> None:
        """Everything as it was."""
        for owner, name, original in reversed(self._put_back):
            if original is _NOTHING and isinstance(owner, ModuleType):
                vars(owner).pop(name, None)  # as it was put there; its class may delete in its own way
            elif original is _NOTHING:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
        self._put_back.clear()
        self._dates()
        random.setstate(self._random)


def _execute(original: Callable[..., None], loader: Any, module: ModuleType) -> None:
    """Run a module's own code, with the real classes."""
    held = [(owner, name, vars(owner)[name]) for owner, name, _ in _REAL_CLASSES]
    for owner, name, real in _REAL_CLASSES:
        setattr(owner, name, real)
    _EXECUTING.add(id(module))
    try:
        with overrun.unwatched():
            original(loader, module)
    finally:
        _EXECUTING.discard(id(module))
        for owner, name, before in held:
            setattr(owner, name, before)


def _hashable(value: object) -> bool:
    return type(value).__hash__ is not None and type(value).__module__ == "builtins"
