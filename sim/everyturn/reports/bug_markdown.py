"""A bug report in Markdown, for an issue tracker. Everything from a log is escaped or stands in a fence that it cannot
close."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from everyturn.logs.excerpt import Excerpt, ExcerptRow, Sign
from everyturn.logs.faults import RefusedRuns
from everyturn.logs.words import words
from everyturn.printing import printable
from everyturn.reports.bug import BugReport, ReportItem, commands, reproduced, run_lines, runs_of, share
from everyturn_model.partial import PartialAnswer

_SIGNS = {Sign.SEEN: "", Sign.HIDDEN: "+", Sign.REFUSED: "**✗**"}


def markdown(report: BugReport) -> str:
    """The whole report."""
    return "\n".join(_report(report)) + "\n"


def plain(text: str) -> str:
    """Text in which nothing is markup: what could be is written as a character reference."""
    return re.sub(r"[^\w\s.,;:'()/+=%-]|_", lambda found: f"&#{ord(found[0])};", printable(text), flags=re.ASCII)


def fenced(lines: Sequence[str]) -> Iterator[str]:
    """A block of code, in a fence longer than any in it."""
    longest = max((len(found) for line in lines for found in re.findall(r"`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}text", *map(printable, lines), fence)


def _report(report: BugReport) -> Iterator[str]:
    yield from (f"# {plain(report.title)}", "")
    if not report.items:
        explained = report.runs - report.undetermined
        left = f" {report.undetermined:,} are undetermined: a fault may be hidden there." if report.undetermined else ""
        yield from (f"The specification explains {explained:,} of {report.runs:,} runs.{left}", "")
    elif len(report.items) > 1:
        yield from ("| | fault | runs |", "|---|---|---|")
        for item in report.items:
            yield f"| {item.number} | {plain(item.fault.title)} | {plain(share(item))} |"
        yield ""
    for item in report.items:
        yield from _item(item, alone=len(report.items) == 1)
    yield from _environment(report)


def _item(item: ReportItem, *, alone: bool) -> Iterator[str]:
    fault = item.fault
    if not alone:
        yield from (f"## {item.number}. {plain(fault.title)}", "")
    yield from ("### What was expected", "", plain(fault.expected))
    if fault.promise is not None:
        yield f"In general (invariant `{fault.invariant}`): {plain(fault.promise)}."
    yield from ("", "### What happened", "", f"{plain(run_lines(fault.shown))}:", "")
    yield from _lanes(item.excerpt)
    left_out = f" {item.excerpt.left_out:,} steps of others are left out." if item.excerpt.left_out else ""
    yield from (
        "",
        f"`+`: a step that no line tells and that something later needs. ✗: what the rule forbids.{left_out}",
        "",
    )
    texts = [f"{row.place}: {row.text}" for row in item.excerpt.rows if row.text is not None]
    if texts:
        yield from ("The lines themselves:", "", *fenced(texts), "")
    yield from ("### Who is affected", "", plain(affected(fault)), "")
    yield from (["Refused in the same run, too:", ""] if item.consequences else [])
    for consequence in item.consequences:
        yield f"- {plain(consequence)}"
    yield from ([""] if item.consequences else [])
    yield from ("### How often", "", f"{runs_of(fault).capitalize()}.")
    yield from ([f"Also in {plain(item.others)}."] if item.others else [])
    yield from ("", "### How to reproduce", "", *fenced(list(commands(item))), "", plain(reproduced(item)), "")


def affected(fault: RefusedRuns) -> str:
    """Who waits for ever in the shown run."""
    if not fault.waiting:
        return "In this run nobody waits for ever."
    clients = " and ".join(f"the client of {name}" for name in fault.waiting)
    return f"In this run {clients} wait{'s' * (len(fault.waiting) == 1)} for ever."


def _lanes(excerpt: Excerpt) -> Iterator[str]:
    """A table with a lane for each prompt and operation."""
    lanes = [plain(each) for each in excerpt.lanes]
    yield f"| line | | {' | '.join(lanes)} |{' session |' if excerpt.session else ''}"
    yield f"|---:|---|{'---|' * (len(lanes) + excerpt.session)}"
    for row in excerpt.rows:
        yield _row(row, excerpt)


def _row(row: ExcerptRow, excerpt: Excerpt) -> str:
    lanes = excerpt.lanes
    cells = [""] * (len(lanes) + excerpt.session)
    said = plain(words(row.event))
    if row.rules:
        said += f" <br> **{plain(' '.join(row.rules))}**"
    cells[len(lanes) if row.lane is None else lanes.index(row.lane)] = said
    return f"| {row.place} | {_SIGNS[row.sign]} | {' | '.join(cells)} |"


def _environment(report: BugReport) -> Iterator[str]:
    yield from ("### Environment", "", "| | |", "|---|---|")
    for log in report.logs:
        counts = ", ".join(f"{log.answers[answer]:,} {answer}" for answer in PartialAnswer)
        yield f"| log | {plain(log.path)} |"
        yield f"| sha256 | {log.sha256} |"
        yield f"| written by | {plain(log.revisions)} |"
        yield f"| judged | {log.lines:,} lines, {log.runs:,} runs: {counts} |"
    yield f"| tool | {plain(report.tool)} |"
    yield f"| command | {plain(report.command)} |"
