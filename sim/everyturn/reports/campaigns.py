"""What the command line prints of campaigns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec

from everyturn.campaigns.comparing import CampaignDiff
from everyturn.campaigns.counting import CampaignCell, CampaignFailure, CampaignResult
from everyturn.campaigns.known import KnownFailure, KnownSince, Since
from everyturn.campaigns.running import CampaignProgress
from everyturn.campaigns.subjects import PORTS
from everyturn.files.writing import written
from everyturn.reports.text import SIGNS, ProgressLine
from everyturn.verdicts import hints
from everyturn.verdicts.verdict import WORST_FIRST, Verdict


class CampaignLine(ProgressLine):
    """Progress of a campaign."""

    def working(self, progress: CampaignProgress) -> None:
        """One more unit is done."""
        self._show(
            f"{progress.phase}, {progress.done:,} of {progress.of:,} units, {progress.runs:,} runs, "
            f"{progress.violated:,} units with a violation, {progress.seconds:.0f} s"
        )


def lines(result: CampaignResult) -> Iterator[str]:
    """What came of a campaign."""
    for known in result.known:
        yield from _known(known)
    for cell in result.cells:
        yield f"{SIGNS[cell.verdict][0]} {_cell(cell)}"
    for failure in result.failures:
        yield from _failure(failure)
    yield from _left(result)


def brief(result: CampaignResult) -> Iterator[str]:
    """What fails, and what is not known: known failures that are not cured, cells in which the agent or a limit left no
    answer, failures; at last how much was asked."""
    for known in result.known:
        if known.outcome.since is not Since.CURED:
            yield from _known(known)
    for cell in result.cells:
        if cell.fault is not None or cell.verdict in (Verdict.UNDETERMINED, Verdict.NOT_JUDGED):
            yield f"{SIGNS[cell.verdict][0]} {_cell(cell)}"
    for failure in result.failures:
        yield from _failure(failure)
    verdicts = Counter(cell.verdict for cell in result.cells)
    said = ", ".join(f"{verdicts[each]} {each.words}" for each in WORST_FIRST if verdicts[each])
    yield f"{len(result.cells):,} cells: {said or 'nothing was asked'}"
    yield from _left(result)


def _known(known: KnownSince) -> Iterator[str]:
    since = f"{known.outcome.since} ({known.outcome.how})"
    yield f"known   {known.failure.place}: {known.failure.invariant}: {since}  [{known.file}]"
    if known.outcome.token is not None:
        yield f"        {replay_command(known.failure, known.outcome.token)}"


def _left(result: CampaignResult) -> Iterator[str]:
    if result.left:
        yield f"{result.left:,} of {result.left + result.units:,} units of work are still to be made"


def _cell(cell: CampaignCell) -> str:
    if cell.fault is not None:
        return f"{cell.cell.key}: the agent did what no agent may: {cell.fault}"
    counts = Counter(cell.verdicts.values())
    said = ", ".join(f"{counts[verdict]} {verdict.words}" for verdict in WORST_FIRST if counts[verdict])
    size = f"{cell.states:,} states" if cell.states else f"{cell.runs:,} of {cell.of:,} runs"
    if cell.complete:
        size += ", complete"
    if cell.stopped is not None:
        size += f", stopped: {cell.stopped}"
    if cell.risk is not None and counts[Verdict.RISK]:
        others = "each of the others" if counts[Verdict.REFUTED] else "a violation"
        size += f", {others}: probability per run at most {cell.risk.at_most:.2g}, confidence {cell.risk.confidence}"
    return f"{cell.cell.key}: {said or 'nothing is known yet'}  [{size}]"


def _failure(failure: CampaignFailure) -> Iterator[str]:
    small = failure.failure
    known = "new   " if failure.file is None else "known "
    again = "" if failure.file is None else f"  [{failure.file}]"
    yield f"{known}  {small.place}: {small.invariant}: {small.what}{again}"
    if failure.file is None:
        yield f"        {replay_command(small, small.token)}"


def replay_command(failure: KnownFailure, token: str) -> str:
    """The command that makes a run of a failure again."""
    if failure.kind in PORTS:
        return hints.command("replay", token, agent=failure.agent, invariant=failure.invariant)
    return hints.command("replay", token, **{failure.kind: failure.name})


def found_since(result: CampaignResult) -> Counter[Since]:
    """How many known failures have become what."""
    return Counter(each.outcome.since for each in result.known)


def write_result(path: Path, result: CampaignResult) -> None:
    """Write what came of a campaign as one JSON document. Raises :class:`~everyturn.UsageError` if it cannot be."""
    written(path, [msgspec.json.encode(result), b"\n"])


def diff_lines(found: CampaignDiff) -> Iterator[str]:
    """What is different between two campaigns."""
    for head, failures in (("new", found.new), ("gone", found.gone), ("not asked any more", found.not_asked)):
        for each in failures:
            yield f"{head}: {each.place}: {each.invariant}: {each.what}"
            if failures is found.new:
                yield f"  {replay_command(each, each.token)}"
    for change in found.changed:
        risks = f"{_probability(change.risk_before)} → {_probability(change.risk_after)}"
        yield f"{change.cell}: {change.invariant}: {change.before.words} → {change.after.words}, per run {risks}"
    for head, cells in (("only in the first", found.only_before), ("only in the second", found.only_after)):
        for key in cells:
            yield f"{head}: {key}"
    if not (found.new or found.gone or found.not_asked or found.changed or found.only_before or found.only_after):
        yield "no difference"


def _probability(risk: float | None) -> str:
    return "?" if risk is None else f"{risk:.2g}"
