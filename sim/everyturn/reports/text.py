"""What the command line prints for people."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from textwrap import fill
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import click

from everyturn.files.reading import SCREEN
from everyturn.printing import printable, printable_lines
from everyturn.reports.differences import values
from everyturn.reports.quiet import is_quiet
from everyturn.runs.event_text import event_text
from everyturn.verdicts import hints
from everyturn.verdicts.expectations import unreached
from everyturn.verdicts.verdict import WORST_FIRST, Cell, CounterCheck, InvariantResult, Result, Verdict
from everyturn.world.operations import in_short
from everyturn.world.scope import Scope

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
LEGEND: Final = (
    "✓ proved  ✗ refuted  ~ sampled, no violation seen  ? undetermined  · vacuous: nothing in the scope "
    "could violate it"
)
EVERY_SECONDS: Final = 10.0
PAGE: Final = 100
"""So many characters a line has at most, where it can be broken."""


class ProgressLine:
    """A line that is rewritten on a terminal; elsewhere a line every ten seconds. A context manager."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._shown = False

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

    def sampling(self, runs: int, violated: int, seconds: float) -> None:
        """Progress of sampling."""
        rate = runs / seconds if seconds else 0
        self._show(f"{runs:,} runs, {violated} invariants violated, {rate:,.0f}/s")

    def studying(self, parts: float, of: int, what: str) -> None:
        """Progress of a timed study: replications done, in parts."""
        self._show(f"{parts:.1f} of {of} replications {what}".rstrip())

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
        if now - self._last < (0.2 if self._terminal else EVERY_SECONDS):
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

    def say(self, text: str = "", head: str = "") -> None:
        """One line, whatever names are in it; ``head``: its beginning, of our own words and colours."""
        click.echo(f"{head}{printable_lines(text)}", err=self.err)

    def cell(self, cell: Cell) -> None:
        """The verdicts of one cell: a line, then one for each refutation, with its token, and for each doubt. Nothing,
        if only verdicts are wanted, which :meth:`verdicts` shows."""
        if self.quiet:
            return
        head = click.style(f"{cell.revision}  {cell.scope}", bold=True)
        self.say(_headline(cell), f"{head}  {_sign(cell.verdict)} ")
        for name, judged in judged_of(cell):
            if judged.verdict is Verdict.REFUTED:
                self._refutation(cell, name, judged)
            elif judged.verdict is Verdict.UNDETERMINED and judged.sentence is not None:
                self.say(f"{name}: {judged.sentence}", f"    {_sign(Verdict.UNDETERMINED)} ")

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
        """Revisions × scopes × invariants as a table."""
        names = list(dict.fromkeys(name for cell in cells for name, _ in judged_of(cell)))
        width = max(len(f"{cell.revision} {cell.scope}") for cell in cells) + 2
        self.say()
        for line in _slanted(names):
            self.say(" " * width + line)
        for cell in cells:
            said = dict(judged_of(cell))
            signs = "  ".join(_sign(said[name].verdict) if name in said else " " for name in names)
            self.say(head=f"{f'{cell.revision} {cell.scope}':<{width}}{signs}")
        self.say()
        self.say(LEGEND)

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
            self.say(f"{step.number:4}  {threads[step.thread]:<{width}}  {operations:<34}  {seen}".rstrip())
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
        """The verdicts on logs: what was found, with file and line, and the counts for each agent."""
        from everyturn.reports.validation import table

        for error in (*validated.unreadable, *validated.unreadable.rest):
            click.echo(f"everyturn: {printable(error)}", err=True)
        for cell in validated.cells:
            for name, judged in judged_of(cell):
                if judged.verdict is Verdict.REFUTED and cell.events is None:
                    what = f"{name} ({judged.guard})" if judged.guard else name
                    self.say(f"{judged.where}: run {cell.run}: {what}: {judged.sentence}")
        for text in (*validated.violations, *validated.remarks):
            self.say(text)
        for line in table(validated):
            self.say(line)

    def followed(self, result: Result) -> None:
        """The verdicts on a log that was followed."""
        for cell in result.cells:
            self.say(f"{cell.file}: {cell.events:,} events, {cell.lost:,} lines lost")
            for name, judged in judged_of(cell):
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


def judged_of(cell: Cell) -> Iterator[tuple[str, InvariantResult]]:
    """All that is said in a cell, conformance last."""
    yield from cell.invariants.items()
    if cell.conforms is not None:
        yield "conforms", cell.conforms


def _sign(verdict: Verdict) -> str:
    text, colour = SIGNS[verdict]
    return click.style(text, fg=colour)


def verdict_counts(cell: Cell) -> str:
    """How many of each verdict there are in a cell."""
    counts = Counter(judged.verdict for _, judged in judged_of(cell))
    return ", ".join(f"{counts[verdict]} {verdict.words}" for verdict in WORST_FIRST if counts[verdict])


def _headline(cell: Cell) -> str:
    counts = Counter(judged.verdict for _, judged in judged_of(cell))
    said = verdict_counts(cell)
    if cell.conforms is not None:
        said += f" ({len(cell.invariants)} invariant{'s' * (len(cell.invariants) != 1)} and conformance)"
    if cell.states is not None:
        size = f"{cell.states:,} states, {cell.transitions:,} transitions, depth {cell.depth}, {cell.seconds:.2f} s"
        if cell.peak_bytes is not None:
            size += f", {cell.peak_bytes / 2**20:,.0f} MiB"
        if cell.reduction == "symmetry":
            size += ", up to renaming"
        if cell.reduction == "ample":
            size += ", partial order reduced"
            if Verdict.REFUTED in counts:
                size += " (there may be shorter counterexamples)"
        if cell.stopped is not None:
            size += f"; stopped at {cell.stopped}"
    else:
        runs = (
            f"complete: {cell.schedules:,} schedule{'s' * (cell.schedules != 1)}"
            if cell.complete
            else f"{cell.schedules:,} run{'s' * (cell.schedules != 1)}"
        )
        size = f"{runs} ({cell.strategy}, seed {cell.seed})"
        if cell.risk is not None:
            size += risk_told(cell.risk, counts)
        elif cell.risk is None and not cell.complete and cell.run is None:
            size += ", no bound for what was not seen: these runs are no independent samples"
    if cell.counter_check is not None:
        size += f"; {counter_checked(cell.counter_check)}"
    missed = unreached(cell.witnesses, Scope.parse(cell.scope)) if cell.witnesses else ()
    if missed and cell.verdict in (Verdict.PROVED, Verdict.VACUOUS):
        said += f", but never reached: {', '.join(missed)}"
    return f"{said}  [{size}]"


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count:,} {what}{'s' * (count != 1)}"


def counter_checked(done: CounterCheck) -> str:
    """How much of a proof was made again without tables."""
    if done.off:
        return "no counter-check"
    counts = ((done.merged, "merged state"), (done.schedules, "schedule"))
    said = ", ".join(counted(count, what) for count, what in counts if count) or "nothing"
    said = f"counter-checked: {said}"
    return said if done.stopped is None else f"{said}, stopped at {done.stopped}"


def risk_told(risk: Mapping[str, Any], counts: Mapping[Verdict, int]) -> str:
    """What independent runs say about what they did not show; ``counts``: how many verdicts of each kind there are."""
    said = ""
    if counts.get(Verdict.RISK) or counts.get(Verdict.UNDETERMINED):
        said += ", each of the others" if counts.get(Verdict.REFUTED) else ", a violation"
        said += (
            f": probability per run at most {risk['at_most']:.2g}, confidence {risk['confidence']}, {risk['method']}"
        )
    if not risk.get("met", True):
        said += f" (asked for: {risk['asked']:g})"
    if "pct" in risk:
        pct = risk["pct"]
        said += f", a violation of depth {pct['depth']} missed with probability at most {pct['missed_at_most']:.2g}"
    unseen = risk["unseen"]
    seen = f"{unseen['classes']} outcome{'s' * (unseen['classes'] != 1)} seen"
    return f"{said}; {seen}, unseen outcomes: at most {unseen['high']:.2g}"


def _slanted(names: Sequence[str]) -> Iterator[str]:
    """Column headings, one line each, with a rule down to the column."""
    for index, name in enumerate(names):
        yield "│  " * index + name
