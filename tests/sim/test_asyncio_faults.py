"""Fifteen small dispatchers with known faults, each with its mended twin; and twelve that look racy and are right."""

from __future__ import annotations

from typing import Final

import pytest
from examples.scenarios.faults import orders, tasks, turns, waiting
from examples.scenarios.faults.pairs import Fault
from tests.nightly import thinned

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.running import Setting
from everyturn.verdicts.verdict import Verdict

FAULTS: Final = [
    each for module in (turns, waiting, tasks) for each in vars(module).values() if isinstance(each, Fault)
]


def test_there_are_fifteen_and_ten_that_need_the_order_of_asyncio() -> None:
    assert len(FAULTS) == 15
    assert len(orders.NEEDS_ITS_ORDER) == 10


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_found_and_its_mended_twin_is_proved(fault: Fault) -> None:
    wrong = check(fault.wrong)
    refuted = {kind for kind, judged in wrong.cell.invariants.items() if judged.verdict is Verdict.REFUTED}
    assert wrong.found.complete
    assert refuted
    assert refuted <= fault.kinds
    mended = check(fault.mended)
    assert mended.cell.verdict is Verdict.PROVED, mended.cell.invariants
    assert not mended.found.opaque
    assert not wrong.found.opaque


@pytest.mark.parametrize("name", [*orders.NEEDS_ITS_ORDER, *orders.RIGHT_IN_ANY_ORDER])
def test_what_looks_racy_and_is_right_on_asyncio_is_proved(name: str) -> None:
    assert check(vars(orders)[name]).cell.verdict is Verdict.PROVED


@thinned(2)
@pytest.mark.parametrize("name", orders.NEEDS_ITS_ORDER)
def test_what_needs_the_order_of_asyncio_is_refuted_at_any_order_and_said_to_need_it(name: str) -> None:
    cell = check(vars(orders)[name], Setting(order="any")).cell
    assert cell.verdict is Verdict.REFUTED
    said = [each.sentence for each in cell.invariants.values() if each.verdict is Verdict.REFUTED]
    assert all("asyncio's own order cannot make it" in str(sentence) for sentence in said), said


@pytest.mark.parametrize("name", orders.RIGHT_IN_ANY_ORDER)
def test_what_is_right_in_any_order_is_proved_at_any_order(name: str) -> None:
    assert check(vars(orders)[name], Setting(order="any")).cell.verdict is Verdict.PROVED


def test_a_fault_that_is_found_at_any_order_is_said_to_be_one_of_asyncio_too() -> None:
    cell = check(waiting.event_set_before_the_wait.wrong, Setting(order="any")).cell
    assert "asyncio's own order can make it, too" in str(cell.invariants["hang"].sentence)
