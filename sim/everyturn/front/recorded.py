"""Logs of real agents, judged."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from everyturn.errors import UsageError
from everyturn.formats.mapping import load
from everyturn.front.tables import TabledResult, TableRow
from everyturn.logs.history import Reading
from everyturn.logs.validate import Validated
from everyturn.logs.validate import validate as validate_logs
from everyturn.reports.validation import table
from everyturn.verdicts.html_tables import judged_in
from everyturn.verdicts.verdict import Cell, Verdict, worst
from everyturn_model.partial import BUDGET


class ValidateResult(TabledResult):
    """What logs show: a cell for each run, and what could not be read; ``str`` of it is the table of `everyturn
    validate`."""

    def __init__(self, validated: Validated) -> None:
        self._validated = validated
        self.cells: list[Cell] = validated.cells
        self.violations: list[str] = validated.violations
        self.remarks: list[str] = validated.remarks
        self.unreadable: list[str] = [str(each) for each in validated.unreadable]
        self.interrupted: bool = validated.interrupted

    def __str__(self) -> str:
        return "\n".join(table(self._validated))

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts; *not judged* if no log could be read."""
        return worst(cell.verdict for cell in self.cells)

    def table(self) -> list[TableRow]:
        """A row for each run and invariant: file, run, verdict, why, and where."""
        return [
            {
                "file": cell.file,
                "run": cell.run,
                "revision": cell.revision,
                "scope": cell.scope,
                "invariant": name,
                "verdict": str(judged.verdict),
                "sentence": judged.sentence,
                "where": judged.where,
            }
            for cell in self.cells
            for name, judged in judged_in(cell).items()
        ]


def validate(
    *logs: str | Path,
    invariants: Sequence[str] = (),
    mapping: str | Path | None = None,
    format: str | None = None,  # noqa: A002 # as the command line calls it
    at_rest: bool = False,
    by_time: bool = False,
    strict: bool = False,
    budget: int = BUDGET,
) -> ValidateResult:
    """Say whether a real agent obeyed: judge its logs, run by run where they tell of runs, else as a whole.

    ``mapping``: a file that says how another agent's log tells of prompts; ``format``: what the log is, unless it
    says so. ``at_rest``: its end is rest. ``by_time``: its lines come in the order of their times. ``strict``: stop
    at the first file that cannot be read; else it is left out and said (``unreadable``). ``budget``: how many actions
    of the specification are tried on a run. Raises :class:`~everyturn.UsageError` for an unknown invariant, and
    without a log.
    """
    if not logs:
        raise UsageError("validate: expected at least one log, for example recordings/d3-random.jsonl; found none")
    reading = Reading(format, None if mapping is None else load(str(mapping)), by_time=by_time, at_rest=at_rest)
    return ValidateResult(
        validate_logs([Path(log) for log in logs], invariants, strict=strict, reading=reading, budget=budget)
    )
