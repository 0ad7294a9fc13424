"""Verdicts and results: what the tool says, for people, for scripts and as an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Any, Final

import msgspec

from everyturn_model.monitor import Invariant
from everyturn_model.promises import Promises

RESULT_SCHEMA = "everyturn/result/1"


class _ShownInNotebooks:
    """An enumeration's own methods may not have such a name before Python 3.13; inherited ones may."""

    def _repr_html_(self) -> str:
        from everyturn.verdicts.html_tables import verdict_as_html

        return verdict_as_html(Verdict(str(self)))


class Verdict(_ShownInNotebooks, StrEnum):
    """What is known of one cell, or of one invariant in it. Never green by default.

    One rule for all commands: a cell has the worst verdict (:data:`WORST_FIRST`) of all that was judged in it,
    invariants and conformance alike (:func:`of_cell`). Its sign follows from that
    (:data:`everyturn.reports.text.SIGNS`), and the exit code from the verdicts of all cells (:func:`exit_code`).
    """

    PROVED = "proved"
    REFUTED = "refuted"
    RISK = "risk"
    UNDETERMINED = "undetermined"
    VACUOUS = "vacuous"
    HOLDS = "holds"
    NOT_PROMISED = "not-promised"
    NOT_JUDGED = "not-judged"

    @property
    def words(self) -> str:
        """As people read it."""
        return self.replace("not-promised", "not promised")


WORST_FIRST: Final = (
    Verdict.REFUTED,
    Verdict.UNDETERMINED,
    Verdict.RISK,
    Verdict.PROVED,
    Verdict.HOLDS,
    Verdict.VACUOUS,
    Verdict.NOT_PROMISED,
    Verdict.NOT_JUDGED,
)
"""The verdicts in the order in which they are told; that of a whole is the first that one of its parts has."""


class Exit(IntEnum):
    """The exit codes of the command line."""

    HOLDS = 0
    REFUTED = 1
    USAGE = 2
    INTERNAL = 3
    UNDETERMINED = 4
    NOTHING_RAN = 5
    INTERRUPTED = 130


class Another(msgspec.Struct, omit_defaults=True):
    """Another way to violate the same invariant, told in other words or by another pair of racing accesses."""

    sentence: str
    steps: int
    token: str
    race: tuple[str, str] | None = None


class InvariantResult(msgspec.Struct, omit_defaults=True):
    """What is said of one invariant (or of ``conforms``): for a refutation why, how many steps, and a token."""

    verdict: Verdict
    sentence: str | None = None
    steps: int | None = None
    token: str | None = None
    guard: str | None = None
    count: int | None = None
    where: str | None = None
    others: list[Another] = []

    def _repr_html_(self) -> str:
        from everyturn.verdicts.html_tables import judged_as_html

        return judged_as_html(self)


class CounterCheck(msgspec.Struct):
    """How much of a proof was made again through the real coroutines, without tables: ``merged`` states that were
    reached by another of their histories, ``schedules`` at random, each to rest; ``merges``: local states of a thread
    by two histories, with ``resumptions`` of it after that.

    ``off``: it was not asked for. ``stopped``: why it is less than it would have been.
    """

    merged: int = 0
    schedules: int = 0
    merges: int = 0
    resumptions: int = 0
    seconds: float = 0.0
    off: bool = False
    stopped: str | None = None


class Cell(msgspec.Struct, omit_defaults=True):
    """The result of one revision in one scope (or of one run of a log)."""

    revision: str
    scope: str
    granularity: str
    verdict: Verdict
    invariants: dict[str, InvariantResult]
    conforms: InvariantResult | None = None
    witnesses: dict[str, bool] = {}
    states: int | None = None
    transitions: int | None = None
    depth: int | None = None
    seconds: float | None = None
    peak_bytes: int | None = None
    stopped: str | None = None
    reduction: str | None = None
    schedules: int | None = None
    complete: bool | None = None
    strategy: str | None = None
    seed: int | None = None
    risk: dict[str, Any] | None = None
    file: str | None = None
    run: int | None = None
    events: int | None = None
    lost: int | None = None
    strayed: str | None = None
    counter_check: CounterCheck | None = None
    measures: dict[str, dict[str, float]] | None = None

    def _repr_html_(self) -> str:
        from everyturn.verdicts.html_tables import cell_as_html

        return cell_as_html(self)


class Result(msgspec.Struct):
    """What one command found."""

    schema: str
    command: str
    cells: list[Cell]
    interrupted: bool = False


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict of a whole whose parts have these."""
    found = set(verdicts)
    return next((verdict for verdict in WORST_FIRST if verdict in found), Verdict.NOT_JUDGED)


def of_cell(invariants: Mapping[str, InvariantResult], conforms: InvariantResult | None) -> Verdict:
    """The verdict of a cell in which this was judged; ``conforms`` is none if conformance was not."""
    every = [*invariants.values(), *(() if conforms is None else (conforms,))]
    return worst(each.verdict for each in every)


def with_unpromised(
    invariants: Iterable[Invariant], said: Mapping[str, InvariantResult], promises: Promises
) -> dict[str, InvariantResult]:
    """What is said of these invariants, in their order: *not promised* of those that rest on a promise not made."""
    reasons = {each.name: each.unpromised(promises) for each in invariants}
    return {
        name: said[name] if reason is None else InvariantResult(Verdict.NOT_PROMISED, reason)
        for name, reason in reasons.items()
    }


def exit_code(result: Result, *, exit_zero: bool = False, expect_refuted: bool = False) -> Exit:
    """The exit code for a result: refuted if a cell is, else undetermined if a cell is, else all holds; nothing ran if
    nothing that was asked for is promised."""
    if result.interrupted:
        return Exit.INTERRUPTED
    if not result.cells:
        return Exit.NOTHING_RAN
    verdicts = [cell.verdict for cell in result.cells]
    if expect_refuted:
        return Exit.HOLDS if all(verdict is Verdict.REFUTED for verdict in verdicts) else Exit.REFUTED
    if exit_zero:
        return Exit.HOLDS
    if Verdict.REFUTED in verdicts:
        return Exit.REFUTED
    if Verdict.UNDETERMINED in verdicts:
        return Exit.UNDETERMINED
    if set(verdicts) == {Verdict.NOT_PROMISED}:
        return Exit.NOTHING_RAN
    return Exit.HOLDS
