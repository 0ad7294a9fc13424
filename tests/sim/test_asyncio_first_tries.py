"""What somebody tries first: a program that ends itself as Ctrl-C would, long chains of objects, the time of day."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.search.searching import search
from everyturn.verdicts.verdict import Verdict


async def interrupts(world: Any) -> None:
    await world.io("x")
    raise KeyboardInterrupt


async def interrupts_in_a_task(world: Any) -> None:
    await asyncio.gather(interrupts(world), return_exceptions=True)


async def interrupts_in_a_callback(world: Any) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    asyncio.get_running_loop().call_soon(interrupt)
    await world.io("x")


@pytest.mark.parametrize("scenario", [interrupts, interrupts_in_a_task, interrupts_in_a_callback])
def test_who_raises_what_ctrl_c_raises_ends_the_process(scenario: Scenario) -> None:
    """And not the search."""
    checked = check(scenario)
    assert checked.cell.verdict is Verdict.REFUTED
    assert "the program ends the process: KeyboardInterrupt()" in str(checked.found.found["background"].findings)


def test_so_it_does_where_nobody_can_press_ctrl_c() -> None:
    """In the background of a shell SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert check(interrupts).cell.verdict is Verdict.REFUTED
    finally:
        signal.signal(signal.SIGINT, before)


async def has_a_long_chain(world: Any) -> None:
    chain: Any = None
    for number in range(3000):
        chain = [number, chain]
    await asyncio.gather(world.io("x"), world.io("y"))
    assert chain[0] == 2999


def test_what_is_nested_too_deeply_is_not_known() -> None:
    """Its states are equal to no other; the verdict stays right."""
    found = search(has_a_long_chain)
    assert found.complete
    assert not found.found
    assert any("nested" in each for each in found.opaque)


async def asks_for_the_time_of_day(world: Any) -> None:
    now = float(time.time())
    shown = time.localtime()
    assert abs(time.mktime(shown) - now) <= 1
    assert time.strftime("%Y-%m-%d") == time.strftime("%Y-%m-%d", shown)
    assert time.asctime() == time.ctime() == time.asctime(shown)
    assert time.gmtime() == time.gmtime(now)
    await asyncio.gather(world.io("x"), world.io("y"))


async def asks_clocks_by_their_numbers(world: Any) -> None:
    before = time.monotonic()
    await world.io("x")
    assert before <= time.clock_gettime(time.CLOCK_MONOTONIC) <= time.monotonic()
    assert time.time() <= time.clock_gettime(time.CLOCK_REALTIME) <= time.time()


async def draws_from_the_system(world: Any) -> None:
    """The same in each run, as the runs are compared."""
    world.log(os.getrandom(8))
    await asyncio.gather(world.io("x"), world.io("y"))


@pytest.mark.parametrize(
    "scenario",
    [
        asks_for_the_time_of_day,
        pytest.param(
            asks_clocks_by_their_numbers,
            marks=pytest.mark.skipif(not hasattr(time, "clock_gettime"), reason="expected clocks by numbers"),
        ),
        pytest.param(
            draws_from_the_system,
            marks=pytest.mark.skipif(not hasattr(os, "getrandom"), reason="expected os.getrandom"),
        ),
    ],
)
def test_clocks_and_draws_of_the_system_are_those_of_the_run(scenario: Scenario) -> None:
    assert check(scenario).cell.verdict is Verdict.PROVED
