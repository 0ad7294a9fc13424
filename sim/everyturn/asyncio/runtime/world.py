"""The outside world of one run: what it has still to do, and when it decides to do it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextvars import Context
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.connections.network import Network
from everyturn.asyncio.order.clock import Clock
from everyturn.asyncio.order.ordering import Numbers, name_in_sets
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.order.sets import SetOrders
from everyturn.asyncio.runtime import executors
from everyturn.asyncio.runtime.arriving import Arriving, RunProgress, WorldMove
from everyturn.asyncio.runtime.blocking import was_ended
from everyturn.asyncio.runtime.collecting import unheld
from everyturn.asyncio.runtime.decisions import GO_ON, Decision, Guide, told_apart
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.findings import ScenarioFinding, of_context, step_name
from everyturn.asyncio.runtime.loop import WorldLoop
from everyturn.asyncio.runtime.outside import (
    DEFAULT_WORKERS,
    IN_ONE_STEP,
    Answer,
    ErrorBudget,
    HowLong,
    Job,
    Move,
    Pool,
    Timing,
)
from everyturn.asyncio.runtime.places import user_line
from everyturn.asyncio.runtime.services import WorldModel, WorldStore

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.asyncio.runtime.services import SessionOnlooker

LONGEST: Final = 10_000
"""Iterations after which a run is given up: it may never come to rest."""


_OURS: Final[set[int]] = set()
"""The addresses of the globals of modules that set attributes of a world, and may."""
_set: Final = object.__setattr__


class ScenarioWorld(Arriving):
    """What a scenario is given: the outside world of one run. ``watch`` is told what runs, where somebody wants to
    know."""

    onlooker: SessionOnlooker | None = None
    """Who is told what can be seen of a session from outside; it is a part of the state."""

    own: frozenset[str] = frozenset()
    """Names of the world's own attributes; a scenario may hang others on it."""

    def __init__(self, guide: Guide, setting: Setting, watch: Callable[[str, Any], None] | None = None) -> None:
        self.guide = guide
        self.decisions: list[Decision] = []
        self.logged: list[Any] = []
        self.failures: list[ScenarioFinding] = []
        self.clock = Clock(self._decide)
        self.numbers = Numbers(setting.groups, self._decide, lambda: self.guide.foreseen() is not None)
        self.answers: list[Answer] = []
        self.orphans: list[Answer] = []
        self.progress = RunProgress()
        self.over = self.settled = False
        """Settled: nothing is decided any more: what garbage still does is judged, and no part of the run."""
        self.main: Any = None
        self.ending: Any = None
        """The task with which ``asyncio.run`` ends."""
        self.phase = "runs"
        self.unordered: set[type] = set()
        """Classes of objects that were met in sets that are ordered by addresses."""
        self.alone: set[type] = set()
        """Classes of objects that are hashed by their addresses, and were met in sets of which they are all."""
        self.random = Random(0)
        self._longest, self._until = setting.longest, setting.until
        self._watch = watch
        self.held_by: dict[int, tuple[int, ...]] = {}
        """Address of a task → the addresses of what holds it, one after another, when that was last looked for."""
        self.made: list[Any] = []
        """Weak references to all tasks of the loop, in the order in which they were made."""
        self.timing = Timing()
        self.given: set[str] = set()
        """The services that the program was given."""
        self._pools: dict[int, tuple[Any, Pool]] = {}
        self._idle: list[tuple[Pool, Any]] = []
        self.orders = SetOrders(self._decide, name_in_sets)
        self.network = Network(self._decide, _unknown)
        """Connections in memory; a scenario says here who is at the far ends."""
        self.loop = WorldLoop(self, eager=setting.eager, in_turn=setting.order == "fifo")
        self.network.watched = self.loop.selector.keys
        self._guards = type(self).__module__.startswith("everyturn.")
        self.own = frozenset(vars(self)) | {"own"}

    def __setattr__(self, name: str, value: Any) -> None:
        names = sys._getframe(1).f_globals
        if id(names) not in _OURS and name in self.own and self._guards and not _is_ours(names):
            raise Unsupported(
                f"{user_line()}: world.{name} = …: expected a name of the scenario's own, such as my_{name}; found one "
                "that the world needs itself"
            )
        _set(self, name, value)

    # What a scenario uses.

    def io(
        self,
        name: str,
        result: Any = None,
        *,
        errors: Sequence[BaseException | type[BaseException]] = (),
        effect: Callable[[], Any] | None = None,
        within: float | None = None,
        budget: ErrorBudget | None = None,
    ) -> Any:
        """One answer of the outside world, to be awaited.

        ``result``: its value; without one, what ``effect()`` returns. ``errors``: exceptions that it may be instead.
        ``effect``: what it does out there, once, before the answer arrives; where the wait is cancelled it may have
        happened, happen later, or never. ``within``: the latest time, in seconds after now, at which it arrives.
        ``budget``: bounds how many answers, of all that have it, are errors.
        """
        future = self.loop.create_future()
        until = self.clock.read() + within if within is not None else None
        self.answers.append(Answer(name, future, result, errors, effect, until, budget, self.progress.asked))
        self.progress.asked += 1
        return future

    def model(self, *, pieces: int = 1) -> WorldModel:
        """A language model out there, whose answers come in so many ``pieces``, each of them at any time.

        ``await model(request)`` is the whole answer, ``async for piece in model.stream(request)`` has the pieces;
        ``request``: text, messages, whatever the program gives it.
        """
        self.gives("model")
        return WorldModel(self, pieces)

    def store(self) -> WorldStore:
        """A store out there: see :class:`~everyturn.asyncio.runtime.services.WorldStore` for what to await of it."""
        self.gives("store")
        return WorldStore(self)

    def gives(self, service: str) -> None:
        """The program is given a ``model``, a model behind an ``endpoint``, or a ``store``."""
        self.given.add(service)
        if self.onlooker is not None:
            self.onlooker.taken.add("model" if service == "endpoint" else service)

    def takes(self, name: str, seconds: HowLong) -> None:
        """Say how long it takes where time is simulated: what is asked for by a name that begins so.

        ``seconds``: a number, a distribution of :mod:`everyturn.studies.distributions`, or a function that draws with
        a :class:`random.Random`. In free time it takes any time, whatever is said here.
        """
        self.timing.latencies[name] = seconds

    def fails(self, name: str, probability: float) -> None:
        """Say how often, where time is simulated, what begins with this name is one of its errors."""
        self.timing.failing[name] = probability

    def measure(self, name: str, seconds: float) -> None:
        """Note a duration; where time is simulated it is told how they are distributed over all runs."""
        self.timing.measured.append((name, seconds))

    def process(self, generator: Generator[Any, Any, Any]) -> Any:
        """Run a SimPy process beside the program, and await its value. Only where time is simulated."""
        raise Unsupported(f"{user_line()}: a SimPy process: expected simulated time (fuzz --time simulated)")

    @property
    def environment(self) -> Any:
        """The SimPy environment on which the program runs. Only where time is simulated."""
        raise Unsupported(f"{user_line()}: the SimPy environment: expected simulated time (fuzz --time simulated)")

    @property
    def draws(self) -> Random:
        """Random numbers of this run, for what the scenario simulates. Only where time is simulated."""
        raise Unsupported(f"{user_line()}: random numbers of a run: expected simulated time (fuzz --time simulated)")

    def log(self, *what: Any) -> None:
        """Note something that this run did: runs are compared by what they note."""
        self.logged.append(what[0] if len(what) == 1 else what)
        self._tell("log", what)

    # Other threads.

    def submit(self, executor: Any, func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """A function for a thread of ``executor`` (nothing: the default one): a future of :mod:`concurrent.futures`."""
        short = str(getattr(_itself(func), "__qualname__", "function")).rpartition(".")[2]
        job = Job(short, partial(func, *args), self.progress.jobs, self, executors.thread_name(executor))
        self.progress.jobs += 1
        if func != self.network.resolve:
            self.orders.trusted.add(IN_ONE_STEP)
        self._pool(executor).submit(job)
        NOW.threads = NOW.threads or job.place > 0
        return job.future

    def _pool(self, executor: Any) -> Pool:
        if id(executor) not in self._pools:
            workers = getattr(executor, "_max_workers", DEFAULT_WORKERS)
            self._pools[id(executor)] = executor, Pool(workers)
        return self._pools[id(executor)][1]

    def pool_of(self, executor: Any) -> Pool | None:
        """The pool of an executor that was given something to run."""
        known = self._pools.get(id(executor))
        return None if known is None else known[1]

    def executors(self) -> list[tuple[Any, Pool]]:
        """The executors of this run, none for the default one, each with its pool."""
        return list(self._pools.values())

    @property
    def pools(self) -> tuple[Pool, ...]:
        """The pools of all executors of this run."""
        return tuple(pool for _, pool in self._pools.values())

    async def executor_idle(self, executor: Any) -> None:
        """Return when no thread of ``executor`` has anything to do, as its shutdown would."""
        future = self.loop.create_future()
        self._idle.append((self._pool(executor), future))
        await future

    def other_threads(self, moment: str) -> None:
        """Other threads may do something just now."""
        progress = self.progress
        if progress.in_thread or self.over or self.settled:
            return
        progress.thread_moments += 1
        if not self._pools:
            return
        progress.thread_moment = progress.thread_moments - 1
        try:
            while moves := self._thread_moves():
                taken = self._decide(moment, (GO_ON, *(each.name for each in moves)))
                if taken == 0:
                    return
                moves[taken - 1].make()
        finally:
            progress.thread_moment = None

    def _thread_moves(self) -> list[WorldMove]:
        moves: list[WorldMove] = []
        if not self._pools:
            return moves
        for pool in self.pools:
            for job in pool.begun:
                if job.ran or job.future.cancelled():
                    if not self.clock.possible(job.late_enough() + self._bounds(None)):
                        continue
                    name = f"{job.name} ends on its thread"
                    make = partial(self._thread, Move(name, "ends", job.number), self._job_ends, pool, job)
                else:
                    name = f"{job.name} runs on a thread"
                    make = partial(self._thread, Move(name, "runs", job.number), job.run)
                moves.append(WorldMove(name, make, source=job))
        for pool, future in self._idle:
            if pool.idle:
                name = "the executor is idle"
                moves.append(
                    WorldMove(
                        name, partial(self._thread, Move(name, "idles"), self._is_idle, pool, future), source=pool
                    )
                )
        return moves

    def _falls_asleep(self) -> bool:
        jobs = (job for pool in self.pools for job in pool.begun) if self._pools else ()
        return any(job.until is not None and job.until.instant == self.clock.now for job in jobs)

    def _job_ends(self, pool: Pool, job: Job) -> None:
        for bound in job.late_enough():
            self.clock.require(*bound)
        pool.finished(job)
        job.arrive()

    def _is_idle(self, pool: Pool, future: Any) -> None:
        self._idle.remove((pool, future))
        self.loop.call_soon_threadsafe(lambda: future.done() or future.set_result(None))

    def _thread(self, what: Move, move: Callable[..., None], *args: Any) -> None:
        self._tell("world", what)
        self.progress.in_thread = self.loop.thread_calls = self.progress.ran = True
        try:
            move(*args)
        finally:
            self.progress.in_thread = self.loop.thread_calls = False

    def next_step(self, ready: Sequence[Any]) -> int:
        """Which of the handles that are ready in this iteration is run next, where any order is explored."""
        return self._decide("next", [step_name(handle) for handle in ready])

    def _lost(self) -> list[str]:
        """Names of the tasks that wait and that nobody holds."""
        return unheld(self)

    def tasks(self) -> list[Any]:
        """All tasks that have not ended, in the order in which they were made."""
        return [task for task in (each() for each in self.made) if task is not None and not task.done()]

    # What is noted.

    def seen(self, what: object) -> None:
        """Something was seen from outside."""
        self._tell("seen", what)

    def between_steps(self) -> None:
        """No code of the program is running: whoever looks on looks, if some has run since it did."""
        if self.onlooker is not None and self.progress.ran and not (self.over or self.settled):
            self.progress.ran = False
            self.onlooker.look()

    def becomes_ready(self, handle: Any) -> None:
        """The loop is to run ``handle``."""
        if self.onlooker is not None and not (self.over or self.settled):
            self.onlooker.becomes_ready(handle)

    def steps(self, handle: Any) -> None:
        """The loop takes ``handle`` to run it."""
        self.progress.ran = True
        if self.onlooker is not None:
            self.onlooker.steps(handle)
        if self._watch is not None:
            self._tell("step", handle)

    def rests(self) -> None:
        """Nothing is ready, and nothing more can come; or the program has ended the process."""
        self._tell("rest", self)

    def blocked(self, what: str, where: str) -> None:
        """The loop's own thread was blocked: noted, and done in no time."""
        if not self.over:
            self.failures.append(
                ScenarioFinding("blocked", f"{what} blocks the event loop and everything on it", where)
            )

    def failed(self, context: dict[str, Any]) -> None:
        """What the loop's exception handler is told, but for what has ended a step from outside."""
        if not self.over and not was_ended(context.get("exception")):
            self.failures.append(of_context(context))

    def _tell(self, kind: str, what: Any) -> None:
        if self._watch is not None:
            self._watch(kind, what)

    def _choose(self, kind: str, options: Sequence[str]) -> int:
        return self.guide.choose(kind, options)

    def _decide(self, kind: str, options: Sequence[str]) -> int:
        if len(options) == 1 or self.over or self.settled:
            return 0
        options = told_apart(options)
        taken = self._choose(kind, options)
        self.decisions.append(Decision(kind, options, taken))
        if self._watch is not None:
            self._tell("decision", self.decisions[-1])
        return taken


def _itself(function: Any) -> Any:
    """The program's function in what a thread is given: within partials, and not the ``run`` of a context."""
    while isinstance(function, partial):
        in_context = isinstance(getattr(function.func, "__self__", None), Context) and function.args
        function = function.args[0] if in_context else function.func
    return function


def _is_ours(names: dict[str, Any]) -> bool:
    """Whether these are the globals of a module of this project, which stays where it is."""
    ours = str(names.get("__name__")).startswith("everyturn.")
    if ours:
        _OURS.add(id(names))
    return ours


def _unknown(address: tuple[str, int]) -> None:
    raise Unsupported(
        f"{user_line()}: a connection to {address[0]}:{address[1]}: expected a server of the program, or one that the "
        "scenario speaks of (world.network.serve); found none"
    )
