"""What GitHub shows of tests: an annotation for each that failed, and a table of all that was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from everyturn.reports.github import annotation
from everyturn.reports.github import summarise as summarise_rows

_HEAD = ("test", "verdict", "asked", "token")


def commands(reports: Iterable[Any]) -> Iterator[str]:
    """A workflow command for each report of a test that failed, with the file and the line of the test."""
    for report in reports:
        if report.failed:
            path, line, _ = report.location
            yield annotation("error", report.nodeid, str(report.longrepr).partition("\n")[0], path, (line or 0) + 1)


def summarise(reports: Iterable[Any]) -> str | None:
    """Append a table of all that was asked to the file that GitHub names, if it names one; why not, if that fails."""
    return summarise_rows(_HEAD, _rows(reports))


def _rows(reports: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    """A row for each verdict, with the token that stands after it."""
    for report in reports:
        rows: list[dict[str, str]] = []
        for name, value in report.user_properties:
            if name == "everyturn.verdict":
                rows.append({})
            if rows and name.startswith("everyturn."):
                rows[-1][name.removeprefix("everyturn.")] = str(value)
        for row in rows:
            yield report.nodeid, row["verdict"], row.get("asked", ""), row.get("token", "")
