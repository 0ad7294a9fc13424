"""What the command line prints of scenarios: asyncio programs as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import click

from everyturn.asyncio.checking import CheckedScenario, ReplayedScenario
from everyturn.asyncio.runtime.findings import KINDS
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.reports.text import SIGNS, Printer, ProgressLine, counter_checked, risk_told
from everyturn.verdicts.verdict import Cell, Verdict


@contextmanager
def watching(name: str) -> Iterator[SearchProgress]:
    """Shows the progress of the search through one scenario."""
    with SearchProgress(name) as bar:
        yield bar


class SearchProgress(ProgressLine):
    """Progress of a search through the runs of a scenario."""

    def searching(self, found: ScenarioSearch) -> None:
        """One more run."""
        rate = found.runs / found.seconds if found.seconds else 0
        self._show(f"{found.runs:,} runs, {found.states:,} states, {found.merged:,} merged, {rate:,.0f} runs/s")


def show_checked(checked: CheckedScenario, show: Printer, hint: str) -> None:
    """The verdict on one scenario: a line, then one for each refutation with its token. ``hint``: the options it was
    run with."""
    cell, found = checked.cell, checked.found
    sign, colour = SIGNS[cell.verdict]
    head = click.style(cell.revision, bold=True) + "  " + click.style(f"{sign} {cell.verdict}", fg=colour)
    show.say(counts(cell, found), f"{head}  ")
    for kind, judged in cell.invariants.items():
        if judged.verdict is Verdict.REFUTED:
            show.say(f" {kind}: {judged.sentence}", "  " + click.style("✗", fg="red"))
            if judged.token is not None:
                show.say(f"    {judged.steps} decisions of the world: everyturn replay{hint} {judged.token}")
    for name, told in (cell.measures or {}).items():
        show.say(f"  {name}: {durations(told)}")
    doubts(checked, show)


def durations(told: Mapping[str, float]) -> str:
    """How durations are distributed, in virtual seconds."""
    seconds = ", ".join(f"{word} {told[key]:g} s" for key, word in _QUANTILES.items())
    return f"{told['number']:,.0f} times, {seconds} (simulated)"


_QUANTILES = {"mean": "mean", "median": "median", "p95": "95 % within", "longest": "longest"}


def doubts(checked: CheckedScenario, show: Printer) -> None:
    """What kept states from being merged, and why a search ended early."""
    cell, found = checked.cell, checked.found
    for path, times in sorted(found.opaque.items(), key=lambda each: -each[1])[:5]:
        show.say(f"  not merged {times:,} times because this cannot be known by value: {path}")
    for each in found.trusted:
        show.say(f"  trusted: {each}")
    if cell.stopped is not None:
        show.say(f"  stopped: {cell.stopped}")


def counts(cell: Cell, found: ScenarioSearch) -> str:
    """How many runs and states there were, or how likely a fault is that was not seen."""
    said = [f"{found.runs:,} runs"]
    if found.states:
        said.append(f"{found.states:,} states, {found.merged:,} merged")
    said.append(f"at most {found.longest:,} decisions, {found.seconds:.2f} s")
    if cell.risk is not None:
        said[-1] += risk_told(cell.risk, Counter(each.verdict for each in cell.invariants.values()))
    line = ", ".join(said)
    if cell.strategy is not None:
        line = f"{line} ({cell.strategy}, seed {cell.seed}{', complete' if cell.complete else ''})"
    return line if cell.counter_check is None else f"{line}; {counter_checked(cell.counter_check)}"


def show_replayed(replayed: ReplayedScenario, show: Printer) -> None:
    """A run step by step, and what is wrong with it."""
    for line in replayed.lines:
        show.say(line)
    if replayed.strayed is not None:
        show.say(f"not the recorded run: {replayed.strayed}")
    for finding in replayed.outcome.findings:
        show.say(f" {finding.kind}: {finding}", click.style("✗", fg="red"))
        if finding.kind in KINDS:
            show.say(f"  {KINDS[finding.kind]}")
    if not replayed.outcome.findings:
        show.say(" nothing is wrong with this run", click.style("✓", fg="green"))
