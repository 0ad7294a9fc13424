"""The outside world of one run in simulated time, on a SimPy environment.

Callbacks take no time, waiting takes what is drawn, and a timer fires at its time. Every choice is one that the world
has in free time as well, made by what the clock of the simulation says: so a simulated run is a run of free time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from random import Random
from typing import Any, Final, NamedTuple

import simpy

from everyturn.asyncio.runtime.arriving import WorldMove
from everyturn.asyncio.runtime.decisions import GO_ON, Guide
from everyturn.asyncio.runtime.errors import AtRest, Unsupported
from everyturn.asyncio.runtime.outside import Answer, HowLong, Job, OutsideCall
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.studies.distributions import Exponential

USUAL: Final = Exponential(1.0)
"""How long it takes where nothing is said."""
_NEVER: Final = math.inf
_CONNECTIONS: Final = "network"
_THREADS: Final = "thread"


class _Planned(NamedTuple):
    """When something outside happens, when it arrives, in which way: whole nanoseconds of the simulation."""

    happens: float
    arrives: float
    way: int


class _Process(Answer):
    """The value of a SimPy process, for whoever awaits it."""

    ended = False
    error: Any = None

    def deliver(self, way: int) -> None:
        """Its value, or the exception in which it ended."""
        if self.error is None:
            super().deliver(way)
        elif not self.future.done():
            self.future.set_exception(self.error)


class SimulatedWorld(ScenarioWorld):
    """A world whose choices follow from virtual time. ``seed``: of all that is drawn; ``usual``: what takes how long
    where the scenario does not say."""

    def __init__(
        self,
        guide: Guide,
        setting: Setting,
        watch: Callable[[str, Any], None] | None = None,
        *,
        seed: str,
        usual: HowLong = USUAL,
    ) -> None:
        super().__init__(guide, setting, watch=watch)
        self._environment = simpy.Environment()
        self._draws = Random(seed)
        self._usual = usual
        self._plans: dict[Any, _Planned] = {}
        self._next: int | None = None
        """The place of what comes next among the moves; -1 for going on, nothing for rest."""
        self.clock.actual = self._actual = [0]

    @property
    def environment(self) -> simpy.Environment:
        """The SimPy environment on which the program runs."""
        return self._environment

    @property
    def draws(self) -> Random:
        """Random numbers of this run, by seed and number."""
        return self._draws

    def process(self, generator: Generator[Any, Any, Any]) -> Any:
        """Run a SimPy process beside the program, and await its value, or the exception that it ends in."""
        process = self._environment.process(generator)
        name = getattr(generator, "__qualname__", "process").rpartition(".")[2]
        answer = _Process(name, self.loop.create_future(), None, (), None, None)
        self.answers.append(answer)

        def ended(event: simpy.Event) -> None:
            answer.ended, answer.result = True, event.value
            if not event.ok:
                event.defused = True
                answer.error = event.value

        assert process.callbacks is not None
        process.callbacks.append(ended)
        return answer.future

    def calls(self, name: str, function: Callable[[], Any]) -> None:
        """What a SimPy process uses to call the program: the loop calls ``function`` now."""
        call = OutsideCall(name, function)
        self._plans[call] = _Planned(self._actual[-1], self._actual[-1], 0)
        self.answers.append(call)

    # What is decided.

    def _choose(self, kind: str, options: Sequence[str]) -> int:
        if kind == "time":
            return 0 if self.clock.holds else 1
        if kind == "arrives":
            assert self._next is not None
            return self._next + (options[0] == GO_ON)
        if kind == "rest":
            return 0 if self._next is None else self._next + 1
        if kind in ("order in sets", "next"):
            return self._draws.randrange(len(options))
        return 0  # nothing comes within a step, bytes come whole, the clock moves on

    def _plan(self, moves: Sequence[WorldMove], timer: Any, *, waits: bool) -> bool:
        """Let time pass until something is due, where the loop waits; then say what comes next."""
        self._forget(moves)
        asked = len(self.answers)
        when = _NEVER if timer is None else self._when(timer)
        limit = min(when, self._earliest(moves)) if waits else self._actual[-1]
        while self._processes_until(limit):
            if len(self.answers) != asked:  # a process calls the program
                return True
            limit = min(limit, self._earliest(moves)) if waits else limit
        if waits and limit == _NEVER:
            self._next = None
            if not all(move.optional for move in moves):
                raise AtRest
            return False
        self._pass_to(limit)
        self._next = self._comes_next(moves)
        return False

    def _comes_next(self, moves: Sequence[WorldMove]) -> int:
        owed = [place for place, move in enumerate(moves) if _is_owed(move)] if self.network.owes else []
        if owed:
            return owed[0]
        if self._earliest(moves) > self._actual[-1]:
            return -1
        return min(range(len(moves)), key=lambda place: self._due(moves[place]))

    def _processes_until(self, limit: float) -> bool:
        """Make the next step of the SimPy processes, if one is due until then; whether one was."""
        peek = self._environment.peek()
        if peek == _NEVER or _nanoseconds(peek) > limit:
            return False
        self._pass_to(_nanoseconds(peek))
        self._environment.step()
        return True

    def _pass_to(self, now: float) -> None:
        self._actual[-1] = max(self._actual[-1], int(now))
        seconds = self._actual[-1] / 1e9
        if seconds > self._environment.now:
            self._environment.run(until=seconds)

    def _earliest(self, moves: Sequence[WorldMove]) -> float:
        return min(map(self._due, moves), default=_NEVER)

    def _due(self, move: WorldMove) -> float:
        """When this comes: nanoseconds."""
        source = move.source
        if source is None or (move.optional and not isinstance(source, Answer)):
            return _NEVER  # that may never come, and nothing says how often it does
        if isinstance(source, _Process):
            return self._actual[-1] if source.ended else _NEVER
        planned = self._plans.get(source)
        if planned is None:
            planned = self._plans[source] = self._planned(source)
        if isinstance(source, Answer):
            if not source.happened:
                return planned.happens
            return planned.arrives if move.way == planned.way % len(source.ways) else _NEVER
        if isinstance(source, Job):
            return self._ends(source, planned) if source.ran else planned.happens
        return planned.arrives

    def _ends(self, job: Job, planned: _Planned) -> float:
        slept = 0 if job.until is None else self._actual[job.until.instant] + job.until.offset
        return max(planned.arrives, slept)

    def _planned(self, source: Any) -> _Planned:
        now = self._actual[-1]
        name = source.name if isinstance(source, Answer) else _CONNECTIONS if isinstance(source, str) else _THREADS
        takes = max(0, _nanoseconds(_finite(self._draw(_said(self.timing.latencies, name), name), name)))
        if isinstance(source, Answer) and source.until is not None:
            until = self.clock.moment(source.until)
            takes = max(0, min(takes, self._actual[until.instant] + until.offset - now))
        happens = now + takes // 2 if isinstance(source, Answer) else now
        return _Planned(happens, now + takes, self._way(source))

    def _draw(self, said: HowLong | None, name: str) -> float:
        if said is None:
            said = 0.0 if name == _THREADS else self._usual
        if isinstance(said, int | float):
            return float(said)
        if callable(said):
            return said(self._draws)
        if not hasattr(said, "sampler"):
            raise Unsupported(f"world.takes({name!r}): expected seconds, a distribution or a function; found {said!r}")
        return said.sampler(self._draws)()

    def _way(self, source: Any) -> int:
        ways = len(source.ways) if isinstance(source, Answer) else 1
        if ways == 1:
            return 0
        probability = _said(self.timing.failing, source.name)
        if probability is None:
            return self._draws.randrange(ways)
        return self._draws.randrange(1, ways) if self._draws.random() < probability else 0

    def _forget(self, moves: Sequence[WorldMove]) -> None:
        """Plans of what cannot come any more; what was asked for keeps its own."""
        offered = {move.source for move in moves if move.source is not None}
        self._plans = {source: plan for source, plan in self._plans.items() if source in offered}

    def _when(self, timer: Any) -> float:
        moment = self.clock.moment(timer._when)
        return self._actual[moment.instant] + moment.offset


def _said(known: dict[str, Any], name: str) -> Any:
    """What was said of the longest beginning of this name."""
    found = max((each for each in known if name.startswith(each)), key=len, default=None)
    return None if found is None else known[found]


def _finite(seconds: float, name: str) -> float:
    if isinstance(seconds, int | float) and math.isfinite(seconds):
        return seconds
    raise Unsupported(
        f"world.takes: how long {name!r} takes: expected a finite number of seconds; found {seconds!r}. What never "
        "comes is explored in free time"
    )


def _is_owed(move: WorldMove) -> bool:
    return isinstance(move.source, str) and move.source.endswith((" is made", " is reset", " takes it"))


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
