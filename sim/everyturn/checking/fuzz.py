"""Sampling: many runs under a strategy, each judged, with an honest statement of what was not seen."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from everyturn.checking.check import proved_by
from everyturn.checking.risk import residual, runs_for, upper_bound
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.errors import EndlessRun, ReplayError, UsageError
from everyturn.explanation.explain import Explanation, explain
from everyturn.explanation.shrink import Progress as ShrinkProgress
from everyturn.explanation.shrink import Shrunk, shrink
from everyturn.runs.run import Run
from everyturn.runs.schedule import deviations
from everyturn.strategies import strategy as make_strategy
from everyturn.strategies.pct import Pct
from everyturn.strategies.profile import profile
from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.replay import Replay
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.checker import CONFORMS, Finding, judge_by, select
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Cell, CounterCheck, Judged, Verdict, of_cell, with_unpromised
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime
from everyturn.world.scope import Scope
from everyturn.world.world import World, revision_name
from everyturn_impl.server import Server
from everyturn_model.invariants import BY_NAME
from everyturn_model.monitor import Kind

Progress = Callable[[int, int, float], None]
"""Called now and then with runs made, invariants violated, seconds."""

ENGINES: Final = ("simpy", "tables")
SHARE: Final = 250
"""How many runs a process makes before it reports."""


_Cell = tuple[str | type[Server], str, str, str, int, tuple[str, ...]]
"""What runs are made of: revision, scope, granularity, strategy, seed, invariants."""


class Failure(NamedTuple):
    """The first run that violated an invariant: its number, the step, and how many runs did in all."""

    run: Run
    number: int
    step: int
    finding: Finding
    often: int


class Campaign(NamedTuple):
    """What sampling found. ``complete``: a finite strategy has made all its runs."""

    cell: Cell
    failures: dict[str, Failure]
    outcomes: dict[object, int]
    interrupted: bool
    complete: bool


class _First(NamedTuple):
    """The first run of some that violated an invariant, by its decisions, and how many of them did."""

    decisions: list[int]
    number: int
    step: int
    finding: Finding
    often: int


@dataclass(slots=True)
class _Tally:
    """What some runs showed."""

    made: int = 0
    failures: dict[str, _First] = field(default_factory=dict)
    outcomes: dict[object, int] = field(default_factory=dict)

    def add(self, later: _Tally) -> None:
        """Take in what later runs showed."""
        self.made += later.made
        for reached, often in later.outcomes.items():
            self.outcomes[reached] = self.outcomes.get(reached, 0) + often
        for name, first in later.failures.items():
            known = self.failures.get(name)
            self.failures[name] = first if known is None else known._replace(often=known.often + first.often)


class _Sampler:
    """Makes and judges runs of one cell."""

    def __init__(
        self, revision: str | type[Server], scope: str, granularity: str, strategy: str, seed: int, names: Sequence[str]
    ) -> None:
        self.world = World(Scope.parse(scope), revision, granularity)
        self.names = tuple(names)
        self.judge = judge_by(names, self.world.promises)
        self.table = JudgeTable(self.judge)
        self.strategy: Strategy = make_strategy(strategy, seed, lambda: profile(self._simulate, seed))

    def _simulate(self, strategy: Strategy, number: int) -> Run:
        return simulate(self.world, strategy, number)

    def sample(self, numbers: Iterable[int]) -> _Tally:
        """Make the runs with these numbers, as far as there are any."""
        tally = _Tally()
        for number in numbers:
            if self.strategy.exhausted:
                break
            run = self._simulate(self.strategy, number)
            tally.made += 1
            state, found = self.table.log(run.log)
            reached = self.table.outcome(state)
            tally.outcomes[reached] = tally.outcomes.get(reached, 0) + 1
            for step, finding in found:
                tally.add(_Tally(0, {finding.invariant: _First(run.decisions, number, step, finding, 1)}))
        return tally


_sampler = lru_cache(maxsize=1)(_Sampler)
"""The sampler of a process that is one of several: kept, as it is asked for many shares of one campaign."""


def _share(
    numbers: range,
    revision: str | type[Server],
    scope: str,
    granularity: str,
    strategy: str,
    seed: int,
    names: tuple[str, ...],
) -> _Tally:
    with overrun.watching():
        return _sampler(revision, scope, granularity, strategy, seed, names).sample(numbers)


def fuzz(
    revision: str | type[Server],
    scope: str,
    *,
    granularity: str = "access",
    strategy: str = "random-walk",
    runs: int | None = None,
    until_risk: float | None = None,
    engine: str = "simpy",
    seed: int = 0,
    max_seconds: float | None = None,
    invariants: Sequence[str] = (),
    progress: Progress | None = None,
    jobs: int = 1,
    counter_check: bool = True,
) -> Campaign:
    """Make ``runs`` runs of one cell (1,000 if nothing is said), or all runs of a finite strategy if there are fewer.

    ``until_risk``: as many as bound the probability of a violation by this if all are clean, ``runs`` at most; if there
    were fewer, what no run violated is undetermined. ``engine``
    ``tables``: the same runs, many at once (:mod:`everyturn.engines.walks.walks`), for the strategies ``random-walk`` and
    ``pct``. The same seed makes the same runs whatever the number of processes (``jobs``) is. Raises
    :class:`UsageError`. Ctrl-C ends it early and keeps what was found.
    """
    cell = (revision, scope, granularity, strategy, seed, tuple(invariants))
    try:
        with overrun.watching(max_seconds):
            sampler = _Sampler(*cell)
    except OutOfTime as error:
        raise _unfinished(revision, scope, error) from None
    if jobs > 1 and not sampler.strategy.independent:
        raise UsageError(f"strategy {strategy!r} goes by its earlier runs: expected one job, found {jobs}")
    number = _how_many(runs, until_risk, strategy, sampler.strategy)
    start = time.monotonic()
    tally = _Tally()
    interrupted = False
    try:
        with overrun.watching(max_seconds):
            for share in _shares(sampler, cell, number, jobs, engine):
                tally.add(share)
                seconds = time.monotonic() - start
                if progress is not None:
                    progress(tally.made, len(tally.failures), seconds)
                if max_seconds is not None and seconds > max_seconds:
                    break
    except KeyboardInterrupt:
        interrupted = True
    except OutOfTime as error:
        if not tally.made:
            raise _unfinished(revision, scope, error) from None
    seconds = time.monotonic() - start
    failures = {name: _failure(sampler.world, first) for name, first in tally.failures.items()}
    judged = _cell(sampler, failures, tally, strategy, seed, until_risk)
    judged.seconds = round(seconds, 3)
    judged.counter_check = _counter_checked(sampler, tally, judged, asked=counter_check)
    return Campaign(judged, failures, tally.outcomes, interrupted, bool(judged.complete))


def _counter_checked(sampler: _Sampler, tally: _Tally, cell: Cell, *, asked: bool) -> CounterCheck | None:
    """The counter-check of runs that prove something; none if they do not."""
    proved = proved_by(cell.invariants, cell.conforms)
    if not proved:
        return None
    if not asked:
        return CounterCheck(off=True)
    from everyturn.checking.countercheck.proofs import runs_checked

    return runs_checked(sampler.world, sampler.judge, proved, tally.outcomes, tally.made, cell.seconds or 0.0)


def _unfinished(revision: str | type[Server], scope: str, error: OutOfTime) -> EndlessRun:
    """The error when time is up before any run has ended."""
    return EndlessRun(
        f"{revision_name(revision)} in {scope}: no run had come to its end after {error}: expected runs that end"
    )


def _how_many(runs: int | None, until_risk: float | None, name: str, chooser: Strategy) -> int:
    """How many runs are to be made."""
    if until_risk is None:
        return 1000 if runs is None else runs
    if not chooser.independent:
        raise UsageError(
            f"until-risk: expected a strategy whose runs are independent, found {name!r}: what it tries next depends on "
            f"what it has tried, so that its runs bound no probability"
        )
    needed = runs_for(until_risk)
    return needed if runs is None else min(runs, needed)


def _shares(sampler: _Sampler, cell: _Cell, runs: int, jobs: int, engine: str) -> Iterator[_Tally]:
    """What the runs show, share by share."""
    if engine == "simpy":
        return _in_parallel(cell, runs, jobs) if jobs > 1 else _one_by_one(sampler, runs)
    if engine != "tables":
        raise UsageError(f"engine {engine!r}: expected one of {', '.join(ENGINES)}")
    if type(sampler.strategy) not in (RandomWalk, Pct) or jobs > 1:
        raise UsageError(
            f"engine tables: expected strategy random-walk or pct, and one job, found {cell[3]} and {jobs}"
        )
    return _at_once(sampler, runs)


def _at_once(sampler: _Sampler, runs: int) -> Iterator[_Tally]:
    """Runs over tables. The first violation of each invariant is made again through SimPy, which must find it, too."""
    from everyturn.engines.walks.priorities import Priorities
    from everyturn.engines.walks.walks import BATCH, Walks

    chooser, world, judge = sampler.strategy, sampler.world, sampler.judge
    assert isinstance(chooser, RandomWalk | Pct)
    walks = Priorities(world, judge, chooser.depth, chooser.steps) if isinstance(chooser, Pct) else Walks(world, judge)
    for start in range(0, runs, BATCH):
        found = walks.walk(chooser.seed, start, min(BATCH, runs - start))
        tally = _Tally(len(found))
        often = np.bincount(found, minlength=len(walks.ends)).tolist()
        firsts: dict[str, int] = {}
        for end, number in enumerate(often):
            if number:
                reached, violated = walks.ends[end]
                tally.outcomes[reached] = tally.outcomes.get(reached, 0) + number
                for name in violated:
                    firsts[name] = min(firsts.get(name, runs), start + int(np.argmax(found == end)))
        for name, first in firsts.items():
            count = sum(number for end, number in zip(walks.ends, often, strict=True) if name in end.violated)
            again = sampler.sample((first,)).failures
            if name not in again:
                raise ReplayError(f"run {first} violates {name} over tables, and not in SimPy: the engines disagree")
            tally.failures[name] = again[name]._replace(often=count)
        yield tally


def _one_by_one(sampler: _Sampler, runs: int) -> Iterator[_Tally]:
    for number in range(runs):
        tally = sampler.sample((number,))
        if not tally.made:
            return
        yield tally


def _in_parallel(cell: _Cell, runs: int, jobs: int) -> Iterator[_Tally]:
    from joblib import Parallel, delayed

    shares = (range(first, min(first + SHARE, runs)) for first in range(0, runs, SHARE))
    with warnings.catch_warnings():
        # When a campaign stops early, joblib warns of shares that go unused: that is meant.
        warnings.filterwarnings("ignore", module="joblib")
        yield from Parallel(jobs, return_as="generator")(delayed(_share)(share, *cell) for share in shares)


def _failure(world: World, first: _First) -> Failure:
    """A failure with its run, made again."""
    run = simulate(world, Replay(deviations(first.decisions)))
    return Failure(run, first.number, first.step, first.finding, first.often)


def _cell(
    sampler: _Sampler, failures: dict[str, Failure], tally: _Tally, strategy: str, seed: int, asked: float | None
) -> Cell:
    made, outcomes = tally.made, tally.outcomes
    world, judge, chooser = sampler.world, sampler.judge, sampler.strategy
    enough = asked is None or upper_bound(made) <= asked
    said: dict[str, Judged] = {}
    for invariant in judge.invariants:
        unseen = Verdict.VACUOUS if is_vacuous(invariant, world.scope) else _unseen(chooser, invariant.kind, enough)
        said[invariant.name] = _judged(failures.get(invariant.name), unseen)
    said = with_unpromised(select(sampler.names), said, world.promises)
    conforms = _judged(failures.get(CONFORMS), _unseen(chooser, Kind.ALWAYS, enough)) if judge.conformance else None
    risk = residual(chooser, len(world.threads), made, outcomes.values())
    if risk is not None and asked is not None:
        risk |= {"asked": asked, "met": enough}
    return Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=world.granularity,
        verdict=of_cell(said, conforms) if made else Verdict.NOT_JUDGED,
        invariants=said,
        conforms=conforms,
        schedules=made,
        complete=True if chooser.exhausted and made else None,
        strategy=strategy,
        seed=seed,
        risk=risk,
    )


def _unseen(chooser: Strategy, kind: Kind, enough: bool) -> Verdict:
    """What is known of an invariant that no run violated; ``enough``: there were as many runs as the bound needs."""
    if chooser.independent:
        return Verdict.RISK if enough else Verdict.UNDETERMINED
    proved = chooser.proves == "always" or (chooser.proves == "at rest" and kind is Kind.AT_REST)
    return Verdict.PROVED if chooser.exhausted and proved else Verdict.UNDETERMINED


def _judged(failure: Failure | None, unseen: Verdict) -> Judged:
    if failure is None:
        return Judged(unseen)
    return Judged(
        Verdict.REFUTED, failure.finding.sentence, len(failure.run.steps), failure.run.token, count=failure.often
    )


def after_fuzzing(campaign: Campaign, progress: ShrinkProgress | None = None) -> tuple[Shrunk, Explanation] | None:
    """Of a campaign's first violation (in the canonical order) a shrunk run with the same cause and its explanation.

    None if nothing was violated.
    """
    for name in (*BY_NAME, CONFORMS):
        if name in campaign.failures:
            shrunk = shrink(campaign.failures[name].run.schedule, name, progress, keep_cause=True)
            return shrunk, explain(shrunk.after, name)
    return None
