"""Runs that are followed through known states are those that are made: the same ends, the same findings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.nightly import how_many, thinned
from tests.sim.asyncio_programs import interpret, program

from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.runtime.scenarios import find
from everyturn.asyncio.search import tables
from everyturn.asyncio.search.sampling import ScenarioSample, sample, strategy_for
from everyturn.asyncio.search.strategy_guide import StrategyGuide
from everyturn.asyncio.search.tables import ScenarioTables
from everyturn.errors import Disagreement, ReplayError
from everyturn.sessions.by_name import workload


def facts(sampled: ScenarioSample) -> dict[str, Any]:
    found = sampled.found
    return {
        "counts": (found.runs, found.decisions, found.longest, found.unrested),
        "ended": (found.stopped, sampled.complete),
        "ends": sampled.ends,
        "found": {kind: ([*run.decisions], [*run.findings]) for kind, run in found.found.items()},
        "said": (found.unsure, found.shown, found.trusted, found.neighbours),
    }


def compared(
    scenario: Scenario, strategy: str = "random-walk", runs: int = 300, setting: Setting | None = None
) -> ScenarioSample:
    """What is found by runs that are followed is what is found by runs that are made."""
    both = []
    for followed in (True, False):
        with prepared(scenario, setting or Setting()):
            both.append(
                sample(
                    scenario,
                    setting or Setting(),
                    strategy,
                    runs=runs,
                    seed=3,
                    seconds=None,
                    watch=None,
                    tables=followed,
                )
            )
    assert facts(both[0]) == facts(both[1])
    return both[0]


def made(scenario: Scenario, runs: int, setting: Setting) -> ScenarioTables:
    """The tables after so many runs of a random walk."""
    with prepared(scenario, setting):
        used = strategy_for(scenario, setting, "random-walk", 0)
        known = ScenarioTables(scenario, setting)
        for number in range(runs):
            known.run(StrategyGuide(used.chooser, number, used.known), number)
    return known


@thinned(4)
@pytest.mark.parametrize(
    "strategy", ["random-walk", "pct:2", "fair-pct", "urw", "portfolio", "delay:1", "preemption:1"]
)
@pytest.mark.parametrize("name", ["http_chat:racy", "faults.turns:is_over_before_it_ends.wrong"])
def test_every_strategy_makes_the_same_runs(name: str, strategy: str) -> None:
    compared(find(f"examples.scenarios.{name}"), strategy, 150)


@pytest.mark.parametrize("scope", ["A+1c", "AA"])
def test_so_it_is_of_a_session(scope: str) -> None:
    assert compared(workload("examples.sessions.adapter:Chat", scope), runs=150).found.shown


@thinned(2)
@pytest.mark.parametrize("seed", range(how_many(12, 400)))
def test_so_it_is_of_programs_that_are_made_at_random(seed: int) -> None:
    async def scenario(world: Any) -> None:
        await interpret(program(seed), world)

    compared(scenario, runs=150, setting=Setting(order="any" if seed % 3 == 0 else "fifo"))


async def counts_up(world: Any) -> None:
    """Four tasks with three waits each, of which only the sum is kept."""
    count = 0

    async def task() -> None:
        nonlocal count
        for _ in range(3):
            await asyncio.sleep(0)
            count += 1

    await asyncio.gather(*(task() for _ in range(4)))
    assert count == 12


def test_runs_are_made_only_where_something_is_not_known() -> None:
    known = made(counts_up, 2_000, Setting(order="any"))
    assert known.choices == check(counts_up, Setting(order="any")).found.states
    assert known.made < 800


async def loses_an_error(world: Any) -> None:
    """A task fails early in some runs, and nobody asks; it is held in a circle, so that only a collection shows it.
    What follows on it is the same in all runs."""
    held: list[Any] = []

    async def fails() -> None:
        raise ValueError

    async def asks() -> None:
        await world.io("first", errors=(OSError,))

    try:
        await asks()
    except OSError:
        held += [held, asyncio.create_task(fails())]
        await asyncio.sleep(0)
    del held, asks, fails
    await asyncio.gather(world.io("a"), world.io("b"))
    await world.io("last")


def test_what_only_garbage_shows_is_found_in_those_runs_that_left_it() -> None:
    found = compared(loses_an_error)
    assert 100 < found.often("unretrieved") < 200


async def notes_what_changes(world: Any) -> None:
    """What it notes is changed afterwards."""
    items: list[int] = []
    for each in range(2):
        await asyncio.gather(world.io("a"), world.io("b"))
        items.append(each)
        world.log(items)


def test_what_is_noted_is_what_it_was_then() -> None:
    with prepared(notes_what_changes, Setting()):
        found = sample(
            notes_what_changes, Setting(), "random-walk", runs=200, seed=0, seconds=None, watch=None, tables=True
        )
    assert [notes for _, notes in found.ends] == [("[0]", "[0, 1]")]


def test_a_run_that_never_rests_ends_where_it_would() -> None:
    async def goes_round(world: Any) -> None:
        while True:
            try:
                await world.io("asked", errors=(OSError,))
            except OSError:
                return

    found = compared(goes_round, "fifo", 20, Setting(longest=60))
    assert found.found.unrested
    compared(goes_round, "random-walk", 60, Setting(longest=12))


@pytest.mark.parametrize("most", [0, 5])
def test_with_room_for_few_choices_the_rest_is_made(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(tables, "MOST_CHOICES", most)
    compared(find("examples.scenarios.http_chat:racy"), runs=100)


def test_states_that_are_taken_for_one_and_are_not_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mutant: an encoder that forgets everything."""

    async def remembers(world: Any) -> None:
        first = [await each for each in asyncio.as_completed([world.io("a", 1), world.io("b", 2)])]
        await asyncio.gather(world.io("c"), world.io("d"))
        world.log(first)

    compared(remembers)
    monkeypatch.setattr(tables, "encode", lambda _: ("nothing",))
    with pytest.raises((Disagreement, ReplayError), match=r"counter-check: what is known of a run|another choice"):
        made(remembers, 300, Setting())
