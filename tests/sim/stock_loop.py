"""The stock event loop as the referee: with real sockets, threads and time; and driven along a recorded run."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import heapq
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from random import Random
from typing import Any
from weakref import ref

from tests.sim.asyncio_programs import UNIT, Body, interpret

from everyturn.asyncio.runtime.decisions import ByWords
from everyturn.asyncio.runtime.errors import AtRest
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting
from everyturn.asyncio.runtime.world import ScenarioWorld

QUIET = 10 * UNIT
"""Seconds without anything happening after which a program is taken to be at rest."""


class _Sender(threading.Thread):
    """Writes to sockets at the times it was given, as peers in the outside world would."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.due: list[tuple[float, int, socket.socket]] = []
        self.changed = threading.Condition()
        self.over = False

    def send(self, peer: socket.socket, delay: float) -> None:
        with self.changed:
            heapq.heappush(self.due, (time.monotonic() + delay, id(peer), peer))
            self.changed.notify()

    def run(self) -> None:
        while not self.over:
            with self.changed:
                wait = self.due[0][0] - time.monotonic() if self.due else 0.05
                if wait > 0:
                    self.changed.wait(wait)
                    continue
                peer = heapq.heappop(self.due)[2]
            with contextlib.suppress(OSError):
                peer.send(b"x")


class Real:
    """The outside world of a run on the stock loop: answers come through sockets after random delays."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seed: int, sender: _Sender) -> None:
        self.loop = loop
        self.random = Random(seed)
        self.sender = sender
        self.logged: list[Any] = []
        self.open: list[socket.socket] = []
        self.waiting = 0
        self.also_busy: Callable[[], bool] = lambda: False

    def log(self, *what: Any) -> None:
        self.logged.append(what[0] if len(what) == 1 else what)

    def io(self, name: str) -> Any:
        ours, peer = socket.socketpair()
        ours.setblocking(False)
        self.open += [ours, peer]
        future = self.loop.create_future()
        self.waiting += 1

        def arrived() -> None:
            self.loop.remove_reader(ours)
            self.waiting -= 1
            if not future.done():
                future.set_result(None)

        self.loop.add_reader(ours, arrived)
        self.sender.send(peer, self.random.choice((0, 0, UNIT / 3, UNIT, UNIT * 1.5, UNIT * 3)))
        return future


def run_for_real(body: Body, seed: int, sender: _Sender) -> tuple[Any, ...]:
    """What the program notes in one run on the stock loop, at the pace that ``seed`` says."""
    with unseen():
        noted = _for_real(body, seed, sender)
        gc.collect()
    return noted


def _for_real(body: Body, seed: int, sender: _Sender) -> tuple[Any, ...]:
    loop = asyncio.SelectorEventLoop()
    real = Real(loop, seed, sender)
    loop.set_exception_handler(lambda loop, context: None)
    main = loop.create_task(interpret(body, real))
    try:
        to_rest(loop, real)
        if main.done() and not main.cancelled():
            main.exception()
    finally:
        throw_away(loop, real)
    return tuple(real.logged)


def to_rest(loop: Any, real: Real) -> None:
    """Run until nothing is ready, no timer is set, nothing is asked for: then as long again, to be sure."""
    still = 0

    def look() -> None:
        nonlocal still
        ready = [each for each in loop._ready if getattr(each._callback, "__name__", "") != "_read_from_self"]
        idle = not ready and not [each for each in loop._scheduled if not each._cancelled]
        busy = real.waiting or real.also_busy() or _working(loop)
        still = still + 1 if idle and not busy else 0
        if still >= 2:
            loop.stop()
        else:
            looking[0] = loop_timer(look)

    def loop_timer(callback: Any) -> threading.Timer:
        timer = threading.Timer(QUIET / 4, lambda: loop.call_soon_threadsafe(callback))
        timer.daemon = True
        timer.start()
        return timer

    looking = [loop_timer(look)]
    loop.run_forever()


def _working(loop: Any) -> bool:
    executor = loop._default_executor
    return executor is not None and executor._work_queue.qsize() > 0


def throw_away(loop: Any, real: Real) -> None:
    logged = tuple(real.logged)
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
        task.cancel()
    with contextlib.suppress(Exception):
        loop.run_until_complete(asyncio.wait_for(asyncio.sleep(0), 1))
    if loop._default_executor is not None:
        loop._default_executor.shutdown(wait=True)
    for each in real.open:
        with contextlib.suppress(Exception):
            loop.remove_reader(each)
        each.close()
    loop.close()
    real.logged = list(logged)


def sender() -> _Sender:
    made = _Sender()
    made.start()
    return made


class Driven(ScenarioWorld):
    """A recorded run, made on the stock selector loop: its selector, clock and ready queue follow the trace."""

    def __init__(self, recorded: ScenarioOutcome, setting: Setting, times: list[float]) -> None:
        words = [(each.kind, each.word) for each in recorded.decisions if each.kind != "time"]
        self.words = ByWords(words)
        super().__init__(self.words, setting)
        numbers = self.numbers
        stock: Any = asyncio.SelectorEventLoop()
        ours: Any = self.loop
        self.loop = stock
        stock.world, stock.numbers, stock.orders, stock.thread_calls = self, numbers, self.orders, False
        stock.time = self.shown
        self.selector = stock._selector
        stock._selector = self
        stock._process_events = lambda handles: [stock._add_callback(each) for each in handles]
        stock._ready = _Following(self)
        stock._write_to_self = lambda: None
        stock.run_in_executor = lambda executor, func, *args: asyncio.wrap_future(
            self.submit(executor, func, args), loop=stock
        )
        from everyturn.asyncio.order.ordering import WorldFuture, WorldTask

        def task(coroutine: Coroutine[Any, Any, Any], **options: Any) -> Any:
            options["name"] = options.get("name") or f"Task-{len(self.made)}"  # the first is the main one
            made = WorldTask(coroutine, loop=stock, **options)
            self.made.append(ref(made))
            return made

        stock.create_task = task
        stock.create_future = lambda: WorldFuture(loop=stock)
        stock.set_exception_handler(lambda loop, context: None)
        stock._clock_resolution = 1e-9
        self._times = times
        ours.close()

    def _can_be(self, due: Any) -> bool:
        return True

    def _pass(self, timer: Any) -> None:
        pass

    def shown(self) -> float:
        """The clock: it moves on with each look of the program, as recorded, and not with those of the loop itself."""
        by_the_loop = sys._getframe(1).f_code.co_name == "_run_once"
        return self._times[min(self.clock.now, len(self._times) - 1)] + (0 if by_the_loop else self.clock.moved() / 1e9)

    def select(self, timeout: Any = None, *, wait: bool = False) -> list[Any]:
        self.loop._ready.left = None
        return super().select(wait=timeout is None or timeout > 0)


class _Following(deque[Any]):
    """The ready queue of a driven loop: what other threads bring comes where the trace has it."""

    def __init__(self, world: Driven) -> None:
        super().__init__()
        self.world = world
        self.left: int | None = None

    def append(self, handle: Any) -> None:
        if not self.world.progress.in_thread:
            self.world.other_threads("inside a step")
        super().append(handle)

    def popleft(self) -> Any:
        self.world.other_threads("between steps")
        return super().popleft()


def drive(
    scenario: Scenario, recorded: ScenarioOutcome, setting: Setting, times: list[float]
) -> tuple[list[Any], str | None]:
    """What the stock loop notes along the recorded run, and where it left it, if it did."""
    gc.collect()
    gc.freeze()  # what a collection would take is looked for among what this run has made
    try:
        with unseen():
            driven = contextvars.Context().run(_along, scenario, recorded, setting, times)
            gc.collect()
    finally:
        gc.unfreeze()
    return driven


@contextlib.contextmanager
def unseen() -> Iterator[None]:
    """Nothing is said of exceptions in what is thrown away."""
    hook, sys.unraisablehook = sys.unraisablehook, lambda unraisable: None
    try:
        yield
    finally:
        sys.unraisablehook = hook


def _along(
    scenario: Scenario, recorded: ScenarioOutcome, setting: Setting, times: list[float]
) -> tuple[list[Any], str | None]:
    world = Driven(recorded, setting, times)
    loop: Any = world.loop
    main = loop.create_task(scenario(world), name="main")
    with contextlib.suppress(AtRest):
        loop.run_forever()
    if main.done() and not main.cancelled():
        main.exception()
    logged = list(world.logged)
    world.over = True
    for task in asyncio.all_tasks(loop):
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    loop._ready.clear()
    loop._selector = world.selector
    loop.close()
    return logged, world.words.strayed
