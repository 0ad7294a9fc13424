"""Makes one recorded run on asyncio's own event loop: what a script for it is made of.

This file is copied into the script as it stands, behind the constants of the run, so it needs nothing but Python. The
loop is asyncio's ``SelectorEventLoop``. What happens outside of the program is scripted: what its selector reports,
what its clock shows, when another thread's result is appended to its ready queue, and in which order a set of tasks is
iterated (which is that of their addresses otherwise).
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextvars
import functools
import gc
import importlib
import importlib.util
import itertools
import operator
import os
import random
import selectors
import sys
import time
import uuid
import weakref
from pathlib import Path
from typing import Any

from everyturn.asyncio.connections.selector import WorldSelector
from everyturn.asyncio.control.drawn_ids import draw_by_the_run
from everyturn.asyncio.order.called import EAGER_FACTORY, called_classes, registering
from everyturn.asyncio.telling.stock_comparison import alike, how_they_stand
from everyturn.asyncio.telling.stock_imports import StandIn, StandIns
from everyturn.asyncio.telling.stock_places import REGISTERED, ScriptedFuture, ScriptedPlaces, ScriptedTask

NAME = ""
FOLDERS: list[str] = []
SELECTS: dict[int, list[tuple[str, int, int]]] = {}
MOMENTS: dict[int, list[tuple[str, int, int]]] = {}
RESTS: list[int] = []
TIMES: list[float] = [1000.0]
FINE = False
EAGER = False
NOTED: list[str] = []
STANDING: list[str] = []
# what follows is the same for every run

CONNECTING: list[Any] = []
"""What is called with the loop, if the run has connections, before the program is imported."""
EPOCH = 1_700_000_000.0 - 1000.0


class ScriptedWorld:
    """The outside world that the program is given: each answer and each thread comes when the script says so."""

    onlooker = None
    over = settled = False

    def __init__(self, loop: Any) -> None:
        self.loop = loop
        self.random = random.Random(0)
        self.logged: list[Any] = []
        self.noted: list[str] = []
        self._answers: dict[int, list[Any]] = {}
        self._jobs: dict[int, list[Any]] = {}
        self._asked = itertools.count()
        self._given = itertools.count()
        self._idle: Any = None
        self.in_thread = False
        self.slept = 0.0
        """How long the function on another thread has slept."""
        self.coming: dict[int, Any] = {}
        """What comes from outside, unasked."""
        self.network: Any = None
        """Its connections, if there are some."""
        self.missing: list[str] = []
        """What the script lets happen, and the program has not asked for."""

    def io(
        self,
        name: str,
        result: Any = None,
        *,
        errors: Any = (),
        effect: Any = None,
        within: float | None = None,
        budget: Any = None,
    ) -> Any:
        future = self.loop.create_future()
        if within is not None:
            self.loop.time()
        self._answers[next(self._asked)] = [future, result, tuple(errors), effect]
        return future

    def log(self, *what: Any) -> None:
        entry = what[0] if len(what) == 1 else what
        self.logged.append(entry)
        self.noted.append(repr(entry))
        print("notes", entry)

    def says(self, *_: Any, **__: Any) -> None:
        """What matters only where time is simulated, or a session is judged."""

    takes = fails = measure = gives = says

    def submit(self, executor: Any, function: Any, /, *args: Any, **options: Any) -> Any:
        future: Any = concurrent.futures.Future()
        self._jobs[next(self._given)] = [future, functools.partial(function, *args, **options), None, None]
        return future

    async def executor_idle(self) -> None:
        self._idle = self.loop.create_future()
        await self._idle

    # What the script lets happen.

    def arrives(self, number: int, way: int) -> asyncio.Handle:
        return asyncio.Handle(self._deliver, (self._answers.pop(number), way), self.loop, None)

    def _deliver(self, answer: list[Any], way: int) -> None:
        future, result, errors, _ = answer
        if future.done():
            return
        if way == 0:
            future.set_result(result)
        else:
            error = errors[way - 1]
            future.set_exception(error() if isinstance(error, type) else error)

    def comes(self, number: int, way: int) -> asyncio.Handle:
        return asyncio.Handle(self.coming[number], (), self.loop, None)

    def ready(self, number: int, way: int) -> tuple[selectors.SelectorKey, int]:
        found: tuple[selectors.SelectorKey, int] = self.network.ready(number, way)
        return found

    def happens(self, number: int, way: int) -> None:
        answer = self._answers[number]
        value = answer[3]()
        answer[1] = value if answer[1] is None else answer[1]

    def runs(self, number: int, way: int) -> None:
        job = self._jobs[number]
        if not job[0].set_running_or_notify_cancel():
            return
        running, self.slept = asyncio._get_running_loop(), 0.0
        asyncio._set_running_loop(None)
        try:
            job[2] = contextvars.Context().run(job[1])
        except Exception as error:  # noqa: BLE001 # it belongs to whoever waits for the result
            job[3] = error
        finally:
            self.slept = 0.0
            asyncio._set_running_loop(running)

    def sleeps(self, seconds: Any) -> None:
        if self.in_thread:
            self.slept += seconds
        else:
            print(f"time.sleep({seconds!r}) blocks the loop")

    def ends(self, number: int, way: int) -> None:
        future, _, value, error = self._jobs.pop(number)
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)

    def idles(self, number: int, way: int) -> None:
        idle = self._idle
        self.loop.call_soon_threadsafe(lambda: idle.done() or idle.set_result(None))

    def collected(self, number: int, way: int) -> None:
        gc.collect()

    def do(self, moves: list[tuple[str, int, int]]) -> list[tuple[selectors.SelectorKey, int]]:
        """Let this happen; what the selector tells of the answers and connections among it."""
        events = []
        for what, number, way in moves:
            of = {"runs": self._jobs, "ends": self._jobs, "comes": self.coming, "ready": self.loop.selector.keys}
            if what not in ("idles", "collected") and number not in of.get(what, self._answers):
                self.missing.append(f"{what} {number}")
                continue
            self.in_thread = what in ("runs", "ends", "idles")
            try:
                found = getattr(self, what)(number, way)
            finally:
                self.in_thread = False
            if what == "ready":
                events.append(found)
            elif what in ("arrives", "comes"):
                events.append((selectors.SelectorKey(0, 0, 1, (found, None)), selectors.EVENT_READ))
        return events


class ScriptedLoop(asyncio.SelectorEventLoop):
    """asyncio's loop: its clock, and what its selector reports, are the script's."""

    def __init__(self) -> None:
        super().__init__()
        self.outside = ScriptedWorld(self)
        self.numbers = ScriptedPlaces()
        self.names = itertools.count(1)
        self.looks = self.turn = 0
        self.made: list[Any] = []
        self.selector = WorldSelector(self.select)
        self.stock_selector, self._selector = self._selector, self.selector  # type: ignore[has-type]
        self._clock_resolution = 1e-9
        if MOMENTS:
            self._ready = ScriptedReadyQueue(self.outside)
        if EAGER:
            self.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]

    def time(self) -> float:
        now = TIMES[min(self.turn, len(TIMES) - 1)]
        if sys._getframe(1).f_code.co_name == "_run_once":
            return now
        looks, self.looks = self.looks, self.looks + 1
        return now + (looks / 1e9 if FINE else 0)

    def select(self, timeout: Any = None) -> list[Any]:
        self.turn += 1
        self.looks = 0
        events = self.outside.do(SELECTS.get(self.turn, []))
        if self.turn in RESTS or self.turn > max(RESTS):
            self.stop()
        return events

    def create_future(self) -> Any:
        return ScriptedFuture(loop=self)

    def create_task(self, coro: Any, **options: Any) -> Any:
        factory = self.get_task_factory()
        if factory is None:
            return self.new_task(coro, **options)
        if factory in (EAGER_FACTORY, getattr(asyncio, "eager_task_factory", EAGER_FACTORY)):
            return self.new_task(coro, **options, eager_start=True)
        given = options.pop("name", None)
        task: Any = factory(self, coro, **options)
        if given is not None:
            task.set_name(given)
        return task

    def new_task(self, coro: Any, *, name: Any = None, **options: Any) -> Any:
        return ScriptedTask(coro, loop=self, name=name or f"Task-{next(self.names)}", **options)

    def called(self, kind: type, args: Any, options: dict[str, Any]) -> Any:
        options = {name: each for name, each in options.items() if name != "loop"}
        if issubclass(kind, asyncio.Task):
            return self.new_task(*args, **options)
        return ScriptedFuture(*args, loop=self, **options)

    def registers(self, task: Any) -> None:
        self.made.append(weakref.ref(task))


class ScriptedReadyQueue(collections.deque[Any]):
    """The ready queue, for a run in which another thread's result comes inside an iteration of the loop."""

    def __init__(self, outside: ScriptedWorld) -> None:
        super().__init__()
        self.outside = outside
        self.moments = itertools.count()

    def moment(self) -> None:
        self.outside.do(MOMENTS.get(next(self.moments), []))

    def append(self, handle: Any) -> None:
        if not self.outside.in_thread:
            self.moment()
        super().append(handle)

    def popleft(self) -> Any:
        self.moment()
        return super().popleft()


def patch(loop: ScriptedLoop) -> None:
    """Clocks and randomness of the run, and threads that are the script's. Before the program is imported."""

    def shown(original: Any, show: Any) -> Any:
        def clock() -> Any:
            runs = loop.outside.in_thread or asyncio._get_running_loop() is not None
            return show(loop.time() + loop.outside.slept) if runs else original()

        return clock

    for name, more in (("time", EPOCH), ("monotonic", 0.0), ("perf_counter", 0.0)):
        shows = functools.partial(operator.add, more)
        setattr(time, name, shown(getattr(time, name), shows))
        in_nanoseconds = functools.partial(lambda more, now: round((now + more) * 1e9), more)
        setattr(time, f"{name}_ns", shown(getattr(time, f"{name}_ns"), in_nanoseconds))
    uuid.uuid1 = lambda *_: uuid.UUID(bytes=loop.outside.random.randbytes(16), version=1)
    for owner, name, stand_in in called_classes():
        setattr(owner, name, stand_in)
    REGISTERED.add = registering(REGISTERED.add)
    time.sleep = loop.outside.sleeps
    os.urandom = loop.outside.random.randbytes
    random._urandom = loop.outside.random.randbytes  # type: ignore[attr-defined]
    pool: Any = concurrent.futures.ThreadPoolExecutor
    pool.submit = functools.partialmethod(_submit, loop.outside)


def _submit(executor: Any, outside: ScriptedWorld, function: Any, /, *args: Any, **options: Any) -> Any:
    return outside.submit(executor, function, *args, **options)


def stand_ins() -> dict[str, Any]:
    """What names of the project that wrote this stand for, if the program needs some."""
    return {}


def as_program(scenario: Any) -> Any:
    """What is run."""
    return scenario


async def at_the_end(loop: ScriptedLoop, left: list[Any]) -> None:
    """What ``asyncio.run`` does when the main task has ended."""
    await asyncio.gather(*left, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.outside.executor_idle()


def made_run() -> int:
    """Make the run: 0 if all is as it was recorded, what is wrong with it included; else 3."""
    loop = ScriptedLoop()
    patch(loop)
    for each in CONNECTING:
        each(loop)
    sys.path[:0] = [str(Path.cwd()), *(str(Path(folder).resolve()) for folder in FOLDERS)]
    if stand_ins() or importlib.util.find_spec(StandIn.NAME) is None:  # one that is there is taken
        StandIns({"scenario": lambda function: function, **stand_ins()}).take_over()
    module, _, attribute = NAME.partition(":")
    imported = importlib.import_module(module)
    draw_by_the_run(lambda: None if asyncio._get_running_loop() is None else loop.outside)
    scenario = as_program(operator.attrgetter(attribute)(imported))
    gc.collect()
    gc.freeze()
    gc.disable()
    random.seed(0)
    asyncio.set_event_loop(loop)
    return contextvars.Context().run(_made, loop, scenario)


def _made(loop: ScriptedLoop, scenario: Any) -> int:
    async def main() -> Any:
        return await scenario(loop.outside)

    task = loop.create_task(main(), name="main")
    _to_rest(loop)
    standing = how_they_stand(_waiting(loop), task, Path(__file__))
    for line in standing:
        print(f"at rest, {line}")
    noted, found = (NOTED, STANDING), (list(loop.outside.noted), standing)
    if not task.done() and len(RESTS) == 1:
        print("nothing is ready, and nothing more can come: the scenario never ends")
    if len(RESTS) > 1:
        _end(loop)
    same = alike(noted) == alike(found) and not loop.outside.missing
    if not same:
        missing = f", and was not asked for what {', '.join(loop.outside.missing)}" if loop.outside.missing else ""
        print(f"NOT the recorded run: expected {noted}; found {found}{missing}")
    del task
    gc.collect()
    sys.stdout.flush()
    return 0 if same else 3


def _to_rest(loop: ScriptedLoop) -> None:
    try:
        loop.run_forever()
    except SystemExit as error:
        print(f"the program ends the process: {error!r}")


def _end(loop: ScriptedLoop) -> None:
    left = _waiting(loop)
    for each in left:
        each.cancel()
    end = loop.create_task(at_the_end(loop, left), name="end of asyncio.run")
    _to_rest(loop)
    if not end.done():
        print("asyncio.run never ends: it cancels what is left, and something does not end")


def _waiting(loop: ScriptedLoop) -> list[Any]:
    """The tasks that have not ended, in the order in which they were made."""
    return [task for task in (each() for each in loop.made) if task is not None and not task.done()]


if __name__ == "__main__":
    code = made_run()
    sys.stdout.flush()
    os._exit(code)
