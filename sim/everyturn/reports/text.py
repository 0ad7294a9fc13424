"""What the command line prints for people."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import fill
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import click

from everyturn.files.reading import SCREEN
from everyturn.printing import printable, printable_lines
from everyturn.reports.columns import PAGE, entry
from everyturn.reports.differences import values
from everyturn.reports.headline import headline, judged_of
from everyturn.reports.how_much import is_quiet, is_verbose
from everyturn.runs.event_text import event_text
from everyturn.verdicts import hints
from everyturn.verdicts.verdict import Cell, InvariantResult, Result, Verdict
from everyturn.world.operations import in_short

if TYPE_CHECKING:
    from everyturn.checking.audit import Audited
    from everyturn.engines.coroutines.exploration import Sight
    from everyturn.engines.simpy.replay import Replayed
    from everyturn.files.reading import LogFile

SIGNS: Final = {
    Verdict.PROVED: ("✓", "green"),
    Verdict.HOLDS: ("✓", "green"),
    Verdict.REFUTED: ("✗", "red"),
    Verdict.RISK: ("~", "yellow"),
    Verdict.UNDETERMINED: ("?", "yellow"),
    Verdict.VACUOUS: ("·", "bright_black"),
    Verdict.NOT_PROMISED: ("-", "bright_black"),
    Verdict.NOT_JUDGED: (" ", "bright_black"),
}
LEGEND: Final = "✓ proved  ✗ refuted  ~ no violation in a sample  ? undetermined  · vacuous: nothing can violate it"
EVERY_SECONDS: Final = 10.0


class ProgressLine:
    """A line that is rewritten on a terminal; elsewhere a line every ten seconds, or none if only verdicts are wanted.

    A context manager.
    """

    def __init__(self, what: str) -> None:
        self.what = what
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._shown = False
        self._silent = is_quiet() and not self._terminal

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown and self._terminal:
            click.echo("\r\033[K", nl=False, err=True)

    def exploring(self, sight: Sight) -> None:
        """Progress of an exploration."""
        rate = sight.states / sight.seconds if sight.seconds else 0
        rest = "" if sight.rest is None else f", perhaps {sight.rest:,} more"
        self._show(
            f"{sight.states:,} states, {sight.frontier:,} waiting{rest}, depth {sight.depth}, {rate:,.0f}/s, "
            f"{sight.seconds:.0f} s, {sight.memory / 2**20:,.0f} MiB"
        )

    def cells(self, done: int, of: int) -> None:
        """Progress over cells."""
        self._show(f"{done} of {of} cells")

    def sampling(self, runs: int, violated: int, seconds: float) -> None:
        """Progress of sampling."""
        rate = runs / seconds if seconds else 0
        self._show(f"{runs:,} runs, {violated} invariants violated, {rate:,.0f}/s")

    def studying(self, parts: float, of: int, what: str) -> None:
        """Progress of a timed study: replications done, in parts."""
        done = f"{parts:,.1f}".removesuffix(".0")
        self._show(", ".join(filter(None, (f"{done} of {of:,} replications", what))))

    def shrinking(self, scope: str, deviations: int, tried: int) -> None:
        """Progress of shrinking."""
        self._show(f"{scope}, {deviations} deviations, {tried:,} runs tried")

    def reading(self, file: LogFile) -> None:
        """Progress of reading logs."""
        share = "" if file.share is None else f" ({file.share:.0%} of the file)"
        self._show(f"{printable(file.path)}, {file.number:,} lines{share}")

    def matching(self, what: str, states: int) -> None:
        """Progress of matching logs against revisions."""
        self._show(f"{what}, {states:,} product states")

    def _show(self, text: str) -> None:
        now = time.monotonic()
        if self._silent or now - self._last < (0.2 if self._terminal else EVERY_SECONDS):
            return
        self._last = now
        self._shown = True
        start, end = ("\r\033[K", "") if self._terminal else ("", "\n")
        click.echo(f"{start}{self.what}: {text}{end}", nl=False, err=True)


@contextmanager
def exploring(cell: str) -> Iterator[Callable[[Sight], None]]:
    """Shows the progress of the exploration of a cell."""
    with ProgressLine(cell) as bar:
        yield bar.exploring


class Printer:
    """Prints results to standard output, or to standard error when that is taken by a JSON document."""

    def __init__(self, *, err: bool) -> None:
        self.err = err
        self.quiet = is_quiet()
        self.verbose = is_verbose()

    def say(self, text: str = "", head: str = "") -> None:
        """One line, whatever names are in it; ``head``: its beginning, of our own words and colours."""
        click.echo(f"{head}{printable_lines(text)}", err=self.err)

    def cell(self, cell: Cell) -> None:
        """The verdicts of one cell: a line, then one for each refutation, with its token, and for each doubt. Nothing,
        if only verdicts are wanted, which :meth:`verdicts` shows."""
        if self.quiet:
            return
        head = click.style(f"{cell.revision}  {cell.scope}", bold=True)
        self.say(headline(cell), f"{head}  {_sign(cell.verdict)} ")
        for name, judged in judged_of(cell):
            if judged.verdict is Verdict.REFUTED:
                self._refutation(cell, name, judged)
            elif judged.verdict is Verdict.UNDETERMINED and judged.sentence is not None:
                self.say(f"{name}: {judged.sentence}", f"    {_sign(Verdict.UNDETERMINED)} ")
        self.every_invariant(cell)

    def every_invariant(self, cell: Cell) -> None:
        """Each with its verdict and what it says, and the witnesses: if all that was asked for."""
        if not self.verbose:
            return
        from everyturn.asyncio.runtime.findings import KINDS
        from everyturn_model.invariants import INVARIANTS

        says = {each.name: each.sentence for each in INVARIANTS} | KINDS
        for name, judged in judged_of(cell):
            said = f": {says[name]}" if name in says else ""
            self.say(f"{name}: {judged.verdict.words}{said}", f"    {_sign(judged.verdict)} ")
        for word, found in (("reached", True), ("not reached", False)):
            names = [name for name, reached in cell.witnesses.items() if reached is found]
            if names:
                text = f"{word}: {', '.join(names)}"
                self.say(fill(text, PAGE, initial_indent=" " * 4, subsequent_indent=" " * 6, break_on_hyphens=False))

    def _refutation(self, cell: Cell, name: str, judged: InvariantResult) -> None:
        often = f", in {judged.count:,} run{'s' * (judged.count != 1)}" if judged.count else ""
        steps = f" ({judged.steps} steps{often})" if judged.steps is not None else ""
        self.say(f"{name}: {judged.sentence}{steps}", f"    {_sign(Verdict.REFUTED)} ")
        if judged.token:
            self.say(f"      {hints.replay_of(cell, judged.token, name)}")
        for other in judged.others:
            race = "" if other.race is None else f"; {other.race[0]} against {other.race[1]}"
            self.say(f"      another: {other.sentence} ({other.steps} steps{race})")
            self.say(f"      {hints.replay_of(cell, other.token, name)}")

    def hint(self, cells: Sequence[Cell]) -> None:
        """Where to go on from a refutation."""
        for cell in () if self.quiet else cells:
            for name, judged in judged_of(cell):
                if judged.token:
                    how = hints.of_run("explain", judged.token, cell.revision, name)
                    self.say(f"why, and since when it was too late: {how}")
                    return

    def matrix(self, cells: Sequence[Cell]) -> None:
        """Revisions × scopes × invariants as a table; names that leave no room beside them have lines of their own."""
        names = list(dict.fromkeys(name for cell in cells for name, _ in judged_of(cell)))
        headings = list(_slanted(names))
        width = max(len(f"{cell.revision} {cell.scope}") for cell in cells) + 2
        above = width + max(map(len, headings), default=0) > PAGE
        width = 4 if above else width
        for line in headings:
            self.say(" " * width + line)
        for cell in cells:
            said = dict(judged_of(cell))
            signs = "  ".join(_sign(said[name].verdict) if name in said else " " for name in names)
            name = f"{cell.revision} {cell.scope}"
            if above:
                self.say(name)
            self.say(head=f"{'' if above else name:<{width}}{signs}")
        self.say()
        self.say(LEGEND)

    def all_of(self, cells: Sequence[Cell], show: Callable[[int], None]) -> None:
        """The verdicts of cells: the matrix if there are several, then what there is to ``show`` of each, by its place.
        No more than :meth:`verdicts` if only these are wanted."""
        if self.quiet:
            self.verdicts(cells)
            return
        if len(cells) > 1:
            self.matrix(cells)
            self.say()
        for place in range(len(cells)):
            show(place)

    def verdicts(self, cells: Sequence[Cell]) -> None:
        """All verdicts, and no more: the matrix, then a line for each refutation, with its token."""
        if not cells:
            return
        self.matrix(cells)
        for cell in cells:
            for name, judged in judged_of(cell):
                if judged.verdict is Verdict.REFUTED:
                    what = f"{f'{cell.revision} {cell.scope}'.rstrip()}  {name}  {judged.token or ''}"
                    self.say(what.rstrip(), f"{_sign(Verdict.REFUTED)} ")

    def run(self, replayed: Replayed) -> None:
        """A run step by step: what was seen, what each step read and changed, and the violations where they happen."""
        run = replayed.run
        self.say(f"{run.revision}  {run.scope}  ({run.granularity})  {len(run.steps)} steps")
        threads = [thread.name for thread in replayed.world.threads]
        width = max(map(len, threads))
        below = " " * (width + 10)
        found: dict[int, list[Any]] = {}
        for number, finding in replayed.findings:
            found.setdefault(number, []).append(finding)
        for step in run.steps:
            operations = in_short(each.operation for each in step.operations)
            seen = "; ".join(event_text(event) for event in step.events)
            for line in entry(f"{step.number:4}  {threads[step.thread]:<{width}}  {operations}", seen, width + 44):
                self.say(line)
            for value in dict.fromkeys(values(step.operations)):
                self.say(fill(value, PAGE, initial_indent=below, subsequent_indent=f"{below}    "))
            for finding in found.get(step.number, ()):
                self.say(f"{finding.invariant}: {finding.sentence}", f"      {_sign(Verdict.REFUTED)} ")
        for event in run.at_rest:
            self.say(f"rest  {event_text(event)}")
        for finding in found.get(len(run.steps), ()):
            self.say(f"{finding.invariant}: {finding.sentence}", f"      {_sign(Verdict.REFUTED)} ")
        if not replayed.findings:
            asked = (
                "nothing was violated"
                if replayed.cell.conforms
                else f"{', '.join(replayed.cell.invariants)}: not violated"
            )
            self.say(asked, f"      {_sign(Verdict.HOLDS)} ")

    def audit(self, cell: Audited) -> None:
        """One audit: a line."""
        head = click.style(f"{cell.revision}  {cell.scope}".rstrip(), bold=True)
        if cell.difference is not None:
            self.say(cell.difference, f"{head}  {_sign(Verdict.REFUTED)} ")
            return
        what = "states" if cell.granularity in ("fifo", "any") else "local states"
        counts = f"{cell.local_states:,} {what}, {cell.histories:,} more histories that led to one of them"
        alike = "all alike" if cell.complete else "alike as far as it was explored"
        if cell.stopped is not None:
            alike += f", up to {cell.stopped}"
        sign = _sign(Verdict.HOLDS if cell.complete else Verdict.UNDETERMINED)
        said = (
            f"{counts}, {cell.compared:,} resumptions and {cell.runs:,} runs compared: {alike}  [{cell.seconds:.2f} s]"
        )
        self.say(said, f"{head}  {sign} ")

    def validation(self, validated: Any) -> None:
        """The verdicts on logs: what was found, with file and line, and the counts for each agent; if only verdicts are
        wanted, what is refuted where, and the counts for each file."""
        from everyturn.reports.validation import files, table

        for error in (*validated.unreadable, *validated.unreadable.rest):
            click.echo(f"everyturn: {printable(error)}", err=True)
        for cell in validated.cells:
            for name, judged in judged_of(cell):
                if judged.verdict is Verdict.REFUTED and cell.events is None:
                    what = f"{name} ({judged.guard})" if judged.guard else name
                    self.say(f"{judged.where}: run {cell.run}: {what}{'' if self.quiet else f': {judged.sentence}'}")
        for text in (*validated.violations, *(() if self.quiet else validated.remarks)):
            self.say(text)
        for line in files(validated) if self.quiet else table(validated):
            self.say(line)

    def followed(self, result: Result) -> None:
        """The verdicts on a log that was followed."""
        for cell in result.cells:
            self.say(f"{cell.file}: {cell.events:,} events, {cell.lost:,} lines lost")
            for name, judged in judged_of(cell):
                if self.quiet and judged.verdict is not Verdict.REFUTED:
                    continue
                often = {None: "", 1: " once:"}.get(judged.count, f" {judged.count or 0:,} times, first:")
                said = f"{name:<20}{judged.verdict}{often} {judged.sentence or ''}"
                self.say(said.rstrip(), f"  {_sign(judged.verdict)} ")


def coverage(report: dict[str, Any]) -> Iterator[str]:
    """What a mapping made of a log."""
    yield f"{report['file']}: mapping {report['mapping']}"
    for kind, number in report["mapped"].items():
        yield f"  {number:>9,}  {kind}"
    if report["never"]:
        yield f"  never seen: {', '.join(report['never'])}"
    yield f"  {report['ignored']:>9,}  ignored, as the mapping says"
    unmapped = list(report["unmapped"].items())
    for message, found in unmapped[:SCREEN]:
        more = ", …" if found["count"] > len(found["lines"]) else ""
        what = f"message {message!r}" if message else "without a message"
        yield f"  {found['count']:>9,}  UNMAPPED {what}, lines {', '.join(map(str, found['lines']))}{more}"
    if len(unmapped) > SCREEN:
        yield f"  {len(unmapped) - SCREEN:>9,}  more messages UNMAPPED"
    if (untimed := report["untimed"])["count"]:
        more = ", …" if untimed["count"] > len(untimed["lines"]) else ""
        yield f"  {untimed['count']:>9,}  UNREADABLE time, lines {', '.join(map(str, untimed['lines']))}{more}"
    for fault in report["faults"]:
        yield f"  UNREADABLE {report['file']}:{fault['line']}: expected {fault['expected']}; found {fault['found']}"
    if report["more_faults"]:
        yield f"  UNREADABLE in {report['more_faults']:,} more places"


def _sign(verdict: Verdict) -> str:
    text, colour = SIGNS[verdict]
    return click.style(text, fg=colour)


def _slanted(names: Sequence[str]) -> Iterator[str]:
    """Column headings, one line each, with a rule down to the column."""
    for index, name in enumerate(names):
        yield "│  " * index + name
