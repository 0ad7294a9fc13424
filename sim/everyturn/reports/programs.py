"""What the command line prints of asyncio programs as they are: scenarios, and sessions behind an adapter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import click

from everyturn.asyncio.checking import CheckedScenario, ReplayedScenario
from everyturn.asyncio.runtime.findings import KINDS
from everyturn.asyncio.search.sampling import BY_DEPENDENCE
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.reports.headline import counted, counter_checked, judged_of, risk_told, verdict_counts
from everyturn.reports.text import SIGNS, Printer, ProgressLine
from everyturn.verdicts import hints
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict


@contextmanager
def watching(name: str) -> Iterator[SearchProgress]:
    """Shows the progress of the search through one program."""
    with SearchProgress(name) as bar:
        yield bar


class SearchProgress(ProgressLine):
    """Progress of a search through the runs of a program."""

    def searching(self, found: ScenarioSearch) -> None:
        """One more run."""
        rate = found.runs / found.seconds if found.seconds else 0
        self._show(f"{found.runs:,} runs, {found.states:,} states, {found.merged:,} merged, {rate:,.0f} runs/s")

    def shortening(self, weight: Sequence[int], tried: int) -> None:
        """A run was made shorter."""
        self._show(f"{weight[0]} interferences, {weight[1]} events, {weight[2]} decisions, {tried:,} runs tried")


class UnseenProgress(SearchProgress):
    """Progress in a process of its own: nobody sees it."""

    def _show(self, text: str) -> None:
        pass


def show_checked(checked: CheckedScenario, show: Printer) -> None:
    """The verdicts on one program, in a scope if it is a session: a line, refutations with the commands that make their
    runs again, and what is not judged, with the reason."""
    cell = checked.cell
    sign, colour = SIGNS[cell.verdict]
    verdict = verdict_counts(cell) if cell.scope else str(cell.verdict)
    name = f"{cell.revision}  {cell.scope}".rstrip()
    head = click.style(name, bold=True) + "  " + click.style(sign if cell.scope else f"{sign} {verdict}", fg=colour)
    many = counts(cell, checked.found)
    show.say(f"{verdict}, {many}" if cell.scope else many, f"{head} " if cell.scope else f"{head}  ")
    _show_refuted(cell, show)
    _show_unjudged(cell, show)
    show.every_invariant(cell)
    for name, told in (cell.measures or {}).items():
        show.say(f"  {name}: {durations(told)}")
    _show_doubts(checked, show)


def durations(told: Mapping[str, float]) -> str:
    """How durations are distributed, in virtual seconds."""
    seconds = ", ".join(f"{word} {told[key]:g} s" for key, word in _QUANTILES.items())
    return f"{told['number']:,.0f} times, {seconds} (simulated)"


_QUANTILES: Final = {"mean": "mean", "median": "median", "p95": "95 % within", "longest": "longest"}


def _show_refuted(cell: Cell, show: Printer) -> None:
    """Each refutation, and below those that one run shows the command that makes it again."""
    runs: dict[str | None, list[tuple[str, InvariantResult]]] = defaultdict(list)
    for name, judged in judged_of(cell):
        if judged.verdict is Verdict.REFUTED:
            runs[judged.token].append((name, judged))
    for token, shown in runs.items():
        for name, judged in shown:
            show.say(f" {name}: {judged.sentence}", "  " + click.style("✗", fg="red"))
        if token is not None:
            show.say(
                f"    {counted(shown[0][1].steps or 0, 'decision')} of the world: {command('replay', cell, token)}"
            )


def command(name: str, cell: Cell, token: str, **options: str | None) -> str:
    """A command on a run of the program that a cell is of."""
    return hints.command(name, token, **{"session" if cell.scope else "scenario": cell.revision}, **options)


def hint(cells: Sequence[Cell], show: Printer) -> None:
    """Where to go on from a refutation."""
    for cell in () if show.quiet else cells:
        for name, judged in judged_of(cell):
            if judged.token:
                how = command("explain", cell, judged.token, invariant=name)
                show.say(f"why, and since when it was too late: {how}")
                return


def _show_unjudged(cell: Cell, show: Printer) -> None:
    """What is not judged, not promised or undetermined: the names, by the reason."""
    reasons: dict[tuple[Verdict, str], list[str]] = defaultdict(list)
    for name, judged in judged_of(cell):
        if judged.verdict in (Verdict.NOT_JUDGED, Verdict.NOT_PROMISED, Verdict.UNDETERMINED) and judged.sentence:
            reasons[judged.verdict, judged.sentence].append(name)
    for (verdict, reason), names in reasons.items():
        show.say(f"  {verdict.replace('-', ' ')}: {', '.join(names)}: {reason}")


def _show_doubts(checked: CheckedScenario, show: Printer) -> None:
    """What kept states from being merged, and why a search ended early."""
    cell, found = checked.cell, checked.found
    if cell.strategy in BY_DEPENDENCE:
        show.say(
            f"  {cell.strategy}: what a step of a task reads and writes is not known, so each is taken to depend on "
            f"every other; {BY_DEPENDENCE[cell.strategy]}"
        )
    for path, times in _unknown(found.opaque):
        show.say(f"  not merged {counted(times, 'time')} because this cannot be known by value: {path}")
    for each in found.trusted:
        show.say(f"  trusted: {each}")
    if cell.stopped is not None:
        show.say(f"  stopped: {cell.stopped}")


_MOST_OF_A_PATH: Final = 100


def _unknown(opaque: Mapping[str, int]) -> list[tuple[str, int]]:
    """What cannot be known, type by type: the shortest path to an object of it, and how often one was met. Of a long
    path its beginning and its end."""
    times: Counter[str] = Counter()
    paths: dict[str, str] = {}
    for each, number in opaque.items():
        path, _, kind = each.rpartition(": ")
        times[kind] += number
        paths[kind] = min(path, paths.get(kind, path), key=len)
    half = _MOST_OF_A_PATH // 2
    short = {kind: path if len(path) <= 2 * half else f"{path[:half]}…{path[-half:]}" for kind, path in paths.items()}
    return [(f"{short[kind]}: {kind}", number) for kind, number in times.most_common(5)]


def counts(cell: Cell, found: ScenarioSearch) -> str:
    """How many runs and states there were, or how likely a fault is that was not seen."""
    said = [counted(found.runs, "run")]
    if found.states:
        said.append(f"{counted(found.states, 'state')}, {found.merged:,} merged")
    said.append(f"at most {counted(found.longest, 'decision')}, {found.seconds:.2f} s")
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
    refuted = [(name, each) for name, each in judged_of(replayed.cell) if each.verdict is Verdict.REFUTED]
    for name, judged in refuted:
        all_said = [str(each) for each in replayed.outcome.findings if each.kind == name]
        for sentence in [judged.sentence, *all_said[1:]]:
            show.say(f" {name}: {sentence}", click.style("✗", fg="red"))
        if name in KINDS:
            show.say(f"  {KINDS[name]}")
    if replayed.cell.verdict is Verdict.UNDETERMINED:
        _show_unjudged(replayed.cell, show)
    elif not refuted:
        show.say(" nothing is wrong with this run", click.style("✓", fg="green"))
