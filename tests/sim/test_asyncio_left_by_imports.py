"""What imports leave and runs go on with: each run begins with it as it was, or it is said that none can."""

from __future__ import annotations

import asyncio
import decimal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.sim import asyncio_left_by_imports as left

from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Verdict


@pytest.mark.parametrize("name", left.LEFT)
def test_what_goes_on_is_begun_anew_for_each_run(name: str) -> None:
    leaves, once = left.LEFT[name]

    async def scenario(world: Any) -> None:
        await asyncio.gather(world.io("a"), world.io("b"))
        world.log(leaves())

    with prepared(scenario):
        seen = [each.logged for each in outcomes(scenario, Setting())]
    assert len(seen) > 4
    assert seen == [[once]] * len(seen)


async def who_registers_later_dispatches_other_calls(world: Any) -> None:
    async def call(name: str) -> str:
        await world.io(name)
        if name == "registers":
            left.shown.register(int, lambda value: "a number")
        return left.shown(1)

    _, shown = await asyncio.gather(call("registers"), call("calls"))
    assert shown == "a number"


async def who_registers_later_checks_others(world: Any) -> None:
    async def look(name: str) -> bool:
        await world.io(name)
        if name == "registers":
            left.Abstract.register(left.Registered)
        return isinstance(left.Registered(), left.Abstract)

    _, is_one = await asyncio.gather(look("registers"), look("looks"))
    assert is_one


@pytest.mark.parametrize("scenario", [who_registers_later_dispatches_other_calls, who_registers_later_checks_others])
def test_what_the_first_run_has_registered_does_not_prove_the_others(scenario: Scenario) -> None:
    assert check(scenario).cell.verdict is Verdict.REFUTED


@pytest.fixture
def reckons_with_four_places() -> Iterator[None]:
    before = decimal.getcontext()
    decimal.setcontext(decimal.Context(prec=4))
    yield
    decimal.setcontext(before)


async def reckons(world: Any) -> None:
    await asyncio.gather(world.io("a"), world.io("b"))
    assert str(decimal.Decimal(1) / 3) == "0.3333"


async def sets_what_others_reckon_with(world: Any) -> None:
    """Tasks have one context of ``decimal``, which was there before them."""

    async def third(places: int) -> str:
        decimal.getcontext().prec = places
        await world.io(f"{places}")
        return str(decimal.Decimal(1) / 3)

    assert tuple(await asyncio.gather(third(2), third(3))) == ("0.33", "0.333")


@pytest.mark.usefixtures("reckons_with_four_places")
def test_runs_reckon_as_the_imports_have_said() -> None:
    assert check(reckons).cell.verdict is Verdict.PROVED
    assert check(sets_what_others_reckon_with).cell.verdict is Verdict.REFUTED


def test_without_it_each_task_reckons_for_itself() -> None:
    assert check(sets_what_others_reckon_with).cell.verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("goes_on", "said"),
    [
        (lambda: next(left.BEGUN), r"the generator 'begun' .* has begun, and goes on from run to run"),
        (lambda: next(left.IN_A_TUPLE[0]), r"\(count\) .* held by what nobody can change"),
        (lambda: next(left.LEFT_OF_A_SET), r"\(set_iterator\) .* cannot be made as it was"),
    ],
)
def test_what_cannot_be_begun_anew_is_an_error(goes_on: Callable[[], Any], said: str) -> None:
    async def scenario(world: Any) -> None:
        await asyncio.gather(world.io("a"), world.io("b"))
        world.log(goes_on())

    with pytest.raises(UsageError, match=said):
        search(scenario)
