"""Validation: did what was recorded obey? Judges logs run by run, without the program that wrote them.

Logs of any agent are judged as a whole and in constant memory by :class:`everyturn.logs.watch.Watch`, and so is each
run of a recording (:mod:`everyturn.logs.recorded`), which :mod:`everyturn.logs.conforming` matches as well. Our own
traces tell every step, and are judged as the runs that they are (:class:`everyturn.verdicts.checker.Judge`). What
cannot be read is left out and said, the rest goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from everyturn.errors import AgentFault, UsageError
from everyturn.files.reading import LogFile, Unread, stop
from everyturn.formats.crush_dispatch import RecordedRun, read_runs
from everyturn.logs.conforming import Conformed, LogMatcher, RunMatch, match_recording
from everyturn.logs.history import AS_IT_IS, History, Reading
from everyturn.logs.log_judge import Size, watch
from everyturn.logs.recorded import judge_run
from everyturn.runs import trace
from everyturn.verdicts.checker import CONFORMS, Judge, select
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, of_cell
from everyturn.world.scope import Scope
from everyturn_model.invariants import Invariant
from everyturn_model.partial import BUDGET

GRANULARITY: Final = "log"
"""Nobody chose where the threads of a log were interleaved."""


@dataclass(slots=True)
class Validated:
    """What was found in some logs: a cell for each run, an error for each file that could not be read to its end."""

    cells: list[Cell] = field(default_factory=list)
    unreadable: Unread = field(default_factory=Unread)
    interrupted: bool = False
    violations: list[str] = field(default_factory=list)
    """What was found in logs that are judged as a whole, as far as it is kept."""
    remarks: list[str] = field(default_factory=list)
    """What is to be said about such logs themselves: what they lack."""
    sizes: dict[str, Size] = field(default_factory=dict)
    """How much each log that is judged as a whole tells of."""
    conformed: Conformed = field(default_factory=Conformed)
    """What the specification says of recorded runs."""


def validate(
    logs: Sequence[Path],
    invariants: Sequence[str] = (),
    *,
    strict: bool = False,
    reading: Reading = AS_IT_IS,
    budget: int = BUDGET,
    progress: Callable[[LogFile], None] | None = None,
    matched: bool = False,
) -> Validated:
    """Judge all runs of ``logs`` by the named invariants, or by all and by the specification.

    ``matched``: logs that are judged as a whole are matched against the specification, too, while they are read.
    ``strict`` stops at the first thing that is unreadable; ``budget``: see
    :func:`everyturn_model.partial.match_partial`. An interruption keeps what was judged so far. ``progress`` is given
    now and then the file that is being read. Raises :class:`UsageError` for an unknown invariant.
    """
    chosen = select(invariants)
    validated = Validated()
    try:
        for path in logs:
            try:
                used = budget if not invariants or CONFORMS in invariants else 0
                cells = _cells(path, chosen, validated, reading, progress, strict=strict, budget=used, matched=matched)
                for cell in cells:
                    validated.cells.append(cell)
            except UsageError as error:
                validated.unreadable(str(error))
                if strict:
                    break
    except KeyboardInterrupt:
        validated.interrupted = validated.conformed.interrupted = True
    return validated


def _cells(
    path: Path,
    chosen: Sequence[Invariant],
    validated: Validated,
    reading: Reading,
    progress: Callable[[LogFile], None] | None,
    *,
    strict: bool,
    budget: int,
    matched: bool,
) -> Iterator[Cell]:
    """The cells of one file: one for each recorded run, one for a trace or for a log as a whole; no budget, no
    conformance."""
    began = time.perf_counter()
    with LogFile(path, progress) as file:
        name = reading.format_of(file)
        if name == "recording":
            for run in read_runs(file, None if strict else lambda error: validated.unreadable(str(error))):
                match = match_recording(run, budget) if budget else None
                if match is not None:
                    validated.conformed.add(match.concise(), time.perf_counter() - began)
                yield _recorded(run, chosen, match)
        elif name == "trace":
            yield _traced(path, trace.of(file), Judge(chosen, conformance=bool(budget)))
        else:
            yield from _whole(file, chosen, validated, reading, strict=strict, budget=budget if matched else 0)


def _whole(
    file: LogFile, chosen: Sequence[Invariant], validated: Validated, reading: Reading, *, strict: bool, budget: int
) -> Iterator[Cell]:
    """The cell of a log that is judged as a whole; with a ``budget`` it is matched, too, in the same reading."""
    path, matcher = file.path, None

    def matching(history: History) -> LogMatcher | None:
        nonlocal matcher
        try:
            matcher = LogMatcher(path, history.header, validated.conformed, budget) if budget else None
        except UsageError as error:
            validated.conformed.unreadable(str(error))
        return matcher

    watched = watch(file, reading, chosen, stop if strict else lambda fault: validated.unreadable(str(fault)), matching)
    if watched.broken is not None:
        validated.unreadable(str(watched.broken))
    validated.violations += watched.violations
    validated.sizes[str(path)] = watched.size
    validated.remarks += watched.remarks
    if watched.cell.events:
        yield watched.cell
    if watched.interrupted:
        raise KeyboardInterrupt
    if not watched.cell.events:
        validated.unreadable(f"{path}: expected a log with an event in it; found none")
    elif matcher is not None:
        matcher.finish(at_rest=reading.at_rest and watched.broken is None, unmapped=None)


def _recorded(run: RecordedRun, chosen: Sequence[Invariant], match: RunMatch | None) -> Cell:
    said = judge_run(run, chosen)
    conforms = None if match is None else match.conforms()
    return Cell(
        revision=run.header.revision,
        scope=run.scope,
        granularity=GRANULARITY,
        verdict=of_cell(said, conforms),
        invariants=said,
        conforms=conforms,
        file=str(run.path),
        run=run.begin.run,
    )


def _traced(path: Path, read: trace.Trace, judge: Judge) -> Cell:
    header = read.header
    try:
        scope = Scope.parse(header.scope)
    except UsageError as error:
        raise UsageError(f"{path}:1: {error}") from error
    said = {
        each.name: InvariantResult(Verdict.VACUOUS if is_vacuous(each, scope) else Verdict.HOLDS)
        for each in judge.invariants
    }
    conforms = InvariantResult(Verdict.HOLDS) if judge.conformance else None
    lines = _first_lines(read)
    try:
        findings = judge.run(read.steps())
    except AgentFault as error:
        raise UsageError(f"{path}: {error}") from error
    for step, finding in findings:
        judged = InvariantResult(Verdict.REFUTED, finding.sentence, step, where=f"{path}:{lines[step]}")
        if finding.invariant == CONFORMS:
            conforms = judged
        else:
            said[finding.invariant] = judged
    return Cell(
        revision=header.revision,
        scope=header.scope,
        granularity=GRANULARITY,
        verdict=of_cell(said, conforms),
        invariants=said,
        conforms=conforms,
        file=str(path),
        run=header.run,
    )


def _first_lines(read: trace.Trace) -> list[int]:
    """Where in the file each of the trace's steps begins; line 1 is the header."""
    starts = [number for number, line in enumerate(read.lines, 2) if line.kind in ("step", "Rest")]
    return starts if starts and starts[0] == 2 else [2, *starts]
