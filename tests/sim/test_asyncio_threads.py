"""Functions on other threads have the clock of the run: sleeping takes time, and none of the machine's."""

from __future__ import annotations

import asyncio
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.outside import IN_ONE_STEP
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.simulation import fuzz_simulated
from everyturn.verdicts.verdict import Verdict


def _sleeps(seconds: float) -> float:
    begun = time.monotonic()
    time.sleep(seconds)
    return time.monotonic() - begun


async def sleeping_takes_time(world: Any) -> None:
    """On the thread, and for whoever waits for it."""
    begun = time.monotonic()
    assert await asyncio.to_thread(_sleeps, 2000) >= 2000
    assert time.monotonic() - begun >= 2000


async def clocks_go_on(world: Any) -> None:
    assert time.time() <= await asyncio.to_thread(time.time) <= time.time()


async def a_deadline_beats_a_longer_sleep(world: Any) -> None:
    """Not always: the loop may look when both are over."""
    await asyncio.wait_for(asyncio.to_thread(time.sleep, 10), 1)


async def a_late_loop_misses_a_longer_deadline(world: Any) -> None:
    await asyncio.wait_for(asyncio.to_thread(time.sleep, 1), 10)


async def what_is_in_time_is_before_a_longer_sleep(world: Any) -> None:
    order: list[str] = []

    async def noting(name: str, waits: Any) -> None:
        await waits
        order.append(name)

    await asyncio.gather(
        noting("answer", world.io("answer", within=1)), noting("thread", asyncio.to_thread(time.sleep, 10))
    )
    assert order == ["answer", "thread"]


async def one_thread_sleeps_twice(world: Any) -> None:
    """One after the other."""
    loop, begun = asyncio.get_running_loop(), time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, time.sleep, each) for each in (2, 3)))
    assert time.monotonic() - begun >= 5


async def two_threads_sleep_beside_each_other(world: Any) -> None:
    """Which takes five seconds at least only one after the other."""
    begun = time.monotonic()
    await asyncio.gather(asyncio.to_thread(time.sleep, 2), asyncio.to_thread(time.sleep, 3))
    assert time.monotonic() - begun >= 5


async def draws_on_a_thread(world: Any) -> None:
    """The same in each run."""
    assert await asyncio.to_thread(uuid.uuid4) != await asyncio.to_thread(uuid.uuid4)
    await asyncio.gather(world.io("a"), world.io("b"))


@pytest.mark.parametrize(
    ("scenario", "verdict"),
    [
        (sleeping_takes_time, Verdict.PROVED),
        (clocks_go_on, Verdict.PROVED),
        (a_deadline_beats_a_longer_sleep, Verdict.REFUTED),
        (a_late_loop_misses_a_longer_deadline, Verdict.REFUTED),
        (what_is_in_time_is_before_a_longer_sleep, Verdict.PROVED),
        (one_thread_sleeps_twice, Verdict.PROVED),
        (two_threads_sleep_beside_each_other, Verdict.REFUTED),
        (draws_on_a_thread, Verdict.PROVED),
    ],
)
def test_a_function_on_another_thread_has_the_clock_of_the_run(scenario: Scenario, verdict: Verdict) -> None:
    """A real sleep of the longest would outlive the test."""
    assert check(scenario).cell.verdict is verdict


async def adds_on_two_threads(world: Any) -> None:
    """Between reading and writing the other one may come: an update is lost, which no run here shows."""
    kept = {"number": 0}

    def add() -> None:
        before = kept["number"]
        kept["number"] = before + 1

    await asyncio.gather(asyncio.to_thread(add), asyncio.to_thread(add))
    assert kept["number"] == 2


def test_that_a_function_runs_in_one_step_is_told() -> None:
    checked = check(adds_on_two_threads)
    assert checked.cell.verdict is Verdict.PROVED
    assert IN_ONE_STEP in checked.found.trusted


def test_a_thread_is_named_by_what_the_program_gives_it() -> None:
    """Not by what asyncio puts around it."""
    checked = check(a_deadline_beats_a_longer_sleep)
    told = [option for each in checked.found.found["error"].decisions for option in each.options]
    assert "sleep runs on a thread" in told


async def measures_a_sleep(world: Any) -> None:
    begun = time.monotonic()
    await asyncio.to_thread(time.sleep, 3)
    world.measure("asleep", time.monotonic() - begun)


def test_where_time_is_simulated_a_thread_sleeps_as_long_as_it_says() -> None:
    measures = fuzz_simulated(measures_a_sleep, runs=2).cell.measures
    assert measures is not None
    assert measures["asleep"]["mean"] == pytest.approx(3, abs=1e-6)
