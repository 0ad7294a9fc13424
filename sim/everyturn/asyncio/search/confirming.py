"""Faults of runs in which a time became a plain number, such as ``int(now - start)``.

It was the earliest that it could be when it was asked for; what was found out about it later may say otherwise, so that
the program was told two times for one. Then the run is made once more, and every number that it asks for is that of one
time for each instant, which everything decided in the run allows. What is wrong with one of the two only is open.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.depth_first import RepeatedChoices
from everyturn.errors import ReplayError

DOUBTFUL: Final = (
    "whether some run shows it depends on a time that became a plain number, and not all that it can be were tried"
)


def doubtful(scenario: Scenario, setting: Setting, outcome: ScenarioOutcome) -> frozenset[str]:
    """Kinds of faults that a run shows and does not where each instant has one time, or the other way round. To be used
    within :func:`everyturn.asyncio.control.preparing.prepared`."""
    if not outcome.two_times:
        return frozenset()
    kinds = frozenset(each.kind for each in outcome.findings)
    try:
        again = run(scenario, RepeatedChoices(outcome), setting, world_of=partial(_told, outcome.times))
    except ReplayError:  # with these numbers it goes another way
        return kinds
    return kinds ^ {each.kind for each in again.findings}


def _told(times: list[float], *given: Any, **options: Any) -> ScenarioWorld:
    world = ScenarioWorld(*given, **options)
    world.clock.told = times
    return world
