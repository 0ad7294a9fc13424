"""Asyncio programs as they are: every run, a sample of them, or one again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal

from everyturn.asyncio import checking
from everyturn.asyncio.checking import CheckedScenario
from everyturn.asyncio.runtime.outside import HowLong
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.searching import SearchLimits
from everyturn.asyncio.simulation import fuzz_simulated
from everyturn.asyncio.telling.explaining import ExplainedScenario
from everyturn.asyncio.telling.stock_script import write_script
from everyturn.errors import UsageError
from everyturn.front.asking import ScenarioFunction
from everyturn.front.tables import CellResult, TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports import scenario_story
from everyturn.studies.distributions import Exponential
from everyturn.verdicts.verdict import Cell, Verdict

ScenarioOrName = str | ScenarioFunction
"""An ``async def`` that takes the world, or where it lies: ``"package.module:function"``."""


class ScenarioResult(CellResult):
    """The verdict on an asyncio program, by kinds of faults; ``cell`` is what `everyturn check --scenario … --json`
    gives."""

    def __init__(self, checked: CheckedScenario, scenario: ScenarioOrName) -> None:
        super().__init__(checked.cell)
        self.interrupted: bool = checked.found.interrupted
        self._scenario = scenario

    def __repr__(self) -> str:
        many = "" if self.cell.states is None else f", {self.cell.states:,} states"
        return f"ScenarioResult({self.revision}: {self.verdict}{many})"

    def replay(self, fault: str | None = None) -> ScenarioRun:
        """Make the run again that shows ``fault``; none: the first. Raises :class:`~everyturn.UsageError` if none
        does."""
        return replay_scenario(self._token(fault), self._scenario)

    def explain(self, fault: str | None = None, *, script: str | Path | None = None) -> ScenarioExplanation:
        """Say why that run shows ``fault``: what decided, when it was too late, who waits for whom, the nearest good
        run. ``script``: a file to write that makes the run on asyncio's own loop. Raises as :meth:`replay` does."""
        found = checking.explain_token(self._token(fault), self._scenario, fault)
        if script is not None:
            write_script(Path(script), found.name, found.setting, found.outcome.decisions, str(found.finding))
        return ScenarioExplanation(found)

    def shrink(self, fault: str | None = None) -> ScenarioRun:
        """Make that run shorter. Raises as :meth:`replay` does."""
        return ScenarioRun(checking.shrink_token(self._token(fault), self._scenario, fault).after)


class ScenarioExplanation(TabledResult):
    """Why a run of an asyncio program shows a fault; ``str`` of it is the story."""

    def __init__(self, found: ExplainedScenario) -> None:
        self.explanation = found
        self.fault: str = found.finding.kind
        self.sentence: str = str(found.finding)

    def __str__(self) -> str:
        return "\n".join(scenario_story.lines(self.explanation))

    def document(self) -> dict[str, Any]:
        """What `everyturn explain --scenario … --json` gives."""
        return scenario_story.document(self.explanation)

    def table(self) -> list[TableRow]:
        """A row for each line of the story."""
        return [{"line": line} for line in scenario_story.lines(self.explanation)]


class ScenarioRun(TabledResult):
    """One run of an asyncio program; ``str`` of it is the story. ``strayed``: where it left the recorded path, if it
    did."""

    def __init__(self, replayed: checking.ReplayedScenario) -> None:
        self.cell: Cell = replayed.cell
        self.lines: list[str] = replayed.lines
        self.strayed: str | None = replayed.strayed

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def verdict(self) -> Verdict:
        """*holds*, or *refuted* if it shows a fault."""
        return self.cell.verdict

    def table(self) -> list[TableRow]:
        """A row for each line of the story."""
        return [{"line": line} for line in self.lines]


Order = Literal["fifo", "any"]
"""The order of ready callbacks: that of asyncio, or any."""


@undisturbed
def check_scenario(
    scenario: ScenarioOrName,
    *,
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    counter_check: bool = True,
) -> ScenarioResult:
    """Explore every run of an asyncio program as it is: every order of what the outside world does, and no fault, or
    a run that shows one.

    ``scenario``: an ``async def`` that takes the world. ``order``: of ready callbacks, that of asyncio (``fifo``) or
    ``any``; ``eager``: tasks begin at once (Python 3.12 and later). Beyond the limits what was not found is
    undetermined. ``counter_check``: make some of the runs again on which a proof rests. Raises
    :class:`~everyturn.UsageError`, also for a program that does what cannot be controlled.
    """
    limits = SearchLimits(max_states, max_seconds, max_memory)
    setting = setting_of(order, eager=eager)
    return ScenarioResult(checking.check(scenario, setting, limits=limits, counter_check=counter_check), scenario)


@undisturbed
def fuzz_scenario(
    scenario: ScenarioOrName,
    *,
    strategy: str = "portfolio",
    runs: int | None = None,
    until_risk: float | None = None,
    seed: int = 0,
    order: Order = "fifo",
    eager: bool = False,
    max_seconds: float | None = None,
    time: Literal["free", "simulated"] = "free",
    latency: HowLong = 1.0,
) -> ScenarioResult:
    """Make ``runs`` runs of an asyncio program (1,000 if nothing is said) under a strategy: one that shows a fault, or
    a bound on the risk.

    The same ``seed`` makes the same runs. ``strategy``: a name (``"pct:3"``) of those that asyncio allows.
    ``until_risk``: as many runs as bound the probability of a fault by this. Otherwise as :func:`check_scenario`.

    ``time``: all takes any time (``free``), or what is drawn (``simulated``): then there is no strategy, ``latency`` is
    how long it takes where the scenario does not say (the mean of an exponential distribution in seconds, or a
    distribution), and ``.cell.measures`` has how long things took.
    """
    setting = setting_of(order, eager=eager)
    if time == "simulated":
        usual = Exponential(latency) if isinstance(latency, int | float) else latency
        return ScenarioResult(
            fuzz_simulated(
                scenario, setting, runs=runs, until_risk=until_risk, seed=seed, seconds=max_seconds, usual=usual
            ),
            scenario,
        )
    checked = checking.fuzz(
        scenario, setting, strategy=strategy, runs=runs, until_risk=until_risk, seed=seed, seconds=max_seconds
    )
    return ScenarioResult(checked, scenario)


@undisturbed
def replay_scenario(token: str, scenario: ScenarioOrName) -> ScenarioRun:
    """Make the run of a token of ``scenario`` again. Raises :class:`~everyturn.UsageError` for what is no such
    token."""
    return ScenarioRun(checking.replay(token, scenario))


def setting_of(order: Order, *, eager: bool) -> Setting:
    """How the loop is set up. Raises :class:`UsageError` where this Python cannot."""
    if eager and not hasattr(asyncio, "eager_task_factory"):
        raise UsageError("eager: expected Python 3.12 or later, whose asyncio has eager tasks; found an older one")
    return Setting(order=order, eager=eager)
