"""What a study found: for each revision and point its measures with confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct

from everyturn.errors import UsageError
from everyturn.studies.replication import Replication
from everyturn.studies.study import Study, StudyPoint
from everyturn.verdicts.intervals import Interval, mean_interval, ratio_interval

STUDY_SCHEMA: Final = "everyturn/study/1"

Observe = Callable[[Replication], float | None]
RatioOf = Callable[[Replication], tuple[int, int]]


class Measure(NamedTuple):
    """One figure: its heading, its sentence, and how a replication tells it: as a number, or as so many of so many."""

    heading: str
    sentence: str
    observe: Observe | None = None
    pair: RatioOf | None = None
    factor: float = 1.0

    def of(self, replications: Sequence[Replication], confidence: float) -> Interval | None:
        """The figure with its interval; none if there was nothing to observe."""
        if self.pair is not None:
            found = ratio_interval([self.pair(each) for each in replications], confidence)
            return None if found is None else found.times(self.factor)
        assert self.observe is not None
        seen = [value for each in replications if (value := self.observe(each)) is not None]
        return mean_interval(seen, confidence)


def _decided(each: Replication) -> int:
    """Prompts with run id of which it is known whether they got stuck."""
    return each.counts.with_run_id - each.counts.undecided


def _dropped(each: Replication) -> int:
    counts = each.counts
    return counts.covered + counts.cleared + counts.cancelled_on_entry


MEASURES: Final[dict[str, Measure]] = {
    "completions_per_hour": Measure(
        "completions/h",
        "completions delivered for a run id, per hour and session",
        observe=lambda each: each.counts.completions / each.hours,
    ),
    "wait_mean": Measure(
        "mean wait", "seconds from submission to the turn's start", observe=lambda each: each.wait.mean
    ),
    "wait_median": Measure("median wait", "the same, median", observe=lambda each: each.wait.median),
    "wait_p95": Measure("p95 wait", "the same, 95 % quantile", observe=lambda each: each.wait.p95),
    "response_mean": Measure(
        "mean response", "seconds from submission until the waiter was told", observe=lambda each: each.response.mean
    ),
    "response_median": Measure("median response", "the same, median", observe=lambda each: each.response.median),
    "response_p95": Measure("p95 response", "the same, 95 % quantile", observe=lambda each: each.response.p95),
    "folded_percent": Measure(
        "folded %",
        "prompts that were folded into another one's turn, of all",
        pair=lambda each: (each.counts.folded, each.counts.submitted),
        factor=100,
    ),
    "dropped_percent": Measure(
        "dropped %",
        "prompts that were dropped, cleared or cancelled on entry, of all",
        pair=lambda each: (_dropped(each), each.counts.submitted),
        factor=100,
    ),
    "stuck_per_thousand": Measure(
        "stuck ‰",
        "prompts with run id that were not told when nothing in their session could move, of those decided",
        pair=lambda each: (each.counts.stuck, _decided(each)),
        factor=1000,
    ),
    "never_told_per_thousand": Measure(
        "never told ‰",
        "prompts with run id that nothing knows of any more, so that nobody can ever be told, of those decided",
        pair=lambda each: (each.counts.never_told, _decided(each) - each.counts.pending),
        factor=1000,
    ),
    "given_up_per_thousand": Measure(
        "given up ‰",
        "completions given up because the client's own buffer was full, of all published for a run id",
        pair=lambda each: (each.counts.given_up, each.counts.given_up + each.counts.completions),
        factor=1000,
    ),
}
"""Name → measure. Shares are per cent or per thousand."""


class StudyRow(Struct, frozen=True, kw_only=True):
    """One cell of a study: a revision at one point, and what was found; a measure is [value, low, high] or nothing."""

    revision: str
    parameters: dict[str, Any]
    replications: int
    prompts: int
    undecided: int
    measures: dict[str, Interval | None]


class StudyResult(Struct, frozen=True, kw_only=True):
    """What a study found so far."""

    schema: str = STUDY_SCHEMA
    command: str = "simulate"
    title: str
    seed: int
    confidence: float
    hours: float
    warm_up_hours: float
    rows: list[StudyRow]
    interrupted: bool = False


def judge(study: Study, cells: Sequence[StudyPoint], made: Sequence[Replication], *, interrupted: bool) -> StudyResult:
    """Put the replications of each cell together, in the order of the cells."""
    rows: list[StudyRow] = []
    for cell in cells:
        of_cell = [each for each in made if each.revision == cell.revision and each.parameters == cell.parameters]
        if of_cell:
            rows.append(_row(cell, of_cell))
    return StudyResult(
        title=study.title,
        seed=study.seed,
        confidence=study.confidence,
        hours=study.hours,
        warm_up_hours=study.warm_up_hours,
        rows=rows,
        interrupted=interrupted,
    )


def _row(cell: StudyPoint, of_cell: Sequence[Replication]) -> StudyRow:
    return StudyRow(
        revision=cell.revision,
        parameters=cell.parameters,
        replications=len(of_cell),
        prompts=sum(each.counts.submitted for each in of_cell),
        undecided=sum(each.counts.undecided for each in of_cell),
        measures={name: measure.of(of_cell, cell.study.confidence) for name, measure in MEASURES.items()},
    )


def check_measures(study: Study, where: str) -> None:
    """Raises :class:`UsageError` if the study wants to plot what is not measured."""
    for name in study.plot.y:
        if name not in MEASURES:
            raise UsageError(f"{where}: plot.y: expected one of {', '.join(MEASURES)}; found {name!r}")
    if study.plot.kind == "curves" and not study.vary:
        raise UsageError(f"{where}: plot.kind: expected a table `vary` for curves; found none (or say `bars`)")
