"""Timed studies: hours of a busy session."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from everyturn.errors import UsageError
from everyturn.front.tables import TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports import study_plots, study_tables
from everyturn.studies.results import StudyResult, check_measures, judge
from everyturn.studies.running import StudyJournal, run
from everyturn.studies.study import Source, Study, read_study, source
from everyturn.verdicts.html_tables import as_html
from everyturn.world.agents import revision_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class SimulateResult(TabledResult):
    """What a study found: a row for each agent at each point; ``str`` of it is the table of `everyturn simulate`."""

    def __init__(self, result: StudyResult, asked: Source, study: Study) -> None:
        self.result = result
        self.interrupted: bool = result.interrupted
        self._source = asked
        self._study = study

    def __str__(self) -> str:
        return "\n".join(study_tables.lines(self.result, self._study))

    def table(self) -> list[TableRow]:
        """A row for each agent and point; a measure has its value, and the ends of its interval as ``…_low`` and
        ``…_high``."""
        return [
            {
                "revision": row.revision,
                **row.parameters,
                "replications": row.replications,
                "prompts": row.prompts,
                "undecided": row.undecided,
                **_measures(row.measures),
            }
            for row in self.result.rows
        ]

    def _repr_html_(self) -> str:
        """The table of `everyturn simulate`: what the study is about has its intervals."""
        table = as_html(study_tables.rows(self.result, self._study))
        return f"<p>{escape(self._study.title)}</p>{table}<p>{escape(study_tables.legend(self.result))}</p>"

    def figure(self) -> Figure:
        """The study's picture."""
        return study_plots.figure_of(self.result, self._source, self._study)


def _measures(measures: dict[str, Any]) -> TableRow:
    ends = ("", "_low", "_high")
    return {
        name + end: None if interval is None else value
        for name, interval in measures.items()
        for end, value in zip(ends, interval or (None, None, None), strict=True)
    }


@undisturbed
def simulate(
    study: str | Path | None = None,
    *,
    agents: Sequence[str] = (),
    prompts_per_minute: float | None = None,
    cancels_per_hour: float | None = None,
    hours: float | None = None,
    replications: int | None = None,
    seed: int | None = None,
    jobs: int = 1,
    journal: str | Path | None = None,
) -> SimulateResult:
    """Simulate hours of a busy session on SimPy's clock: rates, waiting times, hangs, with confidence intervals.

    ``study``: a study's file, of which the options change what they name; none: Poisson arrivals,
    ``prompts_per_minute``. ``agents``: only these, by name. ``journal``: a file in which each replication is kept
    when it is done, so that the same call goes on from there. The same ``seed`` gives the same rows whatever ``jobs``
    (processes) is. Raises :class:`~everyturn.UsageError`.
    """
    changes: dict[str, Any] = {
        "revisions": [revision_name(name) for name in agents] or None,
        "hours": hours,
        "replications": replications,
        "seed": seed,
        "cancels.per_hour": cancels_per_hour,
        "arrivals": None if prompts_per_minute is None else {"kind": "poisson", "per_minute": prompts_per_minute},
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if study is None and prompts_per_minute is None:
        raise UsageError("simulate: expected a study's file or prompts_per_minute; found neither")
    raw = {"title": "A session under Poisson arrivals", "plot": {"kind": "bars"}}
    asked = source(raw, "simulate", Path(), changes) if study is None else read_study(Path(study), changes)
    parsed, cells = asked.study(), asked.cells()
    check_measures(parsed, asked.where)
    kept = StudyJournal(None if journal is None else Path(journal), cells)
    interrupted = run(cells, kept, jobs=jobs)
    return SimulateResult(judge(parsed, cells, kept.made, interrupted=interrupted), asked, parsed)
