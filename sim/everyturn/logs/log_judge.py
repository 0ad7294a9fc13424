"""Judges a whole log with the log monitors: from a reader to a cell of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from everyturn.files.reading import LogFile, ReadingFault, Unreadable, stop
from everyturn.logs.findings import Broken, Findings
from everyturn.logs.history import History, Listener, Reading
from everyturn.logs.order import Gap
from everyturn.logs.watch import LineViolation, Watch
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, worst
from everyturn_model.invariants import Invariant

SHOWN: Final = 100
"""So many losses of a file are kept to be shown; all are counted."""


class Size(NamedTuple):
    """How much a log tells of: sessions, prompts, and sessions in which an invariant is broken; ``broken``: which one,
    how often."""

    sessions: int
    prompts: int
    refuted: int
    broken: Mapping[str, Broken] = MappingProxyType({})


NOTHING: Final = Size(0, 0, 0)
"""The size of an empty log."""


@dataclass(slots=True)
class LogResult:
    """What was found in one log."""

    cell: Cell
    violations: list[str]
    remarks: list[str]
    """What is to be said about the log itself: lost and repeated lines, prompts that were not submitted in it."""
    broken: Unreadable | None = None
    """Why the log could not be read to its end."""
    interrupted: bool = False
    size: Size = NOTHING


def watch(
    file: LogFile,
    reading: Reading,
    chosen: Sequence[Invariant],
    fault: Callable[[ReadingFault], None],
    beside: Callable[[History], Listener | None] = lambda history: None,
) -> LogResult:
    """Judge a log to its end. What cannot be read is handed to ``fault`` and counts as lost; Ctrl-C keeps what was
    found. ``beside``: see :class:`LogJudge`."""
    judge = LogJudge(file, reading, chosen, fault, beside=beside)
    broken, interrupted = None, False
    try:
        broken = judge.run()
    except KeyboardInterrupt:
        interrupted = True
    watched = judge.end(whole=broken is None and not interrupted)
    watched.broken, watched.interrupted = broken, interrupted
    return watched


class LogJudge:
    """Judges one log while it is read. ``say`` is told of violations and losses at once, and in :meth:`end`
    of what is to be said about the log as a whole; what was found is in :meth:`end`. ``beside`` makes who else listens
    while the log is read, if anybody does.
    """

    def __init__(
        self,
        file: LogFile,
        reading: Reading,
        chosen: Sequence[Invariant],
        fault: Callable[[ReadingFault], None],
        say: Callable[[str], None] = lambda text: None,
        beside: Callable[[History], Listener | None] = lambda history: None,
    ) -> None:
        self._path, self._how, self._fault, self._say = file.path, reading, fault, say
        self._findings = Findings(file.path)
        self._gaps: list[str] = []
        self._untold = 0
        self._begun = time.perf_counter()
        self._history = History(file, reading, fault)
        self._header = self._history.header
        self.watch = Watch(self._header, self._violated, chosen)
        self.see, self.restart = self.watch.see, self.watch.restart
        other = beside(self._history)
        self.order = self._history.tell(*[self] if other is None else [self, other])

    def _violated(self, violation: LineViolation) -> None:
        self._say(self._findings.add(violation))

    def gap(self, gap: Gap) -> None:
        """Lines are lost."""
        self.watch.gap(gap)
        if gap.lines:
            text = f"{self._path}: {gap}"
            if len(self._gaps) < SHOWN:
                self._gaps.append(text)
            else:
                self._untold += 1
            self._say(text)

    def run(self) -> Unreadable | None:
        """Read the log to its end. Returns the error if it cannot be read that far."""
        try:
            self._history.read()
        except Unreadable as error:
            if self._fault is stop:
                raise
            return error
        return None

    def end(self, *, whole: bool = True) -> LogResult:
        """What was found so far; the log is taken to stop here. ``whole``: because this is its end."""
        self.order.flush()
        self.watch.finish(at_rest=self._how.at_rest and whole)
        watch = self.watch
        verdicts = dict(watch.verdicts())
        for name, judged in verdicts.items():
            first = watch.tallies[name].first if name in watch.tallies else None
            judged.where = None if first is None else f"{self._path}:{first.line}"
        cell = Cell(
            revision=self._header.agent or "unknown",
            scope="log",
            granularity="log",
            verdict=_verdict(list(verdicts.values()), watch.lines),
            invariants=verdicts,
            file=str(self._path),
            seconds=round(time.perf_counter() - self._begun, 3),
            events=watch.lines,
            lost=watch.lost,
        )
        remarks = self._remarks()
        for remark in remarks:
            self._say(remark)
        if self._untold:
            self._gaps.append(f"{self._path}: and {self._untold:,} more places where lines are lost")
        size = Size(watch.named, watch.prompts, self._findings.sessions, self._findings.broken)
        return LogResult(cell, list(self._findings.lines()), [*self._gaps, *remarks], size=size)

    def _remarks(self) -> list[str]:
        repeated, unknown = self.order.repeated, self.watch.unknown
        remarks = []
        if repeated:
            remarks.append(
                f"{self._path}: {_lines(repeated)} left out: a number of the sequence that was there before, or too "
                f"late"
            )
        if unknown:
            remarks.append(
                f"{self._path}: {_lines(unknown)} about prompts that were not submitted in this log, or twice at once"
            )
        if remark := self._history.unmapped:
            remarks.append(f"{self._path}: {remark}")
        return remarks


def _verdict(judged: Sequence[InvariantResult], lines: int) -> Verdict:
    return worst(each.verdict for each in judged) if lines else Verdict.NOT_JUDGED


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number:,} lines"
