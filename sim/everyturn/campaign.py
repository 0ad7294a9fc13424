"""Sampling: many runs under a strategy, each judged, with an honest statement of what was not seen."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from everyturn.check import is_vacuous
from everyturn.checker import CONFORMS, Finding, Judge, select
from everyturn.engines.judging import JudgeTable
from everyturn.engines.kernel import simulate
from everyturn.errors import UsageError
from everyturn.run import Run
from everyturn.schedule import deviations
from everyturn.scope import Scope
from everyturn.strategies import strategy as make_strategy
from everyturn.strategies.profile import profile
from everyturn.strategies.replay import Replay
from everyturn.strategies.strategy import Strategy
from everyturn.verdict import Cell, Judged, Verdict, worst
from everyturn.world import World
from everyturn_impl.server import Server
from everyturn_model.monitor import Kind

Progress = Callable[[int, int, float], None]
"""Called now and then with runs made, invariants violated, seconds."""

CONFIDENCE = 0.95
SHARE: Final = 250
"""How many runs a process makes before it reports."""


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
        self.judge = Judge(select(names), conformance=not names)
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
    return _sampler(revision, scope, granularity, strategy, seed, names).sample(numbers)


def upper_bound(runs: int, confidence: float = CONFIDENCE) -> float:
    """After ``runs`` independent runs without a violation: the exact binomial upper bound of its probability per run.

    Solves (1 - p)^runs = 1 - confidence (Clopper and Pearson, Biometrika 26, 1934, for no successes). Runs of an
    adaptive or systematic strategy are no sample of anything: what such a strategy tries next depends on what it has
    tried, so that there is no probability per run that the bound could be about.
    """
    return float(1 - (1 - confidence) ** (1 / runs)) if runs else 1.0


def fuzz(
    revision: str | type[Server],
    scope: str,
    *,
    granularity: str = "access",
    strategy: str = "random-walk",
    runs: int = 1000,
    seed: int = 0,
    max_seconds: float | None = None,
    invariants: Sequence[str] = (),
    progress: Progress | None = None,
    jobs: int = 1,
) -> Campaign:
    """Make ``runs`` runs of one cell through SimPy, or all runs of a finite strategy if there are fewer.

    The same seed makes the same runs whatever the number of processes (``jobs``) is. Raises :class:`UsageError`.
    Ctrl-C ends it early and keeps what was found.
    """
    cell = (revision, scope, granularity, strategy, seed, tuple(invariants))
    sampler = _Sampler(*cell)
    if jobs > 1 and not sampler.strategy.independent:
        raise UsageError(f"strategy {strategy!r} goes by its earlier runs: expected one job, found {jobs}")
    start = time.monotonic()
    tally = _Tally()
    interrupted = False
    try:
        for share in _in_parallel(cell, runs, jobs) if jobs > 1 else _one_by_one(sampler, runs):
            tally.add(share)
            seconds = time.monotonic() - start
            if progress is not None:
                progress(tally.made, len(tally.failures), seconds)
            if max_seconds is not None and seconds > max_seconds:
                break
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.monotonic() - start
    failures = {name: _failure(sampler.world, first) for name, first in tally.failures.items()}
    judged = _cell(sampler, failures, tally.made, strategy, seed)
    judged.seconds = round(seconds, 3)
    return Campaign(judged, failures, tally.outcomes, interrupted, bool(judged.complete))


def _one_by_one(sampler: _Sampler, runs: int) -> Iterator[_Tally]:
    for number in range(runs):
        tally = sampler.sample((number,))
        if not tally.made:
            return
        yield tally


def _in_parallel(
    cell: tuple[str | type[Server], str, str, str, int, tuple[str, ...]], runs: int, jobs: int
) -> Iterator[_Tally]:
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


def _cell(sampler: _Sampler, failures: dict[str, Failure], made: int, strategy: str, seed: int) -> Cell:
    world, judge, chooser = sampler.world, sampler.judge, sampler.strategy
    said: dict[str, Judged] = {}
    for invariant in judge.invariants:
        unseen = Verdict.VACUOUS if is_vacuous(invariant, world.scope) else _unseen(chooser, invariant.kind)
        said[invariant.name] = _judged(failures.get(invariant.name), unseen)
    conforms = _judged(failures.get(CONFORMS), _unseen(chooser, Kind.ALWAYS)) if judge.conformance else None
    sampled = chooser.independent and made > 0
    return Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=world.granularity,
        verdict=worst(each.verdict for each in said.values()) if made else Verdict.NOT_JUDGED,
        invariants=said,
        conforms=conforms,
        schedules=made,
        complete=True if chooser.exhausted and made else None,
        strategy=strategy,
        seed=seed,
        risk={"at_most": upper_bound(made), "confidence": CONFIDENCE, "method": "exact binomial"} if sampled else None,
    )


def _unseen(chooser: Strategy, kind: Kind) -> Verdict:
    """What is known of an invariant that no run violated."""
    if chooser.independent:
        return Verdict.RISK
    proved = chooser.proves == "always" or (chooser.proves == "at rest" and kind is Kind.AT_REST)
    return Verdict.PROVED if chooser.exhausted and proved else Verdict.UNDETERMINED


def _judged(failure: Failure | None, unseen: Verdict) -> Judged:
    if failure is None:
        return Judged(unseen)
    return Judged(
        Verdict.REFUTED, failure.finding.sentence, len(failure.run.steps), failure.run.token, count=failure.often
    )
