"""`everyturn validate --identify`: which revision could have written these recordings?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from everyturn.cli.documents import encoded
from everyturn.cli.ending import complain
from everyturn.cli.logs import check_explained
from everyturn.verdicts.verdict import RESULT_SCHEMA, Exit, Result, exit_code


def identification(
    logs: tuple[Path, ...], show: Any, how: dict[str, Any], *, as_json: bool, exit_zero: bool, expect: str | None
) -> int:
    """Match, print, and judge each file by the revision that explains most of its runs: 0 only if it explains all."""
    from everyturn.logs.identify import BUDGET, RunIdentified, identify
    from everyturn.reports.identification import LEGEND, explanation, heading, row, table
    from everyturn.reports.text import ProgressLine
    from everyturn_impl.revisions import REVISIONS

    file = None

    def say(run: RunIdentified) -> None:
        nonlocal file
        if how["explain"] is not None:
            for text in explanation(run) if run.run == how["explain"] else ():
                show.say(text)
            return
        if run.file != file:
            file = run.file
            show.say(f"{file}:")
            show.say(LEGEND)
            show.say(heading(tuple(tried.revision for tried in run.tried)))
        show.say(row(run))

    with ProgressLine("identify") as progress:
        identified = identify(
            logs, how["revisions"] or tuple(REVISIONS), how["budget"] or BUDGET, say, progress.matching
        )
    for error in (*identified.unreadable, *identified.unreadable.rest):
        complain(error)
    check_explained(how["explain"], [run.run for run in identified.runs])
    for text in table(identified):
        show.say(text)
    cells = [cell for run in identified.runs for cell in run.cells()]
    if as_json:
        click.echo(encoded(Result(RESULT_SCHEMA, "validate", cells, identified.interrupted)))
    best = [cell for cell in cells if cell.file is not None and cell.revision == identified.best(cell.file)]
    judged = Result(RESULT_SCHEMA, "validate", best, identified.interrupted)
    code = exit_code(judged, exit_zero=exit_zero, expect_refuted=expect == "refuted")
    return Exit.USAGE if identified.unreadable else code
