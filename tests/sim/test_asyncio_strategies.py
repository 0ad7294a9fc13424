"""The strategies on asyncio: the same names and promises, over the loop and the sources of the outside world."""

from __future__ import annotations

import asyncio
from collections import Counter
from math import sqrt
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.nightly import thinned
from tests.sim import small_scenarios as small

from everyturn.asyncio.checking import fuzz
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Scenario, Setting, run
from everyturn.asyncio.search.sampling import BY_DEPENDENCE, ScenarioSample, sample, strategy_for
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.asyncio.search.strategy_guide import LOOP, StrategyGuide
from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Verdict

SAMPLERS = ["random-walk", "pct:2", "fair-pct", "urw", "portfolio", "pos", "surw"]


def sampled(scenario: Scenario, strategy: str, runs: int, seed: int = 1) -> ScenarioSample:
    with prepared(scenario, Setting()):
        return sample(scenario, Setting(), strategy, runs=runs, seed=seed, seconds=None, watch=None)


def often(sampled_: ScenarioSample) -> int:
    """How many runs have noted something."""
    return sum(number for (_, noted), number in sampled_.ends.items() if noted)


async def depth_1(world: Any) -> None:
    """One constraint: ``b`` before ``a``."""
    came: list[str] = []

    async def ask(name: str) -> None:
        await world.io(name)
        came.append(name)

    await asyncio.gather(ask("a"), ask("b"))
    if came == ["b", "a"]:
        world.log("found")


async def depth_2(world: Any) -> None:
    """Two constraints: ``b`` happens after the second ``a`` was asked for, and before it comes."""
    came: list[str] = []

    async def asks_twice() -> None:
        await world.io("a")
        came.append("a")
        await world.io("a")
        came.append("a")

    def b_happens() -> None:
        if came == ["a"] and any(each.name == "a" for each in world.answers):
            world.log("found")

    await asyncio.gather(asks_twice(), world.io("b", effect=b_happens))


async def depth_3(world: Any) -> None:
    """Three constraints: ``a`` and ``b`` take turns, each asked for again before the other comes."""
    came: list[str] = []

    async def ask(name: str) -> None:
        for _ in range(2):
            await world.io(name)
            came.append(name)

    await asyncio.gather(ask("a"), ask("b"))
    if came == ["a", "b", "a", "b"]:
        world.log("found")


@pytest.mark.parametrize(("scenario", "depth"), [(depth_1, 1), (depth_2, 2), (depth_3, 3)])
def test_pct_finds_a_fault_of_its_depth_as_often_as_it_promises(scenario: Scenario, depth: int) -> None:
    """1 / (n k^(d-1)) for n threads, the loop among them, and k choices of who goes on."""
    runs = 600
    found = sampled(scenario, f"pct:{depth}", runs)
    chooser: Any = found.used.chooser
    assert found.used.known.keys() == {LOOP, "a", "b"}
    promised = 1 / (len(found.used.known) * chooser.steps ** (depth - 1))
    assert often(found) >= runs * promised - 4 * sqrt(runs * promised * (1 - promised))


def test_pct_of_too_small_a_depth_misses() -> None:
    assert often(sampled(depth_2, "pct:1", 200)) == 0
    assert often(sampled(depth_2, "pct:2", 200)) > 0


@pytest.mark.parametrize("name", SAMPLERS)
def test_seed_and_number_decide_a_run_alone(name: str) -> None:
    """Run 17 is the same by itself as after sixteen others."""
    with prepared(small.racy, Setting()):
        used = strategy_for(small.racy, Setting(), name, 5)
        in_order = [run(small.racy, StrategyGuide(used.chooser, number, used.known), Setting()) for number in range(18)]
        alone = strategy_for(small.racy, Setting(), name, 5)
        again = run(small.racy, StrategyGuide(alone.chooser, 17, alone.known), Setting())
    assert [each.word for each in again.decisions] == [each.word for each in in_order[17].decisions]
    assert len({tuple(each.word for each in outcome.decisions) for outcome in in_order}) > 3


@thinned(2)
@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_finds_the_hang_or_bounds_the_risk(name: str) -> None:
    assert fuzz(small.racy, strategy=name, runs=120, seed=2).cell.invariants["hang"].verdict is Verdict.REFUTED
    clean = fuzz(small.mended, strategy=name, runs=60, seed=2).cell
    assert clean.verdict is Verdict.RISK
    assert clean.risk is not None
    assert clean.risk["at_most"] == pytest.approx(1 - 0.05 ** (1 / 60))
    assert ("pct" in clean.risk) == ("pct" in name)


@thinned(2)
@pytest.mark.parametrize("name", ["delay:inf", "preemption:inf", "dpor"])
@pytest.mark.parametrize("scenario", [small.two_answers, small.mended, small.siblings_in_every_order, depth_3])
def test_an_unbounded_search_makes_every_run_once(name: str, scenario: Scenario) -> None:
    setting = search(scenario).setting
    with prepared(scenario, setting):
        every = [tuple(each.word for each in one.decisions) for one in outcomes(scenario, setting)]
    checked = fuzz(scenario, strategy=name, runs=10_000)
    assert checked.found.runs == len(every) == len(set(every))
    assert checked.cell.verdict is Verdict.PROVED
    assert checked.cell.counter_check is not None
    assert checked.cell.complete


@pytest.mark.parametrize("order", ["fifo", "any"])
def test_a_fault_is_counted_by_the_runs_that_show_it(order: str) -> None:
    """Of all runs: as many as there are orders in which ``b`` comes before ``a``."""

    async def first_come(world: Any) -> None:
        came: list[str] = []
        await depth_1(SimpleNamespace(io=world.io, log=came.append))
        assert not came

    said = fuzz(first_come, Setting(order=order), strategy="preemption:inf", runs=10_000)
    noted = fuzz(depth_1, Setting(order=order), strategy="preemption:inf", runs=10_000)
    with prepared(depth_1, Setting(order=order)):
        every = sample(depth_1, Setting(order=order), "preemption:inf", runs=10_000, seed=0, seconds=None, watch=None)
    assert noted.cell.schedules == said.cell.schedules
    assert said.cell.invariants["error"].count == often(every) > 0
    assert said.cell.invariants["hang"].count is None


def test_a_bounded_search_is_complete_up_to_its_bound_and_proves_nothing() -> None:
    bounded = [fuzz(small.mended, strategy=f"delay:{bound}", runs=10_000) for bound in (0, 1, 2)]
    assert [each.cell.verdict for each in bounded] == [Verdict.UNDETERMINED] * 3
    assert all(each.cell.complete for each in bounded)
    counts = [each.found.runs for each in bounded]
    assert counts[0] == 1
    assert counts == sorted(set(counts))
    assert fuzz(small.racy, strategy="delay:2", runs=10_000).cell.verdict is Verdict.REFUTED


def test_an_unbounded_search_that_is_stopped_proves_nothing() -> None:
    stopped = fuzz(small.mended, strategy="delay:inf", runs=5)
    assert stopped.cell.verdict is Verdict.UNDETERMINED
    assert not stopped.cell.complete


@pytest.mark.parametrize("name", sorted(BY_DEPENDENCE))
def test_where_each_step_depends_on_each_other_strategies_say_what_that_makes_of_them(name: str) -> None:
    asked = ["fuzz", "--scenario", "tests.sim.small_scenarios:racy", "--strategy", name, "--runs", "200"]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 1
    assert f"{name}: what a step of a task reads and writes is not known" in result.output
    assert "✗ hang" in result.output


def test_pos_of_steps_that_all_depend_on_each_other_is_uniform() -> None:
    """Each order of four answers comes as often as by a random walk."""
    runs = 240
    often = Counter(noted for (_, noted) in sampled(four_answers, "pos", runs).ends.elements())
    walked = Counter(noted for (_, noted) in sampled(four_answers, "random-walk", 3 * runs).ends.elements())
    assert often.keys() == walked.keys()
    assert len(walked) == 6
    for order, number in walked.items():
        expected = number / 3
        assert abs(often[order] - expected) < 5 * sqrt(expected * 4 / 3)


async def four_answers(world: Any) -> None:
    """Notes in which order they come: two sources are asked twice each."""
    came: list[str] = []

    async def ask(name: str) -> None:
        for _ in range(2):
            await world.io(name)
            came.append(name)

    await asyncio.gather(ask("a"), ask("b"))
    world.log("".join(came))


def test_coverage_learns_from_run_to_run_and_bounds_nothing() -> None:
    found = fuzz(small.mended, strategy="coverage", runs=40).cell
    assert found.verdict is Verdict.UNDETERMINED
    assert found.risk is None
    with pytest.raises(UsageError, match="expected a strategy whose runs are independent"):
        fuzz(small.mended, strategy="coverage", until_risk=0.1)


def test_what_bounds_no_risk_has_no_until_risk() -> None:
    with pytest.raises(UsageError, match="expected a strategy whose runs are independent"):
        fuzz(small.racy, strategy="delay:2", until_risk=0.1)
    few = fuzz(small.mended, until_risk=0.1).cell
    assert few.schedules == 29
    assert few.risk is not None
    assert few.risk["met"]


async def polls(world: Any) -> None:
    done = asyncio.ensure_future(world.io("answer"))
    while not done.done():
        await asyncio.sleep(0)


def test_a_run_that_an_unfair_strategy_never_ends_is_not_clean() -> None:
    """PCT may let the loop poll for ever; its fair variant does not."""
    unfair = fuzz(polls, Setting(longest=300), strategy="pct:1", runs=20)
    assert unfair.cell.verdict is Verdict.UNDETERMINED
    assert "did not come to rest" in str(unfair.cell.stopped)
    assert fuzz(polls, Setting(longest=300), strategy="random-walk", runs=20).cell.verdict is Verdict.RISK


def test_sources_are_threads_and_ways_are_outcomes() -> None:
    guide = StrategyGuide(strategy_for(small.racy, Setting(), "random-walk", 0).chooser, 0, {LOOP: 0})
    options = ["goes on", "model: a arrives", "model: a: KeyError arrives", "write happens", "f runs on a thread"]
    found = guide.sources("arrives", options)
    assert [(each.thread, each.name, each.places) for each in found] == [
        (0, LOOP, (0,)),
        (1, "model: a", (1, 2)),
        (2, "write", (3,)),
        (3, "f", (4,)),
    ]
