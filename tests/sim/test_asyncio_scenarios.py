"""Asyncio programs as they are: every order of the world is explored, and nothing that the stock loop cannot do."""

from __future__ import annotations

import asyncio
import gc
import json
import time
from contextlib import suppress
from typing import Any

import pytest
from click.testing import CliRunner
from tests.nightly import nightly
from tests.sim import small_scenarios as small

from everyturn.asyncio.checking import check, fuzz, replay
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.decisions import ByWords, FirstOption
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Scenario, Setting, run
from everyturn.asyncio.search.searching import SearchLimits, outcomes, search
from everyturn.cli import main
from everyturn.errors import ReplayError, UsageError
from everyturn.verdicts.verdict import Verdict


def behaviours(scenario: Scenario, setting: Setting = Setting()) -> set[tuple[Any, ...]]:  # noqa: B008
    """What runs of ``scenario`` note, without any merging."""
    with prepared():
        return {tuple(outcome.logged) for outcome in outcomes(scenario, setting)}


def verdicts(scenario: Scenario, setting: Setting | None = None) -> dict[str, Verdict]:
    checked = check(scenario, setting)
    return {kind: judged.verdict for kind, judged in checked.cell.invariants.items() if judged.verdict != "proved"}


def test_answers_arrive_in_every_order() -> None:
    assert behaviours(small.two_answers) == {("a", "b"), ("b", "a")}


def test_siblings_are_cancelled_in_every_order() -> None:
    """A set of tasks is ordered by address: 3! orders after the one that failed."""
    setting = search(small.siblings_in_every_order).setting
    assert setting.groups == ()  # nobody else looks at the set of a task group
    seen = behaviours(small.siblings_in_every_order, setting)
    assert len(seen) == 6
    assert {logged[0] for logged in seen} == {"a"}


def test_timers_fire_in_every_order_that_time_allows() -> None:
    """The later one is never before the first of one second, and before or after the one of two."""
    assert behaviours(small.three_timers) == {("one", "later", "two"), ("one", "two", "later")}


def test_threads_run_and_end_in_every_order() -> None:
    seen = behaviours(small.two_threads)
    assert seen == {
        ("a", "b", ("a", "b")),
        ("b", "a", ("a", "b")),
        ("a", "b", ("b", "a")),
        ("b", "a", ("b", "a")),
    }


def test_an_answer_may_come_too_late() -> None:
    assert behaviours(small.an_answer_against_a_timeout) == {("answered",), ("too late",)}


def test_an_answer_with_a_latest_time_beats_a_longer_deadline() -> None:
    assert behaviours(small.an_answer_that_is_in_time) == {("answered",)}


@pytest.mark.parametrize("prompts", [2, 3])
def test_a_session_that_looks_at_its_queue_too_early_is_refuted_and_its_mended_twin_proved(prompts: int) -> None:
    assert verdicts(small.session(prompts, mended=False)) == {"hang": Verdict.REFUTED}
    assert verdicts(small.session(prompts, mended=True)) == {}


def test_merging_finds_what_no_merging_finds() -> None:
    for scenario in (small.racy, small.mended, small.two_threads):
        merged, whole = search(scenario), search(scenario, merge=False)
        assert merged.complete
        assert whole.complete
        assert merged.found.keys() == whole.found.keys()
        assert merged.runs < whole.runs


def test_a_counterexample_replays_from_its_token() -> None:
    token = check("tests.sim.small_scenarios:racy").cell.invariants["hang"].token
    assert token is not None
    again = replay(token, "tests.sim.small_scenarios:racy")
    assert [each.kind for each in again.outcome.findings] == ["hang"]
    assert again.strayed is None
    assert "model p0 arrives" in "\n".join(again.lines)


def test_a_token_imports_nothing_by_itself() -> None:
    token = check("tests.sim.small_scenarios:racy").cell.invariants["hang"].token
    assert token is not None
    with pytest.raises(UsageError, match=r"expected --scenario tests.sim.small_scenarios:racy"):
        replay(token)


def test_the_same_seed_samples_the_same_runs() -> None:
    one, other = fuzz(small.racy, runs=50, seed=3), fuzz(small.racy, runs=50, seed=3)
    assert one.cell.invariants == other.cell.invariants
    assert one.cell.verdict is Verdict.REFUTED


def test_clean_samples_bound_the_risk() -> None:
    cell = fuzz(small.mended, runs=100).cell
    assert cell.verdict is Verdict.RISK
    assert cell.risk is not None
    assert 0.0295 < cell.risk["at_most"] < 0.0296


async def never_awaited(world: Any) -> None:
    async def work() -> None: ...

    work()  # type: ignore[unused-coroutine]


async def unretrieved(world: Any) -> None:
    async def work() -> None:
        raise ValueError("nobody asks")

    asyncio.get_running_loop().create_task(work())
    await world.io("answer")


async def left_over(world: Any) -> None:
    world.task = asyncio.ensure_future(asyncio.Event().wait())
    await asyncio.sleep(0)


async def in_the_background(world: Any) -> None:
    def callback() -> None:
        raise ValueError("in a callback")

    asyncio.get_running_loop().call_soon(callback)
    await world.io("answer")


async def blocked(world: Any) -> None:
    time.sleep(3600)


async def fails(world: Any) -> None:
    await world.io("answer", errors=[ConnectionError])


async def ends_the_process(world: Any) -> None:
    raise SystemExit(0)


async def ignores_cancellation(world: Any) -> None:
    async def stubborn() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    world.task = asyncio.ensure_future(stubborn())
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("scenario", "kinds"),
    [
        (never_awaited, {"never-awaited"}),
        (unretrieved, {"unretrieved"}),
        (left_over, {"left-over"}),
        (in_the_background, {"background"}),
        (blocked, {"blocked"}),
        (fails, {"error"}),
        (ends_the_process, {"background", "hang", "error"}),
        (ignores_cancellation, {"left-over", "no-end"}),
    ],
)
def test_what_is_wrong_with_any_program_is_found(scenario: Scenario, kinds: set[str]) -> None:
    found = set(verdicts(scenario))
    assert found
    assert found <= kinds


def test_what_an_answer_does_outside_may_happen_although_the_wait_is_cancelled() -> None:
    async def scenario(world: Any) -> None:
        rows: list[str] = []
        write = asyncio.ensure_future(world.io("write", effect=lambda: rows.append("row")))
        await world.io("button")
        write.cancel()
        await world.io("look")
        world.log(len(rows), write.cancelled())

    assert behaviours(scenario) == {((0, True),), ((1, True),), ((1, False),)}


def test_clocks_and_randomness_are_put_back() -> None:
    import os

    before = time.monotonic, time.sleep, os.urandom
    check(small.two_answers)
    assert (time.monotonic, time.sleep, os.urandom) == before
    assert gc.isenabled()


def test_a_program_that_remembers_from_run_to_run_is_said_to_be_not_deterministic() -> None:
    runs: list[int] = []

    async def scenario(world: Any) -> None:
        runs.append(0)
        for number in range(len(runs)):
            await asyncio.wait([asyncio.ensure_future(world.io(f"{number} {name}")) for name in "ab"])

    with pytest.raises(ReplayError, match="the same choices led to another place"):
        check(scenario)


def test_what_cannot_be_controlled_is_an_error_with_file_and_line() -> None:
    async def scenario(world: Any) -> None:
        await asyncio.open_connection("nobody.example", 80)

    with pytest.raises(Unsupported, match=r"test_asyncio_scenarios.py:\d+: the address of"), prepared():
        run(scenario, FirstOption(), Setting())


def test_a_limit_leaves_it_undetermined() -> None:
    checked = check(small.mended, limits=SearchLimits(runs=3))
    assert checked.cell.verdict is Verdict.UNDETERMINED
    assert checked.cell.stopped == "3 runs"


def test_a_program_that_never_rests_ends_where_its_state_comes_again() -> None:
    async def scenario(world: Any) -> None:
        done = asyncio.ensure_future(world.io("answer"))
        while not done.done():
            await asyncio.sleep(0)

    checked = check(scenario)
    assert checked.found.complete
    assert checked.cell.verdict is Verdict.PROVED


def test_the_command_line_says_it_all() -> None:
    result = CliRunner().invoke(main, ["check", "--scenario", "tests.sim.small_scenarios:racy", "--json"])
    assert result.exit_code == 1
    (cell,) = json.loads(result.stdout)["cells"]
    assert cell["invariants"]["hang"]["verdict"] == "refuted"
    again = CliRunner().invoke(
        main, ["replay", "--scenario", "tests.sim.small_scenarios:racy", cell["invariants"]["hang"]["token"]]
    )
    assert again.exit_code == 1
    assert "user p1 arrives" in again.stdout
    assert CliRunner().invoke(main, ["check", "--scenario", "tests.sim.small_scenarios:mended"]).exit_code == 0


def test_answers_of_one_name_are_told_apart() -> None:
    """A run is found again by the words of its decisions: two that are alike must not be one."""

    async def scenario(world: Any) -> None:
        async def wait(number: int) -> None:
            await world.io("answer")
            world.log(number)

        await asyncio.gather(wait(0), wait(1))

    with prepared():
        for outcome in outcomes(scenario, Setting()):
            again = run(scenario, ByWords([(each.kind, each.word) for each in outcome.decisions]), Setting())
            assert again.logged == outcome.logged


def test_how_long_the_loop_would_sleep_decides_nothing() -> None:
    async def scenario(world: Any) -> None:
        await asyncio.sleep(1)
        await world.io("answer")
        await asyncio.sleep(1)

    assert search(scenario, merge=False).runs == 1


def test_what_garbage_does_at_the_end_of_a_run_is_no_decision() -> None:
    """A getter that is thrown away is cancelled, which asks the loop for a callback: not a moment for other threads."""

    async def get() -> None:
        await asyncio.Queue[None]().get()

    async def scenario(world: Any) -> None:
        async def alone() -> None:
            lost = asyncio.create_task(get())
            await asyncio.sleep(0)
            del lost

        await alone()
        await asyncio.to_thread(len, "a")

    with prepared():
        kinds = {each.kind for outcome in outcomes(scenario, Setting()) for each in outcome.decisions}
    assert "arrives" in kinds
    assert search(scenario).found.keys() == search(scenario, merge=False).found.keys() == {"destroyed", "left-over"}


async def _beat() -> None:
    while True:
        await asyncio.sleep(1)


async def waits_for_ever_beside_a_heartbeat(world: Any) -> None:
    world.beat = asyncio.create_task(_beat())
    await world.io("answer")
    await asyncio.Event().wait()


async def leaves_a_heartbeat(world: Any) -> None:
    world.beat = asyncio.create_task(_beat())
    await world.io("answer")


async def ends_its_heartbeat(world: Any) -> None:
    beat = asyncio.create_task(_beat())
    await world.io("answer")
    beat.cancel()
    await asyncio.wait([beat])


@pytest.mark.parametrize("order", ["fifo", nightly("any")])
def test_a_program_that_goes_round_for_ever_is_not_proved(order: str) -> None:
    """A state from which no run comes to rest is a hang if the scenario has not ended there, else a task that is
    left."""
    setting = Setting(order=order)
    assert verdicts(waits_for_ever_beside_a_heartbeat, setting) == {"hang": Verdict.REFUTED}
    assert verdicts(leaves_a_heartbeat, setting) == {"left-over": Verdict.REFUTED}
    assert verdicts(ends_its_heartbeat, setting) == {}


def test_a_limit_of_time_that_ends_the_repeated_run_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first run comes to rest in time; when the same choices are made once more, time is up."""
    runs: list[None] = []

    def counted(*args: Any, **options: Any) -> Any:
        outcome = run(*args, **options)
        runs.append(None)
        monkeypatch.setattr("everyturn.asyncio.runtime.arriving.monotonic", lambda: float("inf"))
        return outcome

    monkeypatch.setattr("everyturn.asyncio.search.searching.run", counted)
    monkeypatch.setattr(SearchLimits, "reached", lambda limits, found: "1000 seconds")
    found = search(small.racy, limits=SearchLimits(seconds=1000))
    assert len(runs) > 1
    assert not found.complete


def test_the_limit_of_time_holds_inside_one_run() -> None:
    async def scenario(world: Any) -> None:
        number = 0
        while True:
            number += 1
            await asyncio.sleep(0)

    begun = time.monotonic()
    checked = check(scenario, Setting(longest=10**9), limits=SearchLimits(seconds=0.5))
    assert checked.cell.verdict is Verdict.UNDETERMINED
    assert checked.cell.stopped == "0.5 seconds"
    assert time.monotonic() - begun < 60
