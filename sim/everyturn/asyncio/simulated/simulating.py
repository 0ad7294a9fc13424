"""Many runs in simulated time: what is wrong with some of them, and how long things took."""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from everyturn.asyncio.order.moments import START, earliest
from everyturn.asyncio.order.ordering import joined
from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.outside import HowLong
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting, run
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.asyncio.simulated.simulated_world import USUAL, SimulatedWorld

WHOLE: Final = "the whole run"
"""What is measured of every run: the time until it comes to rest."""


_LEARNING: Final = 8
"""So many runs are made to learn which tasks and futures are in one set at once."""


@dataclass
class SimulatedSample:
    """What so many runs have shown. ``measures``: name → durations in seconds, run by run; ``ends``: how often runs
    ended in which way."""

    found: ScenarioSearch
    measures: dict[str, list[float]] = field(default_factory=dict)
    ends: Counter[Any] = field(default_factory=Counter)

    def add(self, outcome: ScenarioOutcome, begun: float) -> None:
        """One more run."""
        self.found.add(outcome, begun)
        if outcome.complete:
            self.measures.setdefault(WHOLE, []).append(outcome.times[-1] - START)
        for name, seconds in outcome.measured:
            self.measures.setdefault(name, []).append(earliest(seconds))
        self.ends[tuple(sorted({each.kind for each in outcome.findings})), len(outcome.logged)] += 1

    def told(self) -> dict[str, dict[str, float]]:
        """Name → number of durations, mean, median, 95 % quantile and longest, in seconds."""
        return {name: _told(found) for name, found in self.measures.items()}


def _told(found: Sequence[float]) -> dict[str, float]:
    ordered = sorted(found)
    return {
        "number": len(ordered),
        "mean": round(statistics.fmean(ordered), 6),
        "median": round(statistics.median(ordered), 6),
        "p95": round(ordered[math.ceil(0.95 * len(ordered)) - 1], 6),
        "longest": round(ordered[-1], 6),
    }


def worlds(seed: int, name: str, usual: HowLong = USUAL) -> Callable[..., SimulatedWorld]:
    """What makes the world of the run of this name."""
    return partial(SimulatedWorld, seed=f"{seed}: {name}", usual=usual)


def learnt(scenario: Scenario, setting: Setting, seed: int, usual: HowLong = USUAL) -> Setting:
    """With what some runs show of which tasks and futures are in one set at once."""
    for number in range(_LEARNING):
        made = worlds(seed, f"learning {number}", usual)
        outcome = run(scenario, FirstOption(), setting, world_of=made)
        setting = setting._replace(groups=joined(setting.groups, outcome.neighbours))
    return setting


def simulated_run(
    scenario: Scenario,
    setting: Setting,
    seed: int,
    number: int,
    watch: Callable[[str, Any], None] | None = None,
    *,
    usual: HowLong = USUAL,
) -> ScenarioOutcome:
    """Run ``number`` of this seed. To be used within :func:`everyturn.asyncio.control.preparing.prepared`."""
    return run(scenario, FirstOption(), setting, watch, world_of=worlds(seed, f"run {number}", usual))


def simulate(
    scenario: Scenario,
    setting: Setting,
    *,
    runs: int,
    seed: int,
    seconds: float | None,
    usual: HowLong,
    watch: Callable[[ScenarioSearch], None] | None,
) -> SimulatedSample:
    """Make so many runs, each by its number and the seed alone. To be used within
    :func:`everyturn.asyncio.control.preparing.prepared`. Ctrl-C ends it early."""
    sampled, begun = SimulatedSample(ScenarioSearch(setting)), time.monotonic()
    result = sampled.found
    try:
        for number in range(runs):
            sampled.add(simulated_run(scenario, setting, seed, number, usual=usual), begun)
            if watch is not None:
                watch(result)
            if seconds is not None and result.seconds >= seconds and number + 1 < runs:
                result.stopped = f"{seconds:g} seconds"
                break
    except KeyboardInterrupt:
        result.interrupted, result.stopped = True, "interrupted"
    result.trusts()
    return sampled
