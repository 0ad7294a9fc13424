"""A bug report on what a log shows an agent to have done wrong: what goes into it; how it looks is for those who write
it."""

from __future__ import annotations

import hashlib
import platform
import shlex
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from everyturn import __version__
from everyturn.errors import UsageError
from everyturn.files.reading import STDIN, Unreadable
from everyturn.files.reading import ReadingFault as FileFault
from everyturn.files.writing import written
from everyturn.logs.conforming import Conformed, RunMatch
from everyturn.logs.excerpt import Excerpt, excerpt, lines_of
from everyturn.logs.faults import RefusedRuns, faults
from everyturn.logs.reproduction import Reproduction, reproduce
from everyturn.logs.words import words
from everyturn.verdicts import hints
from everyturn_model.partial import PartialAnswer

ENDINGS: Final = (".md", ".html")


@dataclass(frozen=True, slots=True)
class ReportItem:
    """One cause, as it is told: ``number`` from 1, the excerpt of the shown run, and the same in the model if it is
    known.

    ``reading``: the options of `everyturn validate` with which its log is to be read.
    """

    number: int
    fault: RefusedRuns
    excerpt: Excerpt
    reproduction: Reproduction | None
    reading: tuple[str, ...] = ()

    @property
    def others(self) -> str:
        """The other runs with this cause, in words."""
        names = [run.name for run in self.fault.runs if run is not self.fault.shown]
        more = f" and {len(names) - 12:,} more" if len(names) > 12 else ""
        return ", ".join(names[:12]) + more

    @property
    def consequences(self) -> tuple[str, ...]:
        """What else the specification refuses in the shown run: consequences, or faults of their own."""
        later = ((each.place, each.needed[0]) for each in self.fault.shown.matched.refusals[1:])
        told = (f"Line {place}, {words(needed.event)}: {needed.sentence}" for place, needed in later)
        return tuple(dict.fromkeys(told))


@dataclass(frozen=True, slots=True)
class LogSummary:
    """One file: its digest, and how many of its runs got which answer."""

    path: str
    sha256: str
    revisions: str
    answers: Counter[PartialAnswer]
    lines: int

    @property
    def runs(self) -> int:
        """How many runs were judged."""
        return self.answers.total()


@dataclass(frozen=True, slots=True)
class BugReport:
    """All that a report tells."""

    items: tuple[ReportItem, ...]
    logs: tuple[LogSummary, ...]
    runs: int
    refused: int
    undetermined: int
    tool: str
    command: str

    @property
    def title(self) -> str:
        """The fault in one sentence; of several, how many; of none, in how much."""
        if not self.runs:
            return "Nothing was judged"
        if not self.items and self.undetermined:
            return f"No fault was found, and {self.undetermined:,} of {self.runs:,} runs are undetermined"
        if not self.items:
            return "No fault was found"
        if len(self.items) == 1:
            return self.items[0].fault.title
        agents = ", ".join(dict.fromkeys(log.revisions for log in self.logs))
        return f"{len(self.items)} faults of {agents}, in {self.refused:,} of {self.runs:,} runs"


def bug_report(
    conformed: Conformed,
    command: str,
    model: Callable[[str, str, str], Reproduction | None] = reproduce,
    reading: Sequence[str] = (),
) -> BugReport:
    """What is to be told of all runs that were matched; ``model`` looks for the same fault in the model.

    ``command`` made the report; ``reading`` are those of its options that say how the logs are to be read.
    """
    runs = conformed.runs
    items = tuple(_item(number, fault, model, reading) for number, fault in enumerate(faults(runs), 1))
    return BugReport(
        items,
        tuple(_logs(conformed)),
        len(runs),
        sum(bool(run.matched.refusals) for run in runs),
        sum(run.matched.answer is PartialAnswer.UNDETERMINED for run in runs),
        f"everyturn {__version__}, Python {platform.python_version()}",
        command,
    )


def _item(
    number: int, fault: RefusedRuns, model: Callable[[str, str, str], Reproduction | None], reading: Sequence[str]
) -> ReportItem:
    run = fault.shown
    same = None if fault.invariant is None else model(run.revision, fault.invariant, run.scope)
    texts = lines_of(run.file, range(run.lines[0], run.lines[1] + 1))
    return ReportItem(number, fault, excerpt(fault, texts), same, tuple(reading))


def _logs(conformed: Conformed) -> Iterator[LogSummary]:
    for file in conformed.seconds:
        runs = [run for run in conformed.runs if run.file == file]
        names = ", ".join(dict.fromkeys(run.revision for run in runs))
        answers = Counter(run.matched.answer for run in runs)
        yield LogSummary(file, _digest(Path(file)), names, answers, sum(run.count for run in runs))


def _digest(path: Path) -> str:
    if path == STDIN:
        return "unknown: standard input"
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unreadable(FileFault(path, 0, "a file that can be read", error.strerror or str(error))) from error


def write_reports(paths: Sequence[Path], conformed: Conformed, command: str, reading: Sequence[str]) -> None:
    """Write the report to each of ``paths``; the ending decides how. Raises :class:`UsageError` if it cannot be
    written.

    ``command``, ``reading``: see :func:`bug_report`.
    """
    from everyturn.reports.bug_html import page
    from everyturn.reports.bug_markdown import markdown

    report = bug_report(conformed, command, reading=reading)
    for path in paths:
        text = page(report) if path.suffix.lower() == ".html" else markdown(report)
        written(path, [text.encode()])


def check_endings(paths: Sequence[Path]) -> None:
    """Raises :class:`UsageError` for a report whose ending says nothing."""
    for path in paths:
        if path.suffix.lower() not in ENDINGS:
            raise UsageError(f"--report {path}: expected a name that ends in {' or '.join(ENDINGS)}")


def share(item: ReportItem) -> str:
    """In how many runs of which agent, in short."""
    return f"{len(item.fault.runs):,} of {item.fault.of:,} runs of {item.fault.shown.revision}"


def runs_of(fault: RefusedRuns) -> str:
    """How often, in words."""
    first, everywhere = len(fault.runs), fault.anywhere
    also = f"; the same rule is broken in {everywhere:,} runs altogether" if everywhere > first else ""
    return f"first fault of {first:,} of {fault.of:,} runs ({first / fault.of:.0%}){also}"


def commands(item: ReportItem) -> Iterator[str]:
    """How to see it again: in the log, and in the model."""
    run = item.fault.shown
    yield shlex.join(["everyturn", "validate", *item.reading, "--explain", str(run.run), run.file])
    same = item.reproduction
    if same is not None:
        yield hints.of_world("check", same.revision, same.scope, invariant=same.invariant)
        yield hints.of_run("replay", same.token, same.revision, same.invariant)
    elif item.fault.invariant is not None:
        yield hints.of_world("check", "package.module:YourAgent", "AA", invariant=item.fault.invariant)


def reproduced(item: ReportItem) -> str:
    """What the commands show."""
    same = item.reproduction
    if same is not None:
        return (
            f"The model of {same.revision} shows the same invariant broken in {same.steps} steps, in scope "
            f"{same.scope}: {same.sentence}."
        )
    own = "the last command checks a model of your own" if item.fault.invariant is not None else "you can write one"
    return f"No model of this agent is known to show it; {own} (docs/your_own_agent.md)."


def run_lines(run: RunMatch) -> str:
    """Where the run stands."""
    return f"{run.name}, lines {run.lines[0]:,} to {run.lines[1]:,} of {run.file}"
