"""No proof without a counter-check: an encoder that forgets something merges what is not one, and is found out.

Each program comes to one place in two ways, which differ in one thing; what it notes later tells them apart. The
encoder as it is keeps them apart; one that forgets the thing does not, and the counter-check says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.nightly import how_many, thinned
from tests.sim import small_scenarios as small
from tests.sim.asyncio_forgetting import FORGOTTEN, without_part
from tests.sim.test_asyncio_conformance import scenario_of
from tests.sim.test_asyncio_states import ENCODERS_THAT_FORGET, PARTS, noted, program, two_ways

from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.findings import KINDS
from everyturn.asyncio.runtime.first_state import FirstState
from everyturn.asyncio.runtime.running import LEFT_OPEN, Setting
from everyturn.asyncio.search import counter_checking
from everyturn.asyncio.search.counter_checking import counter_check
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging
from everyturn.asyncio.search.searching import SearchLimits, search
from everyturn.checking.countercheck.counter_check import Workload
from everyturn.cli import main
from everyturn.errors import Disagreement
from everyturn.verdicts.verdict import Verdict

PROGRAMS: Final = how_many(6, nightly=240)


@pytest.fixture(autouse=True)
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is compared may not depend on how fast the machine is."""
    monkeypatch.setattr(counter_checking, "_LEAST", 600.0)


@thinned(2)
@pytest.mark.parametrize("forgotten", ENCODERS_THAT_FORGET)
def test_an_encoder_that_forgets_proves_nothing(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run leaves in modules and classes is told twice: here only by what code of the program reads."""
    mutate, name = ENCODERS_THAT_FORGET[forgotten]
    assert check(program(name)).cell.verdict is Verdict.PROVED
    mutate(monkeypatch)
    monkeypatch.setattr(FirstState, "left", lambda self: [])
    with pytest.raises(Disagreement, match="two histories were taken for one state"):
        check(program(name))


@thinned(2)
@pytest.mark.parametrize("part", PARTS)
def test_a_state_without_a_part_of_the_loop_proves_nothing(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = two_ways(PARTS[part])
    assert check(scenario).cell.verdict is Verdict.PROVED
    without_part(part)(monkeypatch)
    with pytest.raises(Disagreement):
        check(scenario)


@thinned(4)
@pytest.mark.parametrize("name", FORGOTTEN)
def test_what_matters_later_is_part_of_the_state(name: str) -> None:
    scenario = FORGOTTEN[name][1]
    with prepared():
        whole = noted(scenario, DepthFirstGuide())
        merged = noted(scenario, Merging())
    assert len(whole) >= 2
    assert merged == whole
    done = check(scenario).cell.counter_check
    assert done is not None
    assert done.stopped is None


@thinned(2)
@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_state_that_forgets_something_proves_nothing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As above."""
    mutate, scenario = FORGOTTEN[name]
    mutate(monkeypatch)
    monkeypatch.setattr(FirstState, "left", lambda self: [])
    with pytest.raises(Disagreement, match="so that nothing which was found counts"):
        check(scenario)


# what must not be taken for a difference -----------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["fifo", "any"])
def test_random_programs_pass(order: str) -> None:
    """No false alarm: what differs from history to history and is no part of a state is not compared."""
    compared = 0
    for seed in range(7000, 7000 + PROGRAMS // 3):
        found = search(scenario_of(seed), Setting(order=order), limits=SearchLimits(runs=100))
        if not found.complete:
            continue
        proved = [kind for kind in KINDS if kind not in found.found]
        work = Workload(10, 30, 0)
        done = counter_check(scenario_of(seed), found.setting, found.guide, proved, work=work, seconds=None)
        compared += done.merged + done.schedules
    assert compared > PROGRAMS


async def notes_what_is_no_part_of_a_state(world: Any) -> None:
    """When it is, where an object lies, what a task is called by nobody's choice."""

    async def user(name: str) -> None:
        await world.io(name)
        loop = asyncio.get_running_loop()
        await asyncio.create_task(asyncio.sleep(0))
        task = asyncio.create_task(world.io("model"))
        world.log(loop.time(), f"{loop.time():.3f} {task!r}", object(), {"when": [loop.time()]})
        await task

    await asyncio.gather(user("a"), user("b"))


def test_times_and_addresses_are_not_compared() -> None:
    done = check(notes_what_is_no_part_of_a_state).cell.counter_check
    assert done is not None
    assert done.merged > 3


async def notes_whole_seconds(world: Any) -> None:
    """The first of two waits is over or not, and one second later nobody knows: but the clock does."""
    begun = asyncio.get_running_loop().time()

    async def user(name: str, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await world.io(name)

    await asyncio.gather(user("a", 1), user("b", 3))
    world.log(int(asyncio.get_running_loop().time()), int(asyncio.get_running_loop().time() - begun))
    await world.io("c")


def test_whole_seconds_are_no_difference() -> None:
    done = check(notes_whole_seconds).cell.counter_check
    assert done is not None
    assert done.merged > 2


TASKS: dict[str, Any] = {"a": None, "b": None}


async def leaves_tasks_that_note_their_end(world: Any, names: str = "ab") -> None:
    """Which of them was made first nobody knows, and it is cancelled first."""

    async def stays(name: str) -> None:
        try:
            await asyncio.Future[None]()
        finally:
            world.log("ends", name)

    async def starts(name: str) -> None:
        await world.io(name)
        TASKS[name] = asyncio.create_task(stays(name if len(names) > 1 else world.first))

    await asyncio.gather(*map(starts, names))
    await asyncio.gather(world.io("x"), world.io("y"))


def test_the_order_in_which_tasks_that_are_left_are_cancelled_is_no_difference() -> None:
    checked = check(leaves_tasks_that_note_their_end)
    assert checked.cell.invariants["left-over"].verdict is Verdict.REFUTED
    assert checked.cell.invariants["error"].verdict is Verdict.PROVED
    assert checked.cell.counter_check is not None
    assert checked.cell.counter_check.merged >= 2


GENERATORS: dict[str, Any] = {"a": None, "b": None}


async def leaves_generators_open(world: Any) -> None:
    """Which of them began first nobody knows, and it is closed first."""

    async def numbers(name: str) -> AsyncIterator[str]:
        try:
            yield name
        finally:
            world.log("closed", name)
            if name == "a":
                await asyncio.sleep(0)

    async def begins(name: str) -> None:
        await world.io(name)
        GENERATORS[name] = numbers(name)
        await anext(GENERATORS[name])

    await asyncio.gather(begins("a"), begins("b"))
    await asyncio.gather(world.io("x"), world.io("y"))


def test_the_order_in_which_generators_that_are_left_open_are_closed_is_that_in_which_they_began() -> None:
    """Not that of their addresses, with which no run could be made again."""
    checked = check(leaves_generators_open)
    assert checked.cell.verdict is Verdict.PROVED
    assert checked.cell.counter_check is not None
    assert checked.cell.counter_check.merged >= 2
    assert LEFT_OPEN in checked.found.assumed
    with prepared():
        whole = noted(leaves_generators_open, DepthFirstGuide())
    assert {tuple(each) for each in whole} == {(("closed", one), ("closed", two)) for one, two in ("ab", "ba")}


async def leaves_one_task_that_notes_its_end(world: Any) -> None:
    """Which of two answers came first, nothing but the world knows."""
    await asyncio.wait([asyncio.ensure_future(world.io(each)) for each in "cd"], return_when=asyncio.FIRST_COMPLETED)
    world.first = world.answers[0].name if world.answers else "both"
    await asyncio.gather(*(world.io(each) for each in "ef"))
    await leaves_tasks_that_note_their_end(world, "a")


def test_what_the_end_of_one_task_shows_is_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(leaves_one_task_that_notes_its_end).cell.invariants["error"].verdict is Verdict.PROVED
    without_part("world")(monkeypatch)
    with pytest.raises(Disagreement, match="notes 'ends'"):
        check(leaves_one_task_that_notes_its_end)


def test_what_was_proved_and_is_shown_is_a_disagreement() -> None:
    found = search(small.racy)
    with pytest.raises(Disagreement, match="hang was proved to be in no run, and a run shows it"):
        counter_check(small.racy, found.setting, found.guide, ["hang"], work=Workload(50, 150, 0), seconds=None)


def test_the_counter_check_can_be_switched_off_and_that_is_said() -> None:
    asked = ["check", "--scenario", "tests.sim.small_scenarios:mended"]
    with_it, without = (CliRunner().invoke(main, [*asked, *more]) for more in ([], ["--no-counter-check"]))
    assert with_it.exit_code == without.exit_code == 0
    assert "counter-checked: 4 merged states" in with_it.stdout
    assert "no counter-check" in without.stdout


def test_nothing_is_checked_again_where_nothing_is_proved() -> None:
    assert check(small.mended, limits=SearchLimits(runs=3)).cell.counter_check is None


def test_a_disagreement_is_exit_code_3_with_both_continuations(monkeypatch: pytest.MonkeyPatch) -> None:
    without_part("ready")(monkeypatch)
    monkeypatch.setattr("tests.sim.small_scenarios.racy", two_ways(PARTS["ready"]))
    result = CliRunner().invoke(main, ["check", "--scenario", "tests.sim.small_scenarios:racy"])
    assert result.exit_code == 3
    for told in ("the first history", "the other history", "the first goes on", "the other goes on", "the difference"):
        assert told in result.stderr


def test_an_audit_follows_every_merge_by_several_continuations(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["audit", "--scenario", "tests.sim.small_scenarios:racy"]
    right = CliRunner().invoke(main, asked)
    assert right.exit_code == 0
    assert "more histories that led to one of them" in right.stdout
    _, scenario = FORGOTTEN["the world's attributes"]
    monkeypatch.setattr("tests.sim.small_scenarios.racy", scenario)
    without_part("world")(monkeypatch)
    wrong = CliRunner().invoke(main, asked)
    assert wrong.exit_code == 3
    assert "two histories were taken for one state" in wrong.stdout
