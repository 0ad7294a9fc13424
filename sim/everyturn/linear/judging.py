"""Judges a whole log with the linear monitors: from a reader to a cell of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from everyturn.formats.catalogue import Reader
from everyturn.formats.files import Unreadable
from everyturn.linear.order import WINDOW, Gap, Order
from everyturn.linear.watch import Violation, Watch
from everyturn.verdict import Cell, Judged, Verdict, worst
from everyturn_model.invariants import Invariant

SHOWN: Final = 100
"""So many violations and losses of a file are kept to be shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a log is to be read: in which order, and whether its end is rest."""

    window: int = WINDOW
    by_time: bool = False
    at_rest: bool = False


@dataclass(slots=True)
class Watched:
    """What was found in one log."""

    cell: Cell
    violations: list[Violation] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    """What is to be said about the log itself: lost and repeated lines, prompts that were not submitted in it."""


class LinearJudge:
    """Judges one log while it is read. ``say`` is told of violations and losses at once; what was found is in :meth:`end`."""

    def __init__(
        self, reader: Reader, path: Path, chosen: Sequence[Invariant], how: Reading, say: Callable[[str], None]
    ) -> None:
        self._reader, self._path, self._how, self._say = reader, path, how, say
        self._chosen = [invariant.name for invariant in chosen]
        self._violations: list[Violation] = []
        self._gaps: list[str] = []
        self._begun = time.perf_counter()
        header = reader.header
        self.watch = Watch(header, self._violated)
        self.order = Order(
            self.watch.see, self._lost, sequence=header.sequence, by_time=how.by_time, window=how.window
        )

    def _violated(self, violation: Violation) -> None:
        if violation.invariant not in self._chosen:
            return
        if len(self._violations) < SHOWN:
            self._violations.append(violation)
        where = f"{self._path}:{violation.line}: session {violation.session}"
        self._say(f"{where}: {violation.invariant}: {violation.sentence}")

    def _lost(self, gap: Gap) -> None:
        self.watch.gap(gap)
        if len(self._gaps) < SHOWN:
            self._gaps.append(f"{self._path}: {gap}")
        self._say(f"{self._path}: {gap}")

    def run(self) -> Unreadable | None:
        """Read the log to its end. Returns the error if it cannot be read that far."""
        see = self.order.see
        try:
            for placed in self._reader:
                see(placed)
        except Unreadable as error:
            return error
        return None

    def end(self) -> Watched:
        """What was found so far; the log is taken to stop here."""
        self.order.flush()
        self.watch.finish(at_rest=self._how.at_rest)
        watch = self.watch
        verdicts = {name: judged for name, judged in watch.verdicts() if name in self._chosen}
        for name, judged in verdicts.items():
            first = watch.tallies[name].first if name in watch.tallies else None
            judged.where = None if first is None else f"{self._path}:{first.line}"
        cell = Cell(
            revision=self._reader.header.agent or "unknown",
            scope="log",
            granularity="log",
            verdict=_verdict(list(verdicts.values()), watch.lines),
            invariants=verdicts,
            file=str(self._path),
            seconds=round(time.perf_counter() - self._begun, 3),
            events=watch.lines,
            lost=watch.lost,
        )
        return Watched(cell, self._violations, [*self._gaps, *self._remarks()])

    def _remarks(self) -> list[str]:
        repeated, unknown = self.order.repeated, self.watch.unknown
        remarks = []
        if repeated:
            remarks.append(f"{self._path}: {repeated:,} lines repeat a number of the sequence or came too late; left out")
        if unknown:
            remarks.append(
                f"{self._path}: {unknown:,} lines are about prompts that were not submitted in this log, or twice at once"
            )
        return remarks


def _verdict(judged: Sequence[Judged], lines: int) -> Verdict:
    return worst(each.verdict for each in judged) if lines else Verdict.NOT_JUDGED
