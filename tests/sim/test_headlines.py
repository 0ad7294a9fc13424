"""The line that a cell begins with."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from everyturn.reports.text import Printer
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict, worst

TOLD = (Verdict.REFUTED, Verdict.UNDETERMINED, Verdict.PROVED, Verdict.VACUOUS)


def headline(capsys: pytest.CaptureFixture[str], said: list[Verdict], conforms: Verdict | None, **more: Any) -> str:
    """What is printed for a cell in which invariants got these verdicts."""
    invariants = {f"invariant-{number}": InvariantResult(verdict) for number, verdict in enumerate(said)}
    judged = None if conforms is None else InvariantResult(conforms)
    cell = Cell("d4-independent", "AA", "access", worst(said), invariants, judged, **more)
    Printer(err=False).cell(cell)
    return capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize("order", list(permutations(TOLD)), ids="-".join)
def test_the_counts_come_worst_first(order: tuple[Verdict, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """Refuted, undetermined, proved, vacuous, in whichever order the invariants stand."""
    line = headline(capsys, [*order, order[0]], Verdict.PROVED, states=1, transitions=1, depth=1, seconds=0.0)
    numbers = {verdict: 1 + (verdict is order[0]) + (verdict is Verdict.PROVED) for verdict in TOLD}
    assert ", ".join(f"{numbers[verdict]} {verdict}" for verdict in TOLD) in line


def test_conformance_is_counted_and_said_to_be(capsys: pytest.CaptureFixture[str]) -> None:
    """Three verdicts of two invariants would be a riddle; without conformance there is none."""
    size = {"states": 1, "transitions": 1, "depth": 1, "seconds": 0.0}
    counted = headline(capsys, [Verdict.PROVED] * 2, Verdict.PROVED, **size)
    assert "3 proved (2 invariants and conformance)  [" in counted
    assert "conformance" not in headline(capsys, [Verdict.PROVED] * 2, None, **size)


def test_unseen_outcomes_are_bounded_not_estimated(capsys: pytest.CaptureFixture[str]) -> None:
    """An estimate of nothing would read like a proof; the document has it."""
    unseen = {"classes": 5, "estimate": 0.0, "high": 0.0153}
    risk = {"at_most": 0.015, "confidence": 0.95, "method": "exact binomial", "unseen": unseen}
    line = headline(capsys, [Verdict.RISK], None, schedules=200, strategy="random-walk", seed=0, risk=risk)
    assert line.endswith("5 outcomes seen, unseen outcomes: at most 0.015]")
