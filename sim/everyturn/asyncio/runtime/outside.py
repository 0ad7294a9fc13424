"""What the outside world has still to do for a program: answers to give, functions to run on other threads."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from threading import get_ident
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple, Protocol

from everyturn.asyncio.order.moments import Moment
from everyturn.asyncio.runtime.apart import apart
from everyturn.asyncio.runtime.thread_locals import ThreadLocals, of_thread

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.world import ScenarioWorld

DEFAULT_WORKERS: Final = 32
"""The workers of the default executor: as many as CPython gives a large machine."""


class Drawn(Protocol):
    """A distribution of durations."""

    def sampler(self, random: Random) -> Callable[[], float]:
        """What draws one after the other, in seconds."""
        ...


HowLong = float | Drawn | Callable[[Random], float]
"""How long something takes, in seconds."""


class Timing:
    """What a scenario says of time where it is simulated, and the durations that it has noted.

    ``latencies``: beginning of a name → how long what is asked for by it takes; ``failing``: → the probability that it
    is one of its errors.
    """

    def __init__(self) -> None:
        self.latencies: dict[str, HowLong] = {}
        self.failing: dict[str, float] = {}
        self.measured: list[tuple[str, float]] = []


class ErrorBudget:
    """So many errors may still come, of several answers together."""

    def __init__(self, left: int) -> None:
        self.left = left


class Move(NamedTuple):
    """Something that the world does; ``told``: for a reader.

    ``what``: an answer ``arrives`` or ``happens``, something ``comes`` unasked, a job ``runs`` or ``ends``, the
    executor ``idles``, garbage is ``collected``; ``number``: of the answer or job, in the order in which they were
    asked for, or of what comes; ``way``: in which an answer arrives.
    """

    told: str
    what: str
    number: int = 0
    way: int = 0

    def __str__(self) -> str:
        return self.told


class Answer:
    """One answer of the outside world: asked for, then arrived in one of several ways.

    ``ways``: name → what it is, a value or an exception to raise. ``effect`` is what it does out there; it happens
    before the answer arrives, and may happen although nobody waits for the answer any more.
    """

    verb = " arrives"
    """What is said behind its name."""
    what = "arrives"
    """What the world does with it."""

    def __init__(
        self,
        name: str,
        future: asyncio.Future[Any],
        result: Any,
        errors: Sequence[BaseException | type[BaseException]],
        effect: Callable[[], Any] | None,
        until: Any,
        budget: ErrorBudget | None = None,
        number: int = 0,
    ) -> None:
        self.name = name
        self.number = number
        self.future = future
        self.result = result
        self.errors = tuple(errors)
        self.effect = effect
        self.until = until
        self.budget = budget
        self.happened = effect is None
        self.moves: list[Any] | None = None
        """What can come of it, if that was put together and is so until it happens: not with a ``budget``."""

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        return not self.future.done()

    @property
    def ways(self) -> tuple[str, ...]:
        """The names of the ways in which it can arrive."""
        if self.budget is not None and not self.budget.left:
            return (self.name,)
        return (self.name, *(f"{self.name}: {_error_name(error)}" for error in self.errors))

    def arrive(self, way: int) -> Sequence[Answer]:
        """It arrives in this way; what can come from now on."""
        if way and self.budget is not None:
            self.budget.left -= 1
        return ()

    def happen(self) -> None:
        """Do what it does out there."""
        self.happened, self.moves = True, None
        if self.effect is not None:
            value = self.effect()
            self.result = value if self.result is None else self.result

    def deliver(self, way: int) -> None:
        """What the loop's handle does when the answer has arrived in this way."""
        if self.future.done():
            return
        if way == 0:
            self.future.set_result(self.result)
        else:
            error = self.errors[way - 1]
            self.future.set_exception(error() if isinstance(error, type) else error)


def _error_name(error: BaseException | type[BaseException]) -> str:
    return error.__name__ if isinstance(error, type) else type(error).__name__


class OutsideCall(Answer):
    """Something that comes from outside once, unasked: then the loop calls ``call``.

    ``following``: what can come as soon as this has come, and not before.
    """

    verb = ""
    what = "comes"

    def __init__(
        self, name: str, call: Callable[[], Any], following: Sequence[Answer] = (), *, number: int = 0
    ) -> None:
        super().__init__(
            name,
            None,  # type: ignore[arg-type] # nobody waits for it
            (call, tuple(following)),
            (),
            None,
            None,
            number=number,
        )

    @property
    def wanted(self) -> bool:
        """It comes, whoever waits."""
        return True

    def arrive(self, way: int) -> Sequence[Answer]:
        """It comes; what can come from now on."""
        following: Sequence[Answer] = self.result[1]
        return following

    def deliver(self, way: int) -> None:
        """What the loop's handle does."""
        self.result[0]()


OTHER_THREAD: Final = 1
"""What a function on another thread is told that its thread is called by the system."""


@contextmanager
def _present(thread: threading.Thread) -> Iterator[None]:
    """Who asks for the present thread (``threading.current_thread``) is told of this one."""
    known: dict[int, threading.Thread] = vars(threading)["_active"]
    known[OTHER_THREAD] = thread
    try:
        yield
    finally:
        del known[OTHER_THREAD]


IN_ONE_STEP: Final = (
    "a function on another thread runs in one step: what comes between two lines of it, on the loop or on a third "
    "thread, is not looked at"
)


class Job:
    """A function that another thread runs: it runs in one step, and later its result arrives.

    It may sleep: then its result arrives so much later, and the clock that it reads is that of its own thread.
    """

    thread: ClassVar[int | None] = None
    """The (real) thread on which one runs just now; others of the process have nothing to do with it."""
    running: ClassVar[Job | None] = None
    """The one that runs there."""

    def __init__(
        self, name: str, call: Callable[[], Any], number: int, world: ScenarioWorld, thread_name: str = "asyncio"
    ) -> None:
        self.name = name
        self.number = number
        self.call = call
        self.world = world
        self.thread_name = thread_name
        self.slept, self.sleeps = 0.0, 0
        self.until: Moment | None = None
        """The moment before which its result cannot arrive, if it has slept."""
        self.kept: ThreadLocals = {}
        """What its thread keeps."""
        self.place = 0
        """The number of its thread in the pool."""
        self.future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        self.ran = False
        self._value: Any = None
        self._error: BaseException | None = None

    def run(self) -> None:
        """Run the function, as a thread without a loop and without context variables would."""
        self.ran = True
        if not self.future.set_running_or_notify_cancel():
            return
        thread = threading.Thread(name=f"{self.thread_name}_{self.place}")  # which asks for the present one, too
        Job.thread, Job.running = get_ident(), self
        try:
            with apart(), _present(thread), of_thread(self.kept):
                self._value = contextvars.Context().run(self.call)
        except Exception as error:  # noqa: BLE001 # it belongs to whoever waits for the result
            self._error = error
        finally:
            Job.thread = Job.running = None

    @classmethod
    def here(cls) -> Job | None:
        """The one that asks, if a function of one does: of the program, on whatever thread it is told to be."""
        return cls.running if cls.thread == get_ident() else None

    def time(self) -> Any:
        """What the clock shows on its thread."""
        return self.world.clock.read() + self.slept

    def sleep(self, seconds: float) -> None:
        """Its thread sleeps, beside the loop."""
        if seconds < 0:
            raise ValueError("sleep length must be non-negative")
        self.slept += float(seconds)
        self.sleeps += 1
        self.until = self.world.clock.present() + self.slept

    def late_enough(self) -> list[tuple[int, int, int]]:
        """What holds of the present instant where its result arrives: a bound of the clock, if it has slept."""
        until = self.until
        return [] if until is None else [(until.instant, self.world.clock.now, -until.offset)]

    def arrive(self) -> None:
        """Give the result to whoever waits: :mod:`concurrent.futures` then calls ``call_soon_threadsafe``."""
        if self.future.cancelled():
            return
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(self._value)


class Pool:
    """The threads of one executor: so many jobs run at once, begun in the order in which they were submitted, each by
    the first thread that is idle."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.waiting: list[Job] = []
        self.begun: list[Job] = []
        self.threads: list[ThreadLocals] = []
        """What each of its threads keeps."""

    def submit(self, job: Job) -> None:
        """Take one more job."""
        self.waiting.append(job)
        self._begin()

    def _begin(self) -> None:
        while self.waiting and len(self.begun) < self.workers:
            job = self.waiting.pop(0)
            taken = {each.place for each in self.begun}
            job.place = next(place for place in range(self.workers) if place not in taken)
            if job.place == len(self.threads):
                self.threads.append({})
            job.kept = self.threads[job.place]
            self.begun.append(job)

    def finished(self, job: Job) -> None:
        """The thread of ``job`` is free again."""
        self.begun.remove(job)
        self._begin()

    @property
    def idle(self) -> bool:
        """Whether no thread has anything to do."""
        return not self.begun
