"""The explored loop against the stock one, in both directions, over programs made at random.

Complete: what a program notes on the stock loop, with real sockets, threads and delays, is noted by one of our runs. No
false alarm: each of our runs can be made on the stock loop, by a selector, a clock and a ready queue that follow it.
Ten programs here; with ``EVERYTURN_NIGHTLY=1`` two thousand (``EVERYTURN_NIGHTLY=5000`` so many).
"""

from __future__ import annotations

import gc
from functools import lru_cache
from typing import Any, Final

import pytest
from tests.nightly import how_many, thinned
from tests.sim.asyncio_programs import interpret, program
from tests.sim.stock_loop import drive, run_for_real, sender

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order.ordering import joined, too_large
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.depth_first import Merging
from everyturn.asyncio.search.searching import outcomes
from everyturn.asyncio.states.state import encode

PROGRAMS: Final = how_many(6, nightly=2000)
REAL_RUNS: Final = 6
MOST_RUNS: Final = 600
PROGRAMS_KEPT: Final = 6
"""So many programs are explored once for both tests; by night the second one comes too late for that."""


def scenario_of(seed: int) -> Scenario:
    async def scenario(world: Any) -> None:
        await interpret(program(seed), world)

    return scenario


def with_what_was_noted(world: ScenarioWorld) -> Any:
    return encode(world), tuple(map(repr, world.logged))


@lru_cache(maxsize=PROGRAMS_KEPT)
def all_outcomes(seed: int) -> tuple[Setting, list[ScenarioOutcome]] | None:
    """Every run of the program up to rest, those with equal states and notes once; nothing if there are too many. To
    be used within :func:`prepared`."""
    scenario, setting = scenario_of(seed), Setting()
    while True:
        found: list[ScenarioOutcome] = []
        for outcome in outcomes(scenario, setting, Merging(with_what_was_noted)):
            found.append(outcome)
            if len(found) % 50 == 0:
                gc.freeze()  # what is kept need not be looked through again and again
            if len(found) > MOST_RUNS:
                return None
            groups = joined(setting.groups, outcome.neighbours)
            if groups != setting.groups and not too_large(setting.groups):
                setting = setting._replace(groups=groups)
                break
        else:
            return setting, found


def until_rest(outcome: ScenarioOutcome) -> tuple[Any, ...]:
    """What a run noted before the end of ``asyncio.run`` began."""
    return tuple(outcome.logged[: outcome.rested])


@thinned(2)
@pytest.mark.parametrize("shard", range(2))
def test_the_stock_loop_does_nothing_that_is_not_explored(shard: int) -> None:
    sending = sender()
    tried = runs = 0
    for seed in range(shard, PROGRAMS, 2):
        with prepared():
            explored = all_outcomes(seed)
        if explored is None:
            continue
        ours = {until_rest(outcome) for outcome in explored[1] if outcome.complete}
        for pace in range(REAL_RUNS):
            noted = run_for_real(program(seed), 1000 * seed + pace, sending)
            assert noted in ours, f"program {seed}, pace {pace}: {program(seed)}"
            runs += 1
        tried += 1
    sending.over = True
    assert tried >= PROGRAMS / 2 * 0.6
    print(f"{tried} programs, {runs} runs on the stock loop")


@thinned(2)
@pytest.mark.parametrize("shard", range(2))
def test_every_explored_run_can_be_made_on_the_stock_loop(shard: int) -> None:
    made = 0
    for seed in range(shard, PROGRAMS, 2):
        scenario = scenario_of(seed)
        with prepared():
            explored = all_outcomes(seed)
            if explored is None:
                continue
            setting, found = explored
            complete = [outcome for outcome in found if outcome.complete]
            for outcome in complete[:: max(1, len(complete) // 12)]:
                noted, strayed = drive(scenario, outcome, setting, outcome.times)
                assert tuple(noted) == until_rest(outcome), f"program {seed}: {program(seed)}: {strayed}"
                made += 1
        gc.collect()
    assert made >= PROGRAMS / 2
    print(f"{made} runs made on the stock loop")
