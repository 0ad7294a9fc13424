"""Sampling: many runs under a strategy, each judged, with an honest statement of what was not seen."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from everyturn.checking.check import proved_by
from everyturn.checking.risk import residual, runs_for, upper_bound
from everyturn.checking.sampler import (
    Chooser,
    FirstViolation,
    RunMaker,
    RunRecipe,
    RunTally,
    Sampled,
    WatchRuns,
    name_of,
)
from everyturn.engines.simpy.kernel import simulate
from everyturn.errors import EndlessRun, ReplayError, UsageError
from everyturn.explanation.explain import Explanation, explain
from everyturn.explanation.shrink import ShrinkProgress, Shrunk, shrink
from everyturn.runs.run import Run
from everyturn.runs.schedule import deviations
from everyturn.strategies.pct import Pct
from everyturn.strategies.random_walk import RandomWalk
from everyturn.strategies.replay import Replay
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.checker import CONFORMS, Finding
from everyturn.verdicts.selection import Wanted
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Cell, CounterCheck, InvariantResult, Verdict, of_cell, with_unpromised
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime
from everyturn.world.world import World, revision_name
from everyturn_impl.dispatcher import Dispatcher
from everyturn_model.invariants import BY_NAME
from everyturn_model.monitor import Kind

FuzzProgress = Callable[[int, int, float], None]
"""Called now and then with runs made, invariants violated, seconds."""

ENGINES: Final = ("simpy", "tables")
SHARE: Final = 250
"""How many runs a process makes before it reports."""


class Failure(NamedTuple):
    """The first run that violated an invariant: its number, the step, and how many runs did in all."""

    run: Run
    number: int
    step: int
    finding: Finding
    often: int


class FuzzedCell(NamedTuple):
    """What sampling found. ``complete``: a finite strategy has made all its runs."""

    cell: Cell
    failures: dict[str, Failure]
    outcomes: dict[object, int]
    interrupted: bool
    complete: bool


_sampler = lru_cache(maxsize=4)(RunMaker)
"""The samplers of a process that is one of several: kept, as each is asked for many shares of its cell."""


def _share(numbers: range, cell: RunRecipe) -> RunTally:
    with overrun.watching():
        return _sampler(cell).sample(numbers)


def fuzz_share(cell: RunRecipe, numbers: range) -> FuzzedCell:
    """The runs of these numbers, as a part of what :func:`fuzz` makes of a cell whose runs are independent."""
    start = time.monotonic()
    tally = _share(numbers, cell)
    sampler = _sampler(cell)
    failures = {name: _failure(sampler.world, first) for name, first in tally.failures.items()}
    judged = _cell(sampler, failures, tally, None)
    judged.seconds = round(time.monotonic() - start, 3)
    return FuzzedCell(judged, failures, tally.outcomes, interrupted=False, complete=False)


def _sampling(cell: RunRecipe, jobs: int, max_seconds: float | None, *, watched: bool) -> RunMaker:
    """What makes the runs. Raises :class:`UsageError` if they cannot be made in so many processes."""
    if jobs > 1 and (watched or isinstance(cell.strategy, Strategy)):
        raise UsageError(
            f"a strategy object, and a look at each run, are of one process: expected one job, found {jobs}"
        )
    try:
        with overrun.watching(max_seconds):
            sampler = RunMaker(cell)
    except OutOfTime as error:
        raise _unfinished(cell.revision, cell.scope, error) from None
    if jobs > 1 and not sampler.strategy.independent:
        raise UsageError(
            f"strategy {name_of(cell.strategy)!r} goes by its earlier runs: expected one job, found {jobs}"
        )
    return sampler


def fuzz(
    revision: str | type[Dispatcher],
    scope: str,
    *,
    granularity: str = "access",
    strategy: Chooser = "random-walk",
    runs: int | None = None,
    until_risk: float | None = None,
    engine: str = "simpy",
    seed: int = 0,
    max_seconds: float | None = None,
    invariants: Sequence[Wanted] = (),
    without: Sequence[str] = (),
    progress: FuzzProgress | None = None,
    watch: WatchRuns | None = None,
    jobs: int = 1,
    counter_check: bool = True,
) -> FuzzedCell:
    """Make ``runs`` runs of one cell (1,000 if nothing is said), or all runs of a finite strategy if there are fewer.

    ``until_risk``: as many as bound the probability of a violation by this if all are clean, ``runs`` at most; if there
    were fewer, what no run violated is undetermined. ``engine``
    ``tables``: the same runs, many at once (:mod:`everyturn.engines.walks.walks`), for the strategies ``random-walk``
    and ``pct``. The same seed makes the same runs whatever the number of processes (``jobs``) is. Raises
    :class:`UsageError`. Ctrl-C ends it early and keeps what was found.
    """
    cell = RunRecipe(revision, scope, granularity, strategy, seed, tuple(invariants), tuple(without))
    sampler = _sampling(cell, jobs, max_seconds, watched=watch is not None)
    number = how_many(runs, until_risk, name_of(strategy), sampler.strategy)
    start = time.monotonic()
    tally = RunTally()
    interrupted = False
    try:
        with overrun.watching(max_seconds):
            for share in _shares(sampler, cell, number, jobs, engine, watch):
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
    judged = _cell(sampler, failures, tally, until_risk)
    judged.seconds = round(seconds, 3)
    judged.counter_check = _counter_checked(sampler, tally, judged, asked=counter_check)
    return FuzzedCell(judged, failures, tally.outcomes, interrupted, bool(judged.complete))


def _counter_checked(sampler: RunMaker, tally: RunTally, cell: Cell, *, asked: bool) -> CounterCheck | None:
    """The counter-check of runs that prove something; none if they do not."""
    proved = proved_by(cell.invariants, cell.conforms)
    if not proved:
        return None
    if not asked:
        return CounterCheck(off=True)
    from everyturn.checking.countercheck.proofs import runs_checked

    return runs_checked(sampler.world, sampler.judge, proved, tally.outcomes, tally.made, cell.seconds or 0.0)


def _unfinished(revision: str | type[Dispatcher], scope: str, error: OutOfTime) -> EndlessRun:
    """The error when time is up before any run has ended."""
    return EndlessRun(
        f"{revision_name(revision)} in {scope}: no run had come to its end after {error}: expected runs that end"
    )


def how_many(runs: int | None, until_risk: float | None, name: str, chooser: Strategy) -> int:
    """How many runs are to be made."""
    if until_risk is None:
        return 1000 if runs is None else runs
    if not chooser.independent:
        raise UsageError(
            f"until-risk: expected a strategy whose runs are independent, found {name!r}: what it tries next depends "
            f"on "
            f"what it has tried, so that its runs bound no probability"
        )
    needed = runs_for(until_risk)
    return needed if runs is None else min(runs, needed)


def _shares(
    sampler: RunMaker, cell: RunRecipe, runs: int, jobs: int, engine: str, watch: WatchRuns | None
) -> Iterator[RunTally]:
    """What the runs show, share by share."""
    if engine == "simpy":
        return _in_parallel(cell, runs, jobs) if jobs > 1 else _one_by_one(sampler, runs, watch)
    if engine != "tables":
        raise UsageError(f"engine {engine!r}: expected one of {', '.join(ENGINES)}")
    if type(sampler.strategy) not in (RandomWalk, Pct) or jobs > 1:
        raise UsageError(
            f"engine tables: expected strategy random-walk or pct, and one job, found {name_of(cell.strategy)} and "
            f"{jobs}"
        )
    return _at_once(sampler, runs, watch)


def _at_once(sampler: RunMaker, runs: int, watch: WatchRuns | None) -> Iterator[RunTally]:
    """Runs over tables. The first violation of each invariant is made again through SimPy, which must find it, too."""
    from everyturn.engines.walks.priorities import Priorities
    from everyturn.engines.walks.walks import BATCH, Walks

    chooser, world, judge = sampler.strategy, sampler.world, sampler.judge
    assert isinstance(chooser, RandomWalk | Pct)
    walks = Priorities(world, judge, chooser.depth, chooser.steps) if isinstance(chooser, Pct) else Walks(world, judge)
    for start in range(0, runs, BATCH):
        found = walks.walk(chooser.seed, start, min(BATCH, runs - start))
        tally = RunTally(len(found))
        if watch is not None:
            for number, end in enumerate(found.tolist(), start):
                watch(Sampled(number, frozenset(walks.ends[end].violated)))
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


def _one_by_one(sampler: RunMaker, runs: int, watch: WatchRuns | None) -> Iterator[RunTally]:
    for number in range(runs):
        tally = sampler.sample((number,), watch)
        if not tally.made:
            return
        yield tally


def _in_parallel(cell: RunRecipe, runs: int, jobs: int) -> Iterator[RunTally]:
    from joblib import Parallel, delayed

    shares = (range(first, min(first + SHARE, runs)) for first in range(0, runs, SHARE))
    with warnings.catch_warnings():
        # When a campaign stops early, joblib warns of shares that go unused: that is meant.
        warnings.filterwarnings("ignore", module="joblib")
        yield from Parallel(jobs, return_as="generator")(delayed(_share)(share, cell) for share in shares)


def _failure(world: World, first: FirstViolation) -> Failure:
    """A failure with its run, made again."""
    run = simulate(world, Replay(deviations(first.decisions)))
    return Failure(run, first.number, first.step, first.finding, first.often)


def _cell(sampler: RunMaker, failures: dict[str, Failure], tally: RunTally, asked: float | None) -> Cell:
    made, outcomes = tally.made, tally.outcomes
    world, judge, chooser = sampler.world, sampler.judge, sampler.strategy
    listed = isinstance(sampler.cell.strategy, str)
    enough = asked is None or upper_bound(made) <= asked
    said: dict[str, InvariantResult] = {}
    for invariant in judge.invariants:
        unseen = (
            Verdict.VACUOUS
            if is_vacuous(invariant, world.scope)
            else _unseen(chooser, invariant.kind, enough=enough, listed=listed)
        )
        said[invariant.name] = _judged(failures.get(invariant.name), unseen)
    said = with_unpromised(sampler.asked.invariants, said, world.promises)
    conforms = (
        _judged(failures.get(CONFORMS), _unseen(chooser, Kind.ALWAYS, enough=enough, listed=listed))
        if judge.conformance
        else None
    )
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
        strategy=name_of(sampler.cell.strategy),
        seed=sampler.cell.seed,
        risk=risk,
    )


def _unseen(chooser: Strategy, kind: Kind, *, enough: bool, listed: bool) -> Verdict:
    """What is known of an invariant that no run violated; ``enough``: there were as many runs as the bound needs.

    Only strategies that are ``listed`` prove anything: what one of the user's own says of itself is not known.
    """
    if chooser.independent:
        return Verdict.RISK if enough else Verdict.UNDETERMINED
    proved = chooser.proves == "always" or (chooser.proves == "at rest" and kind is Kind.AT_REST)
    return Verdict.PROVED if listed and chooser.exhausted and proved else Verdict.UNDETERMINED


def _judged(failure: Failure | None, unseen: Verdict) -> InvariantResult:
    if failure is None:
        return InvariantResult(unseen)
    return InvariantResult(
        Verdict.REFUTED, failure.finding.sentence, len(failure.run.steps), failure.run.token, count=failure.often
    )


def after_fuzzing(fuzzed: FuzzedCell, progress: ShrinkProgress | None = None) -> tuple[Shrunk, Explanation] | None:
    """Of a campaign's first violation (in the canonical order) a shrunk run with the same cause and its explanation.

    None if nothing was violated.
    """
    for name in (*BY_NAME, CONFORMS):
        if name in fuzzed.failures:
            shrunk = shrink(fuzzed.failures[name].run.schedule, name, progress, keep_cause=True)
            return shrunk, explain(shrunk.after, name)
    return None
