"""Simulated time: timers fire at their time, what is drawn decides what comes first, and nothing is new in free time.

Ten programs at random here; with ``EVERYTURN_NIGHTLY=1`` a thousand.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import simpy
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import how_many
from tests.sim.asyncio_programs import interpret, program
from tests.sim.connection_programs import connection_program
from tests.sim.connection_programs import interpret as interpret_connections

import everyturn
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import Prefix
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Scenario, Setting, run
from everyturn.asyncio.simulated.simulating import WHOLE, learnt, simulated_run
from everyturn.asyncio.simulation import fuzz_simulated
from everyturn.cli import main
from everyturn.studies.distributions import Constant, Exponential
from everyturn.verdicts.verdict import Verdict

# a simulated run is a run of free time
# ---------------------------------------------------------------------------


def made_again_in_free_time(scenario: Scenario, seed: int, number: int) -> None:
    """The same choices in free time do the same: what is noted, what is wrong at rest, how many iterations."""
    with prepared():
        setting = learnt(scenario, Setting(), seed, Exponential(0.003))
        simulated = simulated_run(scenario, setting, seed, number, usual=Exponential(0.003))
        free = run(scenario, Prefix([each.taken for each in simulated.decisions]), setting)
    assert free.decisions == simulated.decisions
    assert free.logged == simulated.logged
    assert free.findings == simulated.findings
    assert free.iterations == simulated.iterations


@settings(max_examples=how_many(10, nightly=1000), deadline=None)
@given(st.integers(0, 100_000), st.integers(0, 50))
def test_a_simulated_run_of_a_program_at_random_is_a_run_of_free_time(seed: int, number: int) -> None:
    async def scenario(world: Any) -> None:
        await interpret(program(seed), world)

    made_again_in_free_time(scenario, seed, number)


@settings(max_examples=how_many(8, nightly=500), deadline=None)
@given(st.integers(0, 100_000), st.integers(0, 50))
def test_a_simulated_run_with_connections_is_a_run_of_free_time(seed: int, number: int) -> None:
    async def scenario(world: Any) -> None:
        await interpret_connections(connection_program(seed), world)

    made_again_in_free_time(scenario, seed, number)


# what takes how long
# ---------------------------------------------------------------------------


async def deadline(world: Any) -> None:
    world.takes("slow", 2.0)
    world.takes("slower", 4.0)
    loop = asyncio.get_running_loop()
    begun = loop.time()
    try:
        async with asyncio.timeout(3.0):
            await world.io("slow answer")
            world.measure("the slow one", loop.time() - begun)
            await world.io("slower answer")
    except TimeoutError:
        world.measure("the deadline", loop.time() - begun)


def test_timers_fire_at_their_time_and_answers_arrive_at_theirs() -> None:
    cell = fuzz_simulated(deadline, runs=5).cell
    once = {"number": 5, "mean": 2.0, "median": 2.0, "p95": 2.0, "longest": 2.0}
    thrice = {key: 5 if key == "number" else 3.0 for key in once}
    assert cell.measures == {WHOLE: thrice, "the slow one": once, "the deadline": thrice}


async def effect_before_the_deadline(world: Any) -> None:
    """Written at half the time; the deadline passes before it is told."""
    rows: list[str] = []
    world.takes("write", 4.0)
    try:
        async with asyncio.timeout(3.0):
            await world.io("write", effect=lambda: rows.append("row"))
    except TimeoutError:
        assert rows == ["row"]


def test_an_effect_happens_at_half_the_time() -> None:
    assert fuzz_simulated(effect_before_the_deadline, runs=3).cell.verdict is Verdict.RISK


async def fails_now_and_then(world: Any) -> None:
    world.takes("model", Constant(1.0))
    world.fails("model", 0.25)
    try:
        await world.io("model", errors=(OSError, ValueError))
        world.measure("answered", 1)
    except (OSError, ValueError):
        world.measure("failed", 1)


def test_errors_come_as_often_as_is_said() -> None:
    """Of 400 runs about 100 fail: 65 to 135 in all but one of ten thousand seeds."""
    measures = fuzz_simulated(fails_now_and_then, runs=400, seed=3).cell.measures
    assert measures is not None
    assert 65 <= measures["failed"]["number"] <= 135
    assert measures["failed"]["number"] + measures["answered"]["number"] == 400


# SimPy processes beside
# ---------------------------------------------------------------------------


async def three_at_one_counter(world: Any) -> None:
    counter = simpy.Resource(world.environment, 1)

    def served(name: str) -> Any:
        with counter.request() as turn:
            yield turn
            yield world.environment.timeout(2.0)
        return name.upper()

    async def ask(name: str) -> str:
        begun = asyncio.get_running_loop().time()
        answer: str = await world.process(served(name))
        world.measure(name, asyncio.get_running_loop().time() - begun)
        return answer

    assert list(await asyncio.gather(ask("a"), ask("b"), ask("c"))) == ["A", "B", "C"]


def test_who_waits_at_a_counter_waits_for_those_before() -> None:
    measures = fuzz_simulated(three_at_one_counter, runs=1).cell.measures
    assert measures is not None
    assert {name: told["mean"] for name, told in measures.items()} == {WHOLE: 6.0, "a": 2.0, "b": 4.0, "c": 6.0}


async def a_process_that_fails(world: Any) -> None:
    def fails() -> Any:
        yield world.environment.timeout(1.0)
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        await world.process(fails())


async def a_process_that_calls(world: Any) -> None:
    called: list[float] = []
    rung = asyncio.Event()

    def rings() -> Any:
        yield world.environment.timeout(5.0)
        world.calls("bell", rung.set)

    world.environment.process(rings())
    async with asyncio.timeout(6.0):
        await rung.wait()
    called.append(asyncio.get_running_loop().time() - 1000.0)
    assert called == [5.0]


async def a_process_that_never_ends(world: Any) -> None:
    def waits() -> Any:
        yield world.environment.event()

    await world.process(waits())


@pytest.mark.parametrize("scenario", [a_process_that_fails, a_process_that_calls])
def test_processes_fail_and_call_as_they_like(scenario: Scenario) -> None:
    cell = fuzz_simulated(scenario, runs=2).cell
    assert cell.verdict is Verdict.RISK, cell.invariants


def test_a_fault_of_a_run_with_processes_has_no_token_and_it_is_said() -> None:
    found = fuzz_simulated(a_process_that_never_ends, runs=2).cell.invariants["hang"]
    assert (found.verdict, found.token) == (Verdict.REFUTED, None)
    assert "it has SimPy processes" in str(found.sentence)


def test_processes_need_simulated_time() -> None:
    with pytest.raises(Unsupported, match=r"expected simulated time"):
        everyturn.check_scenario(three_at_one_counter)


# the command
# ---------------------------------------------------------------------------


def fuzzed(*options: str) -> Any:
    command = ["fuzz", "--scenario", "examples.scenarios.two_users:racy", "--runs", "30", "--seed", "4", *options]
    return CliRunner().invoke(main, command)


def test_the_same_seed_gives_the_same_bytes() -> None:
    def once() -> str:
        document = everyturn.fuzz_scenario("examples.scenarios.two_users:racy", runs=30, seed=4, time="simulated").cell
        document.seconds = None
        return repr(document)

    assert once() == once()


def test_a_token_of_a_simulated_run_is_one_of_free_time() -> None:
    found = everyturn.fuzz_scenario("examples.scenarios.two_users:racy", runs=30, seed=4, time="simulated")
    again = everyturn.replay_scenario(found.tokens["hang"], "examples.scenarios.two_users:racy")
    assert again.cell.verdict is Verdict.REFUTED


def test_nothing_is_proved_and_times_are_told() -> None:
    said = fuzzed("--time", "simulated", "--latency", "0.5", "--expect", "refuted")
    assert said.exit_code == 0
    assert "the whole run: 30 times, mean " in said.stdout
    assert "proved" not in said.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--latency", "2"], "expected --time simulated beside it"),
        (["--time", "simulated", "--strategy", "pct:3"], "expected none with --time simulated"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: list[str], message: str) -> None:
    said = fuzzed(*options)
    assert said.exit_code == 2
    assert message in said.stderr


# nanoseconds
# ---------------------------------------------------------------------------


@pytest.mark.parametrize("nanoseconds", [1, 2, 3, 1_000_000_001])
def test_what_is_asked_for_happens_after_half_its_time_be_that_even_or_odd(nanoseconds: int) -> None:
    async def saves(world: Any) -> None:
        world.takes("save", nanoseconds / 1e9)
        rows: list[int] = []
        world.takes("other", 2.0)
        await asyncio.gather(world.io("save", effect=lambda: rows.append(1)), world.io("other"))
        assert rows == [1]

    with prepared():
        simulated = simulated_run(saves, Setting(), 1, 0)
    assert simulated.complete
    assert not simulated.findings
    made_again_in_free_time(saves, 1, 0)


@pytest.mark.parametrize(
    ("seconds", "what"),
    [
        (float("inf"), "how long 'answer' takes: expected a finite number of seconds; found inf"),
        (float("nan"), "expected a finite number of seconds; found nan"),
        (lambda random: "2", "expected a finite number of seconds; found '2'"),
        ("2", r"world.takes\('answer'\): expected seconds, a distribution or a function; found '2'"),
    ],
)
def test_what_is_no_time_is_said(seconds: Any, what: str) -> None:
    async def asks(world: Any) -> None:
        world.takes("answer", seconds)
        await world.io("answer")

    with pytest.raises(Unsupported, match=what):
        fuzz_simulated(asks, runs=1)
