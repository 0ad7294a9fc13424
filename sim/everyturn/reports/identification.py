"""Which revision wrote a recording, as text: a row for each run, a table for each file, a line that ranks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from everyturn.logs.identify import Identified, RunIdentified, Tried
from everyturn.logs.matching import MatchAnswer
from everyturn.reports.text import SIGNS
from everyturn.verdicts.verdict import Verdict

_SIGN: Final = {
    MatchAnswer.ACCEPTED: SIGNS[Verdict.HOLDS][0],
    MatchAnswer.REFUSED: SIGNS[Verdict.REFUTED][0],
    MatchAnswer.UNDETERMINED: SIGNS[Verdict.UNDETERMINED][0],
}
LEGEND: Final = "✓ could have written the run  ✗ could not; so many of its lines fit  ? the budget ended first"


def heading(revisions: tuple[str, ...]) -> str:
    """The names above the rows."""
    columns = "".join(_column(_short(revision), revision) for revision in revisions)
    return f"{'run':>5} {'lines':>6}{columns}  scope"


def row(run: RunIdentified) -> str:
    """One run: what each revision says to it."""
    signs = "".join(_column(_said(tried), tried.revision) for tried in run.tried)
    return f"{run.run:>5} {len(run.transcript.lines):>6}{signs}  {run.scope}"


def _column(cell: str, revision: str) -> str:
    """A cell, as wide as the short name above it and as a sign with a number of three digits."""
    return f" {cell:>{max(len(_short(revision)), 5)}}"


def _short(revision: str) -> str:
    return revision.partition("-")[0].rpartition(":")[2][:9]


def _said(tried: Tried) -> str:
    fits = f" {tried.match.written}" if tried.match.answer is MatchAnswer.REFUSED else ""
    return f"{_SIGN[tried.match.answer]}{fits}"


def explanation(run: RunIdentified) -> Iterator[str]:
    """One run in full: why the revisions that refuse it do, and one way in which the others could have written it."""
    yield f"{run.file}: run {run.run}, recorded from {run.recorded}"
    shown = False
    for tried in run.tried:
        if tried.match.answer is not MatchAnswer.ACCEPTED:
            at = f"{run.place(tried.match)}: " if tried.match.answer is MatchAnswer.REFUSED else ""
            yield f"{_SIGN[tried.match.answer]} {tried.revision}: {at}{run.sentence(tried.match)}"
            continue
        preferred = run.recorded if any(_accepts(each, run.recorded) for each in run.tried) else tried.revision
        yield f"{_SIGN[tried.match.answer]} {tried.revision}: in {tried.match.states:,} product states"
        if not shown and tried.revision == preferred:
            shown = True
            yield from _way(run, tried)


def _accepts(tried: Tried, revision: str) -> bool:
    return tried.revision == revision and tried.match.answer is MatchAnswer.ACCEPTED


def _way(run: RunIdentified, tried: Tried) -> Iterator[str]:
    """Each line with its place in the file, and the hidden steps marked ``+``."""
    for made in tried.match.way:
        if made.place is None:
            yield f"{'':>8} + {made.thread}: {made.operation}"
        else:
            yield f"{run.transcript.places[made.place]:>8}   {made.thread}: {made.operation}"


def table(identified: Identified) -> Iterator[str]:
    """For each file and revision how many runs, and how long it took; then the ranking over all files."""
    files = dict.fromkeys(run.file for run in identified.runs)
    for file in files:
        yield f"{'accepted':>10}{'refused':>9}{'undetermined':>14}{'seconds':>9}  {file}"
        counts = identified.counts(file)
        for revision, answers in counts.items():
            numbers = "".join(
                f"{answers[answer]:>{width}}" for answer, width in zip(MatchAnswer, (10, 9, 14), strict=True)
            )
            yield f"{numbers}{identified.seconds(revision, file):>9.1f}  {revision}"
        yield f"{file}: {ranking(identified, file)}"
    if len(files) > 1:
        yield f"all: {ranking(identified)}"


def ranking(identified: Identified, file: str | None = None) -> str:
    """The revisions in the order of how many runs they explain."""
    return "; ".join(_explains(revision, answers) for revision, answers in identified.ranking(file))


def _explains(revision: str, answers: Counter[MatchAnswer]) -> str:
    still_open = f" ({answers[MatchAnswer.UNDETERMINED]} undetermined)" if answers[MatchAnswer.UNDETERMINED] else ""
    return f"{revision} explains {answers[MatchAnswer.ACCEPTED]} of {answers.total()} runs{still_open}"
