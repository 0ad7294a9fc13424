"""What the command line prints of sessions: asyncio agents as they are, behind an adapter."""

from __future__ import annotations

from collections import defaultdict

import click

from everyturn.asyncio.checking import CheckedScenario, ReplayedScenario
from everyturn.reports.scenarios import counts, doubts
from everyturn.reports.text import SIGNS, Printer, judged_of, verdict_counts
from everyturn.verdicts import hints
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict


def show_checked(checked: CheckedScenario, show: Printer) -> None:
    """The verdicts on one session in one scope: how many of each, refutations with their tokens, and what is not
    judged, with the reason."""
    cell = checked.cell
    sign, colour = SIGNS[cell.verdict]
    head = click.style(f"{cell.revision}  {cell.scope}", bold=True) + "  " + click.style(sign, fg=colour)
    show.say(f"{verdict_counts(cell)}, {counts(cell, checked.found)}", f"{head} ")
    _show_refuted(cell, show)
    _show_unjudged(cell, show)
    doubts(checked, show)


def _show_refuted(cell: Cell, show: Printer) -> None:
    """Each refutation, and below those that one run shows the command that makes it again."""
    runs: dict[str | None, list[tuple[str, InvariantResult]]] = defaultdict(list)
    for name, judged in judged_of(cell):
        if judged.verdict is Verdict.REFUTED:
            runs[judged.token].append((name, judged))
    for token, shown in runs.items():
        for name, judged in shown:
            show.say(f" {name}: {judged.sentence}", "  " + click.style("✗", fg="red"))
        command = hints.command("replay", str(token), session=cell.revision)
        show.say(f"    {shown[0][1].steps} decisions of the world: {command}")


def _show_unjudged(cell: Cell, show: Printer) -> None:
    """What is not judged, not promised or undetermined: the names, by the reason."""
    reasons: dict[tuple[Verdict, str], list[str]] = defaultdict(list)
    for name, judged in judged_of(cell):
        if judged.verdict in (Verdict.NOT_JUDGED, Verdict.NOT_PROMISED, Verdict.UNDETERMINED) and judged.sentence:
            reasons[judged.verdict, judged.sentence].append(name)
    for (verdict, reason), names in reasons.items():
        show.say(f"  {verdict.replace('-', ' ')}: {', '.join(names)}: {reason}")


def show_replayed(replayed: ReplayedScenario, show: Printer) -> None:
    """A run step by step, and what is wrong with it."""
    for line in replayed.lines:
        show.say(line)
    if replayed.strayed is not None:
        show.say(f"not the recorded run: {replayed.strayed}")
    wrong = [(name, each) for name, each in judged_of(replayed.cell) if each.verdict is Verdict.REFUTED]
    for name, judged in wrong:
        show.say(f" {name}: {judged.sentence}", click.style("✗", fg="red"))
    if not wrong:
        show.say(" nothing is wrong with this run", click.style("✓", fg="green"))
