"""Verdicts on scenarios in simulated time: samples only, never a proof; and how long things take."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from everyturn.asyncio.checking import CheckedScenario, Kinds, cell_of, judged
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.findings import kinds_of
from everyturn.asyncio.runtime.outside import HowLong
from everyturn.asyncio.runtime.running import Scenario, ScenarioOutcome, Setting
from everyturn.asyncio.runtime.scenarios import find, name_of
from everyturn.asyncio.search.searching import ScenarioSearch
from everyturn.asyncio.simulated.simulated_world import USUAL
from everyturn.asyncio.simulated.simulating import learnt, simulate, worlds
from everyturn.checking.risk import residual, runs_for, upper_bound
from everyturn.strategies.random_walk import RandomWalk
from everyturn.verdicts.verdict import InvariantResult, Verdict


def fuzz_simulated(
    scenario: str | Scenario,
    setting: Setting | None = None,
    *,
    kinds: Kinds | None = None,
    runs: int | None = None,
    until_risk: float | None = None,
    seed: int = 0,
    seconds: float | None = None,
    usual: HowLong = USUAL,
    watch: Callable[[ScenarioSearch], None] | None = None,
) -> CheckedScenario:
    """Make ``runs`` runs of ``scenario`` (1,000 if nothing is said) in simulated time.

    ``usual``: how long it takes where the scenario does not say. The bound on the risk is of runs with these latencies,
    which are drawn anew for each; it says nothing of others. The same ``seed`` makes the same runs.
    """
    function, name = find(scenario), name_of(scenario)
    setting = setting or Setting()
    needed = None if until_risk is None else runs_for(until_risk)
    number = min(each for each in (runs, needed, None if runs or needed else 1000) if each is not None)
    with prepared(function, setting, worlds(seed, "the run before all others", usual)):
        setting = learnt(function, setting, seed, usual)
        sampled = simulate(function, setting, runs=number, seed=seed, seconds=seconds, usual=usual, watch=watch)
    result = sampled.found
    clean = result.runs and not result.unrested and (until_risk is None or upper_bound(result.runs) <= until_risk)
    otherwise = Verdict.RISK if clean else Verdict.UNDETERMINED
    try:
        said = judged(function, name, kinds or kinds_of(function), result, otherwise)
    except Unsupported:
        said = _in_simulated_time_only(kinds or kinds_of(function), result.found, otherwise)
    cell = cell_of(function, name, said, result)
    cell.schedules, cell.strategy, cell.seed = result.runs, "simulated", seed
    cell.seconds, cell.stopped, cell.depth = round(result.seconds, 3), result.stopped, result.longest
    cell.measures = sampled.told()
    if not result.found and not result.unrested:
        cell.risk = residual(RandomWalk(seed), 0, result.runs, sampled.ends.values())
    if cell.risk is not None and until_risk is not None:
        cell.risk |= {"asked": until_risk, "met": cell.risk["at_most"] <= until_risk}
    return CheckedScenario(cell, result)


def _in_simulated_time_only(
    kinds: Kinds, found: Mapping[str, ScenarioOutcome], otherwise: Verdict
) -> dict[str, InvariantResult]:
    """What is said of a scenario with SimPy processes: its runs have no tokens, for in free time there are none."""
    said = {kind: InvariantResult(otherwise) for kind in kinds}
    for kind, outcome in found.items():
        if kind not in kinds:
            continue
        sentence = next(str(each) for each in outcome.findings if each.kind == kind)
        sentence = f"{sentence}; it has SimPy processes, so the same seed makes the run again, and no token does"
        said[kind] = InvariantResult(Verdict.REFUTED, sentence, len(outcome.decisions))
    return said
