"""The outside world of one run: what it has still to do, and when it decides to do it."""

from __future__ import annotations

import gc
from asyncio import events
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from everyturn.asyncio.order.moments import Clock, Moment
from everyturn.asyncio.order.ordering import Numbers, name_in_sets
from everyturn.asyncio.order.sets import SetOrders
from everyturn.asyncio.runtime.collecting import unheld
from everyturn.asyncio.runtime.decisions import Decision, Guide
from everyturn.asyncio.runtime.errors import Abandoned, AtRest
from everyturn.asyncio.runtime.findings import ScenarioFinding, of_context, step_name
from everyturn.asyncio.runtime.loop import WorldLoop
from everyturn.asyncio.runtime.outside import DEFAULT_WORKERS, Answer, ErrorBudget, Job, Move, Pool
from everyturn.asyncio.runtime.services import WorldModel, WorldStore

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.asyncio.runtime.services import SessionOnlooker

LONGEST: Final = 10_000
"""Iterations after which a run is given up: it may never come to rest."""

LOOKS: Final = 32
"""After so many iterations each time it is looked whether the state was seen before, whatever the world decides."""

GO_ON: Final = "goes on"

COLLECTED: Final = "the garbage collector takes"


class ScenarioWorld:
    """What a scenario is given: the outside world of one run. ``watch`` is told what runs, where somebody wants to
    know."""

    onlooker: SessionOnlooker | None = None
    """Who is told what can be seen of a session from outside; it is a part of the state."""

    def __init__(self, guide: Guide, setting: Setting, watch: Callable[[str, Any], None] | None = None) -> None:
        self.guide = guide
        self.decisions: list[Decision] = []
        self.logged: list[Any] = []
        self.failures: list[ScenarioFinding] = []
        self.clock = Clock(self._decide)
        self.numbers = Numbers(setting.groups, self._decide, lambda: self.guide.foreseen() is not None)
        self.answers: list[Answer] = []
        self.orphans: list[Answer] = []
        self.arrived: list[events.Handle] = []
        self.kept: list[Moment] = []
        """The latest times of the answers that have arrived in this iteration, which were in time."""
        self.iterations = 0
        self.thread_moments = 0
        """How often other threads might have done something: before each append to the ready queue, and each step."""
        self.thread_moment: int | None = None
        """Which of these moments it is just now, if it is one."""
        self._asked = 0
        """How many answers were asked for."""
        self._jobs = 0
        """How many functions were given to other threads."""
        self.over = False
        self.settled = False
        """Nothing is decided any more: what garbage still does is judged, and no part of the run."""
        self.main: Any = None
        self.ending: Any = None
        """The task with which ``asyncio.run`` ends."""
        self.phase = "runs"
        self.unordered: set[type] = set()
        """Classes of objects that were met in sets that are ordered by addresses."""
        self.random = Random(0)
        self._longest, self._until = setting.longest, setting.until
        self._order = setting.order
        self._watch = watch
        self._in_thread = False
        self._ran = True
        """Whether code of the program has run since the onlooker looked."""
        self.made: list[Any] = []
        """Weak references to all tasks of the loop, in the order in which they were made."""
        self._pools: dict[int, tuple[Any, Pool]] = {}
        self._idle: list[tuple[Pool, Any]] = []
        self.orders = SetOrders(self._decide, name_in_sets)
        self.loop = WorldLoop(self, eager=setting.eager)
        self.own: frozenset[str] = frozenset(vars(self)) | {"own"}
        """Names of the world's own attributes; a scenario may hang others on it."""

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
        self.answers.append(Answer(name, future, result, errors, effect, until, budget, self._asked))
        self._asked += 1
        return future

    def model(self, *, pieces: int = 1) -> WorldModel:
        """A language model out there, whose answers come in so many ``pieces``, each of them at any time.

        ``await model(request)`` is the whole answer, ``async for piece in model.stream(request)`` has the pieces;
        ``request``: text, messages, whatever the program gives it.
        """
        if self.onlooker is not None:
            self.onlooker.taken.add("model")
        return WorldModel(self, pieces)

    def store(self) -> WorldStore:
        """A store out there: see :class:`~everyturn.asyncio.runtime.services.WorldStore` for what to await of it."""
        if self.onlooker is not None:
            self.onlooker.taken.add("store")
        return WorldStore(self)

    def log(self, *what: Any) -> None:
        """Note something that this run did: runs are compared by what they note."""
        self.logged.append(what[0] if len(what) == 1 else what)
        self._tell("log", what)

    # What the loop asks.

    def select(self, *, wait: bool) -> list[Any]:
        """The handles of the answers that have arrived; with ``wait`` nothing else is ready, so something must come."""
        self.between_steps()
        self.numbers.neighbours.step_ends()
        self.clock.tick()
        self.iterations += 1
        if self.iterations > self._longest or (self._until is not None and monotonic() >= self._until):
            raise Abandoned
        self.arrived, self.kept = [], []
        if self.iterations % LOOKS == 0:
            self.guide.look()
        while self._arrives(wait=wait):
            pass
        arrived, self.arrived = self.arrived, []
        return arrived

    def _arrives(self, *, wait: bool) -> bool:
        """Whether one more thing comes in this iteration; raises :class:`AtRest` if nothing can."""
        self._forget_unwanted()
        moves = self._moves()
        if not wait or self.arrived or self.loop._ready:
            timer, ends = None, self._can_be(None)
        else:
            timer = self.loop._scheduled[0] if self.loop._scheduled else None  # type: ignore[attr-defined]
            ends = timer is not None and self._can_be(timer._when)
        must = [move for move in moves if not move[2]]
        if not must and not ends and not self.arrived and wait and timer is None and not self.loop._ready:
            if not moves or self._decide("rest", ("rests", *(move[0] for move in moves))) == 0:
                raise AtRest
            moves[self.decisions[-1].taken - 1][1]()
            return True
        options = ([GO_ON] if ends else []) + [move[0] for move in moves]
        taken = self._decide("arrives", options) - ends
        if taken < 0:
            self._pass(timer)
            return False
        moves[taken][1]()
        return True

    def _moves(self) -> list[tuple[str, Callable[[], None], bool]]:
        """What can come now: its name, what it does, and whether it may never come as well."""
        moves: list[tuple[str, Callable[[], None], bool]] = []
        for answer in self.answers:
            if not answer.happened:
                moves.append((f"{answer.name} happens", partial(self._happen, answer), False))
                continue
            for way, name in enumerate(answer.ways):
                moves.append((f"{name}{answer.verb}", partial(self._arrive, answer, way), False))
        moves += [(f"{each.name} happens, unwanted", partial(self._happen_late, each), True) for each in self.orphans]
        moves += [(name, move, False) for name, move in self._thread_moves()]
        if lost := self._unheld():
            moves.append((f"{COLLECTED} {', '.join(lost)}", self._collect, True))
        return moves

    def _unheld(self) -> list[str]:
        """Tasks that the collector may take; not looked for where it is known that there are none."""
        foreseen = self.guide.foreseen()
        if foreseen is not None and not any(each.startswith(COLLECTED) for each in foreseen):
            return []
        return unheld(self)

    def _collect(self) -> None:
        told = f"{COLLECTED} {', '.join(unheld(self))}, which nobody refers to"
        self._tell("world", Move(told, "collected"))
        gc.collect()

    def _happen(self, answer: Answer) -> None:
        self._tell("world", Move(f"{answer.name} happens", "happens", answer.number))
        self._ran = True
        answer.happen()

    def _arrive(self, answer: Answer, way: int) -> None:
        told = f"{answer.ways[way]}{answer.verb}"
        self._tell("world", Move(told, answer.what, answer.number, way))
        self.answers.remove(answer)
        self.answers += answer.arrive(way)
        if answer.until is not None:
            self.kept.append(answer.until)
        self.arrived.append(events.Handle(answer.deliver, (way,), self.loop, None))

    def _happen_late(self, answer: Answer) -> None:
        self.orphans.remove(answer)
        self._tell("world", Move(f"{answer.name} happens, though nobody waits for it", "happens", answer.number))
        self._ran = True
        answer.happen()

    def _forget_unwanted(self) -> None:
        for answer in [each for each in self.answers if not each.wanted]:
            self.answers.remove(answer)
            if not answer.happened:
                self.orphans.append(answer)

    def _can_be(self, due: Any) -> bool:
        """Whether the present instant can be one at which ``due`` has come and no answer is later than promised."""
        return self.clock.possible(self._bounds(due))

    def _pass(self, timer: Any) -> None:
        for later, earlier, nanoseconds in self._bounds(timer and timer._when):
            self.clock.require(later, earlier, nanoseconds)

    def _bounds(self, due: Any) -> list[tuple[int, int, int]]:
        now = self.clock.now
        bounds = []
        if due is not None:
            moment = self.clock.moment(due)
            bounds.append((moment.instant, now, -moment.offset))
        promised = [answer.until for answer in self.answers if answer.until is not None]
        bounds += [(now, until.instant, until.offset - 1) for until in promised]
        return bounds + [(now, until.instant, until.offset) for until in self.kept]

    # Other threads.

    def submit(self, executor: Any, func: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        """A function for a thread of ``executor`` (nothing: the default one): a future of :mod:`concurrent.futures`."""
        name = getattr(func, "__qualname__", None) or getattr(getattr(func, "func", None), "__qualname__", "function")
        job = Job(str(name).rpartition(".")[2], partial(func, *args), self._jobs)
        self._jobs += 1
        self._pool(executor).submit(job)
        return job.future

    def _pool(self, executor: Any) -> Pool:
        if id(executor) not in self._pools:
            workers = getattr(executor, "_max_workers", DEFAULT_WORKERS)
            self._pools[id(executor)] = executor, Pool(workers)
        return self._pools[id(executor)][1]

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
        if self._in_thread or self.over or self.settled:
            return
        self.thread_moment, self.thread_moments = self.thread_moments, self.thread_moments + 1
        try:
            while moves := self._thread_moves():
                taken = self._decide(moment, (GO_ON, *(name for name, _ in moves)))
                if taken == 0:
                    return
                moves[taken - 1][1]()
        finally:
            self.thread_moment = None

    def _thread_moves(self) -> list[tuple[str, Callable[[], None]]]:
        moves: list[tuple[str, Callable[[], None]]] = []
        for pool in self.pools:
            for job in pool.begun:
                if job.ran or job.future.cancelled():
                    name = f"{job.name} ends on its thread"
                    move = Move(name, "ends", job.number)
                    moves.append((name, partial(self._thread, move, self._job_ends, pool, job)))
                else:
                    name = f"{job.name} runs on a thread"
                    moves.append((name, partial(self._thread, Move(name, "runs", job.number), job.run)))
        for pool, future in self._idle:
            if pool.idle:
                name = "the executor is idle"
                moves.append((name, partial(self._thread, Move(name, "idles"), self._is_idle, pool, future)))
        return moves

    def _job_ends(self, pool: Pool, job: Job) -> None:
        pool.finished(job)
        job.arrive()

    def _is_idle(self, pool: Pool, future: Any) -> None:
        self._idle.remove((pool, future))
        self.loop.call_soon_threadsafe(lambda: future.done() or future.set_result(None))

    def _thread(self, what: Move, move: Callable[..., None], *args: Any) -> None:
        self._tell("world", what)
        self._in_thread = self.loop.thread_calls = self._ran = True
        try:
            move(*args)
        finally:
            self._in_thread = self.loop.thread_calls = False

    def next_step(self, ready: Sequence[Any]) -> int:
        """Which of the handles that are ready in this iteration is run next: the first, unless any order is
        explored."""
        if self._order == "fifo" or len(ready) == 1:
            return 0
        return self._decide("next", [step_name(handle) for handle in ready])

    def tasks(self) -> list[Any]:
        """All tasks that have not ended, in the order in which they were made."""
        return [task for task in (each() for each in self.made) if task is not None and not task.done()]

    # What is noted.

    def seen(self, what: object) -> None:
        """Something was seen from outside."""
        self._tell("seen", what)

    def between_steps(self) -> None:
        """No code of the program is running: whoever looks on looks, if some has run since it did."""
        if self.onlooker is not None and self._ran and not (self.over or self.settled):
            self._ran = False
            self.onlooker.look()

    def becomes_ready(self, handle: Any) -> None:
        """The loop is to run ``handle``."""
        if self.onlooker is not None and not (self.over or self.settled):
            self.onlooker.becomes_ready(handle)

    def steps(self, handle: Any) -> None:
        """The loop takes ``handle`` to run it."""
        self._ran = True
        if self.onlooker is not None:
            self.onlooker.steps(handle)
        if self._watch is not None:
            self._tell("step", handle)

    def rests(self) -> None:
        """Nothing is ready, and nothing more can come."""
        self._tell("rest", self)

    def blocked(self, what: str, where: str) -> None:
        """The loop's own thread was blocked: noted, and done in no time."""
        if not self.over:
            self.failures.append(
                ScenarioFinding("blocked", f"{what} blocks the event loop and everything on it", where)
            )

    def failed(self, context: dict[str, Any]) -> None:
        """What the loop's exception handler is told."""
        if not self.over:
            self.failures.append(of_context(context))

    def _tell(self, kind: str, what: Any) -> None:
        if self._watch is not None:
            self._watch(kind, what)

    def _decide(self, kind: str, options: Sequence[str]) -> int:
        if len(options) == 1 or self.over or self.settled:
            return 0
        options = _told_apart(options)
        taken = self.guide.choose(kind, options)
        self.decisions.append(Decision(kind, tuple(options), taken))
        if self._watch is not None:
            self._tell("decision", self.decisions[-1])
        return taken


def _told_apart(options: Sequence[str]) -> Sequence[str]:
    """The options, those of one name numbered: a run is found again by the words of its decisions."""
    if len(set(options)) == len(options):
        return options
    return [
        f"{each} ({number})" if (number := list(options[:place]).count(each) + 1) > 1 else each
        for place, each in enumerate(options)
    ]
