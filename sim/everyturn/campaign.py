"""Sampling: many runs under a strategy, each judged, with an honest statement of what was not seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from everyturn.check import is_vacuous
from everyturn.checker import CONFORMS, Finding, Judge, select
from everyturn.engines.exploration import outcome
from everyturn.engines.judging import JudgeTable
from everyturn.engines.kernel import simulate
from everyturn.run import Run
from everyturn.scope import Scope
from everyturn.strategies import strategy as make_strategy
from everyturn.verdict import Cell, Judged, Verdict, worst
from everyturn.world import World

Progress = Callable[[int, int, float], None]
"""Called now and then with runs made, invariants violated, seconds."""

CONFIDENCE = 0.95


class Failure(NamedTuple):
    """The first run that violated an invariant: its number, the step, and how many runs did in all."""

    run: Run
    number: int
    step: int
    finding: Finding
    often: int


class Campaign(NamedTuple):
    """What sampling found."""

    cell: Cell
    failures: dict[str, Failure]
    outcomes: dict[object, int]
    interrupted: bool


def upper_bound(runs: int, confidence: float = CONFIDENCE) -> float:
    """After ``runs`` independent runs without a violation: the exact binomial upper bound of its probability per run.

    Solves (1 - p)^runs = 1 - confidence (Clopper and Pearson, Biometrika 26, 1934, for no successes).
    """
    return float(1 - (1 - confidence) ** (1 / runs)) if runs else 1.0


def fuzz(
    revision: str,
    scope: str,
    *,
    granularity: str = "access",
    strategy: str = "random-walk",
    runs: int = 1000,
    seed: int = 0,
    max_seconds: float | None = None,
    invariants: Sequence[str] = (),
    progress: Progress | None = None,
) -> Campaign:
    """Sample runs of one cell through SimPy. Raises :class:`UsageError`. Ctrl-C ends it early and keeps what was found."""
    world = World(Scope.parse(scope), revision, granularity)
    judge = Judge(select(invariants), conformance=not invariants)
    table = JudgeTable(judge)
    chooser = make_strategy(strategy, seed)
    failures: dict[str, Failure] = {}
    outcomes: dict[object, int] = {}
    start = time.monotonic()
    made = 0
    interrupted = False
    try:
        for number in range(runs):
            run = simulate(world, chooser, number)
            made += 1
            state, found = table.run(run.seen())
            reached = outcome(table.state(state).ledger)
            outcomes[reached] = outcomes.get(reached, 0) + 1
            for step, finding in found:
                first = failures.get(finding.invariant)
                failures[finding.invariant] = (
                    Failure(run, number, step, finding, 1) if first is None else first._replace(often=first.often + 1)
                )
            seconds = time.monotonic() - start
            if progress is not None:
                progress(made, len(failures), seconds)
            if max_seconds is not None and seconds > max_seconds:
                break
    except KeyboardInterrupt:
        interrupted = True
    cell = _cell(world, judge, failures, made, strategy, seed)
    cell.seconds = round(time.monotonic() - start, 3)
    return Campaign(cell, failures, outcomes, interrupted)


def _cell(world: World, judge: Judge, failures: dict[str, Failure], made: int, strategy: str, seed: int) -> Cell:
    said: dict[str, Judged] = {}
    for invariant in judge.invariants:
        vacuous = is_vacuous(invariant, world.scope)
        said[invariant.name] = _judged(failures.get(invariant.name), strategy, vacuous=vacuous)
    conforms = _judged(failures.get(CONFORMS), strategy, vacuous=False) if judge.conformance else None
    sampled = strategy == "random-walk" and made > 0
    return Cell(
        revision=world.revision,
        scope=str(world.scope),
        granularity=world.granularity,
        verdict=worst(each.verdict for each in said.values()) if made else Verdict.NOT_JUDGED,
        invariants=said,
        conforms=conforms,
        schedules=made,
        strategy=strategy,
        seed=seed,
        risk={"at_most": upper_bound(made), "confidence": CONFIDENCE, "method": "exact binomial"} if sampled else None,
    )


def _judged(failure: Failure | None, strategy: str, *, vacuous: bool) -> Judged:
    if failure is None:
        if vacuous:
            return Judged(Verdict.VACUOUS)
        return Judged(Verdict.RISK if strategy == "random-walk" else Verdict.UNDETERMINED)
    return Judged(
        Verdict.REFUTED, failure.finding.sentence, len(failure.run.steps), failure.run.token, count=failure.often
    )
