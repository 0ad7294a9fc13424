"""A timed study's results as a table, for people and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from everyturn.reports.columns import blocks, entry, joined
from everyturn.studies.results import MEASURES, StudyResult, StudyRow
from everyturn.studies.study import Study
from everyturn.verdicts.intervals import Interval

SHOWN = (
    "completions_per_hour",
    "wait_mean",
    "wait_median",
    "wait_p95",
    "folded_percent",
    "dropped_percent",
    "stuck_per_thousand",
    "never_told_per_thousand",
)
"""The measures of every table; what a study plots besides comes first."""


def lines(result: StudyResult, study: Study) -> Iterator[str]:
    """The study's title, and the table: a line for each cell; what the study is about has its confidence interval. A
    table that is wider than a page is several, each with the names of the cells."""
    names, wanted = _measures(study), _asked_for(study)
    varied = list(study.vary)
    yield study.title
    for place, part in enumerate(blocks(_rows(result, names, wanted, varied), 1 + len(varied))):
        if place:
            yield ""
        for number, cells in enumerate(part):
            yield joined(cells)
            following = part[number + 1][0] if number + 1 < len(part) else ""
            if varied and number and following and cells[0] != following:
                yield ""
    yield ""
    yield legend(result)
    for name in names:
        yield from entry(f"  {MEASURES[name].heading}:", MEASURES[name].sentence, 4 + len(MEASURES[name].heading))


def brief(result: StudyResult, study: Study) -> Iterator[str]:
    """No more than what the study is about: a line for each cell, with intervals."""
    wanted = _asked_for(study)
    for part in blocks(_rows(result, wanted, wanted, list(study.vary)), 1 + len(study.vary)):
        yield from map(joined, part)


def rows(result: StudyResult, study: Study) -> list[dict[str, str]]:
    """The same as rows: heading → text."""
    heads, *cells = _rows(result, _measures(study), _asked_for(study), list(study.vary))
    return [dict(zip(heads, each, strict=True)) for each in cells]


def legend(result: StudyResult) -> str:
    """What the brackets say, and in what unit the times are."""
    return f"[low, high]: {result.confidence:.0%} confidence. Waiting and response times in seconds of virtual time."


def _asked_for(study: Study) -> Sequence[str]:
    """What the study is about: these measures have their intervals."""
    return study.plot.y if study.plot.kind == "curves" else ("stuck_per_thousand", "never_told_per_thousand")


def _measures(study: Study) -> list[str]:
    asked = _asked_for(study)
    return [*asked, *(name for name in SHOWN if name not in asked)]


def _rows(
    result: StudyResult, names: Sequence[str], wanted: Sequence[str], varied: Sequence[str]
) -> Iterator[list[str]]:
    """The headings, then each cell: its agent, what is varied, how many prompts, and the measures."""
    heads = ["revision", *(name.rpartition(".")[2] if len(varied) == 1 else name for name in varied), "prompts"]
    yield heads + [MEASURES[name].heading for name in names]
    for row in result.rows:
        yield [
            row.revision,
            *(str(row.parameters[name]) for name in varied),
            f"{row.prompts:,}",
            *(_figure(row.measures[name], wide=name in wanted) for name in names),
        ]


def _figure(interval: Interval | None, *, wide: bool) -> str:
    if interval is None:
        return "–"
    value, low, high = interval
    if not wide or low is None or high is None:
        return short(value)
    return f"{short(value)} [{short(low)}, {short(high)}]"


def short(value: float) -> str:
    """Three digits, without an exponent."""
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def as_csv(result: StudyResult) -> str:
    """One line for each cell; each measure has three columns, its value and the ends of its interval."""
    varied = list(dict.fromkeys(name for row in result.rows for name in row.parameters))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [name + end for name in MEASURES for end in ("", "_low", "_high")]
    writer.writerow(["revision", *varied, "replications", "prompts", "undecided", *columns])
    for row in result.rows:
        writer.writerow([row.revision, *(row.parameters.get(name, "") for name in varied), *_figures(row)])
    return text.getvalue()


def _figures(row: StudyRow) -> Iterator[object]:
    yield from (row.replications, row.prompts, row.undecided)
    for name in MEASURES:
        yield from ("" if end is None else end for end in row.measures[name] or (None, None, None))
