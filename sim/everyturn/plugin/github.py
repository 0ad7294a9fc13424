"""What GitHub shows beside a change: an annotation for each failure, and a table in the job's summary.

Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any


def commands(reports: Iterable[Any]) -> Iterator[str]:
    """A workflow command for each report of a test that failed, with the file and the line of the test."""
    for report in reports:
        if report.failed:
            path, line, _ = report.location
            first = str(report.longrepr).partition("\n")[0]
            place = f"file={_property(path)},line={(line or 0) + 1},title={_property(report.nodeid)}"
            yield f"::error {place}::{_escaped(first)}"


def summarise(reports: Iterable[Any]) -> str | None:
    """Append a table of all that was asked to the file that GitHub names, if it names one; why not, if that fails."""
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    if not named:
        return None
    lines = ["### everyturn", "", "| test | verdict | asked | token |", "|---|---|---|---|", *_rows(reports), ""]
    try:
        with Path(named).open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        return f"GITHUB_STEP_SUMMARY {named}: expected a file that can be written; found {error.strerror or error}"
    return None


def _rows(reports: Iterable[Any]) -> Iterator[str]:
    """A row for each verdict, with the token that stands after it."""
    for report in reports:
        rows: list[dict[str, str]] = []
        for name, value in report.user_properties:
            if name == "everyturn.verdict":
                rows.append({})
            if rows and name.startswith("everyturn."):
                rows[-1][name.removeprefix("everyturn.")] = str(value)
        for row in rows:
            cells = (report.nodeid, row["verdict"], row.get("asked", ""), row.get("token", ""))
            yield "| " + " | ".join(_cell(each) for each in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(str(text)).replace(":", "%3A").replace(",", "%2C")
