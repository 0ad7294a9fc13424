"""An event loop whose clock and selector are the world's. All else is CPython's own ``BaseEventLoop``.

So an iteration is exactly CPython's on every version: handles that are ready keep their place, a handle is appended for
each answer that has arrived, timers that are due follow as the heap yields them, and as many handles as are ready then
are run, first in, first out. What comes from other threads may be appended at any moment: between two handles, and
inside one before any append that it makes itself.
"""

from __future__ import annotations

import asyncio
import re
import socket
from asyncio import events, futures, selector_events
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from heapq import heappush
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Final, NoReturn
from weakref import WeakKeyDictionary

from everyturn.asyncio.connections.selector import WorldSelector
from everyturn.asyncio.order.called import EAGER_FACTORY
from everyturn.asyncio.order.moments import Before, earliest
from everyturn.asyncio.order.neighbours import OwnReference
from everyturn.asyncio.order.ordering import WorldFuture, WorldTask
from everyturn.asyncio.runtime import executors, program_sockets
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.places import user_line
from everyturn.world import overrun

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

_RESOLUTION = 1e-9
_AUTOMATIC = re.compile(r"Task-\d+")


class _ReadyQueue(deque[Any]):
    """The ready queue. Other threads' results may come before each append, and between two handles."""

    def __init__(self, world: ScenarioWorld, *, in_turn: bool) -> None:
        super().__init__()
        self._world = world
        self._in_turn = in_turn
        self.left: int | None = None
        """How many handles are still to be run in this iteration; nothing before the first."""

    def append(self, handle: Any) -> None:
        self._world.other_threads("inside a step")
        self._world.becomes_ready(handle)
        super().append(handle)

    def append_from_thread(self, handle: Any) -> None:
        """Append what another thread brings: nothing comes before it."""
        self._world.becomes_ready(handle)
        super().append(handle)

    def popleft(self) -> Any:
        overrun.passed()
        if self.left is None:
            self.left = len(self)
        self._world.between_steps()
        self._world.other_threads("between steps")
        place = 0 if self._in_turn or self.left == 1 else self._world.next_step(list(islice(self, self.left)))
        self.left -= 1
        if place:
            handle = self[place]
            del self[place]
        else:
            handle = super().popleft()
        self._world.steps(handle)
        return handle


class _Timer(events.TimerHandle):
    """A timer. One that was cancelled is compared as it was made: nothing is decided for it."""

    def __lt__(self, other: Any) -> bool:
        if self._cancelled or getattr(other, "_cancelled", False):
            return earliest(self.when()) < earliest(other.when())
        return bool(self.when() < other.when())


class _OpenGenerators:
    """Async generators that have begun and not ended, in the order in which they began: asyncio has a weak set of them,
    which is in the order of their addresses."""

    def __init__(self) -> None:
        self._held: WeakKeyDictionary[Any, None] = WeakKeyDictionary()

    def add(self, generator: Any) -> None:
        self._held[generator] = None

    def clear(self) -> None:
        self._held.clear()

    def discard(self, generator: Any) -> None:
        self._held.pop(generator, None)

    def __len__(self) -> int:
        return len(self._held)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._held)


class WorldLoop(selector_events.BaseSelectorEventLoop):
    """The loop of one run. What it cannot control is an :class:`Unsupported`."""

    def __init__(self, world: ScenarioWorld, *, eager: bool = False, in_turn: bool = True) -> None:
        self.selector = WorldSelector(self.select)
        super().__init__(self.selector)  # type: ignore[arg-type] # it is one in all that the loop asks
        self.world = world
        self.numbers = world.numbers
        self.orders = world.orders
        self._ready = _ReadyQueue(world, in_turn=in_turn)
        self._asyncgens = _OpenGenerators()
        self._clock_resolution = _RESOLUTION
        self._in_select = False
        self._selected = False
        """Whether the loop has looked at its selector, and not yet at the clock after that."""
        self.thread_calls = False
        self._names = count(1)
        self.given_names: dict[int, str] = {}
        """Names of tasks that the program has given them, by their addresses: automatic ones are no part of a state."""
        self.sequence = count()
        """Hashes of objects that are hashed in the order in which they come."""
        self._signals: dict[int, Any] = {}
        self.own: frozenset[str] = frozenset(vars(self)) | {"own"}
        """Names of the loop's own attributes; a program may hang others on it."""
        if eager:
            self.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]

    # What the world decides.

    def time(self) -> Any:
        """The present instant, or just before a select: any moment before what is next."""
        if self._in_select:
            return _BEFORE
        if self._selected:
            self._selected = False
            return self.world.clock.present() if self._scheduled else 0.0  # type: ignore[attr-defined] # for no timer
        return self.world.clock.read()

    def _run_once(self) -> None:
        self._in_select = True
        super()._run_once()  # type: ignore[misc]

    def select(self, timeout: Any) -> list[tuple[events.Handle, int]]:
        """What has arrived when the loop looks, or after it has waited (``timeout`` not 0)."""
        overrun.passed()
        self._in_select, self._selected = False, True
        self._ready.left = None
        return self.world.select(wait=timeout is None or timeout != 0)

    def _process_events(self, event_list: list[events.Handle]) -> None:
        for handle in event_list:
            self._add_callback(handle)  # type: ignore[attr-defined]

    def _make_self_pipe(self) -> None:
        """The world knows when something is ready."""

    def _close_self_pipe(self) -> None:
        """There is none."""

    def _write_to_self(self) -> None:
        """There is nobody to be woken."""

    # Tasks and futures.

    def create_future(self) -> Any:
        return WorldFuture(loop=self)

    def create_task(self, coro: Any, **options: Any) -> Any:
        self._check_closed()  # type: ignore[attr-defined]
        factory = self.get_task_factory()
        if factory is None:
            return self.new_task(coro, **options)
        if factory in (EAGER_FACTORY, getattr(asyncio, "eager_task_factory", EAGER_FACTORY)):
            return self.new_task(coro, **options, eager_start=True)
        given = options.pop("name", None)
        task: Any = factory(self, coro, **options)
        if all(each() is not task for each in reversed(self.world.made)):
            self.registers(task)
        if given is not None:
            task.set_name(self.gives(given))
        return task

    def new_task(self, coro: Any, *, name: object = None, **options: Any) -> Any:
        """A task of the loop's own class."""
        return WorldTask(coro, loop=self, name=self._name(name), **options)

    def called(self, kind: type, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """What a program makes by calling ``asyncio.Task``, ``asyncio.Future`` or ``socket.socket``."""
        if issubclass(kind, socket.socket):
            return program_sockets.made(self.world.network, args, options)
        options = {name: each for name, each in options.items() if name != "loop"}
        if issubclass(kind, asyncio.Task):
            return self.new_task(*args, **options)
        return WorldFuture(*args, loop=self, **options)

    def registers(self, task: Any) -> None:
        """There is one more task of this loop, however it was made. Automatic names are numbered by loops here."""
        if not isinstance(task, WorldTask) and _AUTOMATIC.fullmatch(task.get_name()):
            (asyncio.Task if isinstance(task, asyncio.Task) else type(task)).set_name(task, self._name(None))
        self.world.made.append(OwnReference(task))

    def _name(self, given: object) -> str:
        return f"Task-{next(self._names)}" if given is None else self.gives(given)

    def gives(self, name: object) -> str:
        """Remember a name that the program gives a task."""
        given = str(name)
        self.given_names[id(given)] = given
        return given

    def call_at(self, when: Any, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        if when is None:
            raise TypeError("when cannot be None")
        self._check_closed()  # type: ignore[attr-defined]
        timer = _Timer(when, callback, args, self, context)
        heappush(self._scheduled, timer)  # type: ignore[attr-defined]
        timer._scheduled = True  # type: ignore[attr-defined]
        return timer

    # Other threads.

    def call_soon_threadsafe(self, callback: Any, *args: Any, context: Any = None) -> Any:  # type: ignore[override]
        self._check_closed()  # type: ignore[attr-defined]
        handle = events.Handle(callback, args, self, context)
        self._ready.append_from_thread(handle) if self.thread_calls else self._ready.append(handle)
        return handle

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        self._check_closed()  # type: ignore[attr-defined]
        if executor is None and self._executor_shutdown_called:
            raise RuntimeError("Executor shutdown has been called")
        executors.check(executor or self._default_executor)  # type: ignore[attr-defined]
        done = self.world.submit(executor or self._default_executor, func, args)  # type: ignore[attr-defined]
        return futures.wrap_future(done, loop=self)

    def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Coroutine[Any, Any, Any]:
        hosts = self.world.network.hosts
        if not (host is None or host in hosts or host in hosts.values() or str(host).startswith("127.")):
            raise Unsupported(
                f"{user_line()}: the address of {host!r}: expected localhost, or a host that the scenario speaks of "
                "(world.network.serve); found another one"
            )
        return super().getaddrinfo(host, port, **options)

    def shutdown_default_executor(self, timeout: float | None = None) -> Coroutine[Any, Any, None]:
        self._executor_shutdown_called = True
        return self.world.executor_idle(self._default_executor)  # type: ignore[attr-defined]

    # What frameworks set and what never happens here.

    def add_signal_handler(self, sig: int, callback: Any, *args: Any) -> None:  # type: ignore[override]
        self._signals[sig] = (callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        return self._signals.pop(sig, None) is not None

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.world.failed(context)
        if self.get_exception_handler() is not None:
            super().call_exception_handler(context)

    def default_exception_handler(self, context: dict[str, Any]) -> None:
        """The world has it already."""


def _refuse(name: str, instead: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **options: Any) -> NoReturn:
        raise Unsupported(f"{user_line()}: {name}: expected what can be controlled while exploring; {instead}")

    return method


ENCRYPTED: Final = "what is encrypted is explored as it is before: without TLS"
_SOCKETS = "use world.io(...) for an answer of the outside world"
_STREAMS = "use asyncio.open_connection, start_server, or world.io(...) for an answer of the outside world"
for _name, _instead in {
    "create_unix_connection": _STREAMS,
    "create_unix_server": _STREAMS,
    "create_datagram_endpoint": _SOCKETS,
    "getnameinfo": _SOCKETS,
    "connect_read_pipe": _SOCKETS,
    "connect_write_pipe": _SOCKETS,
    "sendfile": _STREAMS,
    "start_tls": ENCRYPTED,
    "_make_ssl_transport": ENCRYPTED,
    "subprocess_exec": "a subprocess is stood for by world.io(...)",
    "subprocess_shell": "a subprocess is stood for by world.io(...)",
}.items():
    setattr(WorldLoop, _name, _refuse(_name, _instead))


def _in_memory(name: str) -> Callable[..., Any]:
    """The method of this name for sockets in memory and their descriptors only."""
    original = getattr(selector_events.BaseSelectorEventLoop, name)

    def method(self: Any, sock: Any, *args: Any, **options: Any) -> Any:
        _check_socket(self, name, sock)
        return original(self, sock, *args, **options)

    return method


def _check_socket(loop: WorldLoop, name: str, sock: Any) -> None:
    descriptor = sock if isinstance(sock, int) else getattr(getattr(sock, "_sock", sock), "descriptor", None)
    if descriptor is None or (isinstance(sock, int) and sock not in loop.world.network.sockets):
        raise Unsupported(
            f"{user_line()}: {name}: expected a socket that can be controlled while exploring; found {sock!r:.60}; "
            f"{_STREAMS}"
        )


def _with_socket(name: str) -> Callable[..., Any]:
    """The method of this name, whose option ``sock`` may only be a socket in memory."""
    original = getattr(selector_events.BaseSelectorEventLoop, name)

    def method(self: Any, *args: Any, **options: Any) -> Any:
        if options.get("sock") is not None:
            _check_socket(self, name, options["sock"])
        return original(self, *args, **options)

    return method


for _name in (
    "add_reader",
    "remove_reader",
    "add_writer",
    "remove_writer",
    "sock_recv",
    "sock_recv_into",
    "sock_recvfrom",
    "sock_sendall",
    "sock_sendto",
    "sock_connect",
    "sock_accept",
):
    setattr(WorldLoop, _name, _in_memory(_name))
for _name in ("create_connection", "create_server"):
    setattr(WorldLoop, _name, _with_socket(_name))

_BEFORE = Before(0.0)
