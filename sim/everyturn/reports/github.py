"""What GitHub shows beside a change: an annotation for each failure, and a table in the job's summary.

Workflow commands: https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from everyturn.reports.refutations import ToldDoubt, ToldRefutation


def annotation(level: str, title: str, text: str, file: str | None = None, line: int | None = None) -> str:
    """A workflow command: an annotation of this level (error, warning, notice), at a line of a file, if it is known."""
    place = "" if file is None else f"file={_property(file)},line={line or 1},"
    return f"::{level} {place}title={_property(title)}::{_escaped(text)}"


def summarise(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str | None:
    """Append a table to the summary that GitHub names, if it names one; why not, if that fails."""
    named = os.environ.get("GITHUB_STEP_SUMMARY")
    if not named:
        return None
    lines = ["### everyturn", "", _row(head), _row(["---"] * len(head)).replace(" ", ""), *map(_row, rows), ""]
    try:
        with Path(named).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines) + "\n")
    except OSError as error:
        return f"GITHUB_STEP_SUMMARY {named}: expected a file that can be written; found {error.strerror or error}"
    return None


def annotated(refuted: Iterable[ToldRefutation], doubtful: Iterable[ToldDoubt]) -> Iterable[str]:
    """An error for each refutation, at the line that decided; a notice for what is undetermined."""
    for each in refuted:
        file, line, _ = each.places[0] if each.places else (None, None, "")
        again = "" if each.replay is None else f"\n{each.replay}"
        yield annotation("error", f"{each.invariant}: {each.subject}", f"{each.sentence}{again}", file, line)
    for doubt in doubtful:
        yield annotation("notice", f"{doubt.invariant}: {doubt.subject}", f"undetermined: {doubt.reason}")


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(_cell(each) for each in cells) + " |"


def _cell(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _escaped(str(text)).replace(":", "%3A").replace(",", "%2C")
