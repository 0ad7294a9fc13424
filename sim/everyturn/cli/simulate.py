"""`everyturn simulate`."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from everyturn.cli.ending import KEPT, exit_codes, exits
from everyturn.cli.options import Finite, quiet
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Exit

if TYPE_CHECKING:
    from everyturn.studies.results import StudyResult
    from everyturn.studies.study import Source

FIRST_SECONDS: Final = 4.0
"""A study that takes longer shows what it has found before it is done."""


@click.command(
    epilog=exit_codes(KEPT, {Exit.HOLDS: "the study is done", Exit.NOTHING_RAN: "nothing ran"}),
    short_help="Hours of a busy session: rates, waits, hangs",
)
@click.argument("file", required=False, metavar="[STUDY.toml]", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Folder for journal, table, CSV and picture.")
@click.option(
    "--revision",
    "--agent",
    "revisions",
    multiple=True,
    metavar="NAME",
    help="Only this one (repeatable).  [default: the study's, or all]",
)
@click.option("--prompts-per-minute", type=Finite(0), help="Poisson arrivals, in each session.")
@click.option("--cancels-per-hour", type=Finite(0), help="Cancels at random times, in each session.")
@click.option("--hours", type=Finite(0, min_open=True), help="Virtual hours of each replication.")
@click.option("--replications", type=click.IntRange(1), help="Independent replications of each cell.")
@click.option("--seed", type=int, help="The same seed gives the same bytes.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@quiet("One line for each agent and point: what the study is about, with its interval.")
@exits
def simulate(
    file: Path | None,
    output: Path | None,
    revisions: tuple[str, ...],
    prompts_per_minute: float | None,
    cancels_per_hour: float | None,
    hours: float | None,
    replications: int | None,
    seed: int | None,
    jobs: int,
    as_json: bool,
) -> int:
    """Simulate hours of a busy session on SimPy's clock: rates, waiting times, hangs, with confidence intervals.

    A study file says who comes, how long things take and what is varied; some lie in studies/, docs/studies.md explains
    them. Without a file, the options make a small study. With -o, what is done is kept: the same command goes on where
    it was interrupted.
    """
    from everyturn.cli.documents import encoded
    from everyturn.reports import study_tables, text
    from everyturn.studies.results import check_measures, judge
    from everyturn.studies.running import StudyJournal, run

    overrides: dict[str, Any] = {
        name: value
        for name, value in (
            ("revisions", list(revisions) or None),
            ("hours", hours),
            ("replications", replications),
            ("seed", seed),
            ("cancels.per_hour", cancels_per_hour),
        )
        if value is not None
    }
    if prompts_per_minute is not None:
        overrides["arrivals"] = {"kind": "poisson", "per_minute": prompts_per_minute}
    source = _source(file, overrides)
    study, cells = source.study(), source.cells()
    check_measures(study, source.where)
    name = "simulation" if file is None else file.stem
    show = text.Printer(err=as_json)
    journal = StudyJournal(None if output is None else output / f"{name}.jsonl", cells)
    coarse = _Coarse(output, name, source, quiet=show.quiet)
    with text.ProgressLine(name) as bar:
        total = sum(cell.study.replications for cell in cells)
        interrupted = run(
            cells,
            journal,
            jobs=jobs,
            progress=lambda parts, what: bar.studying(parts, total, ", ".join(filter(None, (what, coarse.said)))),
            rounded=lambda number: coarse.show(partial(judge, study, cells, journal.made, interrupted=True), number),
        )
    result = judge(study, cells, journal.made, interrupted=interrupted)
    if result.rows:
        for line in study_tables.brief(result, study) if show.quiet else study_tables.lines(result, study):
            show.say(line)
        if output is not None:
            _write(output, name, result, source)
            if not show.quiet:
                show.say(f"in {output}: {name}.jsonl, {name}.csv, {name}.json, {name}.png")
    if interrupted:
        show.say("interrupted: the same command goes on from here" if output else "interrupted: what was found so far")
    if as_json:
        click.echo(encoded(result))
    if interrupted:
        return Exit.INTERRUPTED
    return Exit.HOLDS if result.rows else Exit.NOTHING_RAN


class _Coarse:
    """What a study has found when each cell has as many replications as any other, long before it is done.

    It is in the same files in which the end of it will be; without a folder it is a table on standard error, unless
    that is to be ``quiet``. First after :data:`FIRST_SECONDS`, then each time that twice as many have passed.
    """

    def __init__(self, output: Path | None, name: str, source: Source, *, quiet: bool) -> None:
        self.output = output
        self.quiet = quiet
        self.name = name
        self.source = source
        self.said = ""
        self._since = time.monotonic()
        self._next = FIRST_SECONDS

    def show(self, find: Callable[[], StudyResult], number: int) -> None:
        """Show what ``find`` finds, if it is time: of so many replications of each cell."""
        passed = time.monotonic() - self._since
        if passed < self._next:
            return
        self._next = 2 * passed
        if self.output is not None:
            _write(self.output, self.name, find(), self.source)
            self.said = f"the first {number} of each in {self.output / self.name}.png"
        if self.output is not None or self.quiet:
            return
        from everyturn.reports import study_tables

        click.echo(f"the first {number} of each:", err=True)
        for line in study_tables.lines(find(), self.source.study()):
            click.echo(line, err=True)


def _source(file: Path | None, overrides: dict[str, Any]) -> Source:
    """The study that the command line asks for."""
    from everyturn.studies.study import read_study, source

    if file is not None:
        return read_study(file, overrides)
    if "arrivals" not in overrides:
        raise UsageError(
            "simulate: expected a study's file, for example studies/hang_by_cancel_rate.toml, or "
            "--prompts-per-minute; found neither"
        )
    raw = {"title": "A session under Poisson arrivals", "plot": {"kind": "bars"}}
    return source(raw, "simulate", Path(), overrides)


def _write(folder: Path, name: str, result: StudyResult, source: Source) -> None:
    """The table as CSV, the document and the picture."""
    import msgspec

    from everyturn.files.writing import written
    from everyturn.reports.study_plots import draw
    from everyturn.reports.study_tables import as_csv

    written(folder / f"{name}.csv", [as_csv(result).encode()])
    written(folder / f"{name}.json", [msgspec.json.encode(result), b"\n"])
    draw(result, source, source.study(), folder / f"{name}.png")
