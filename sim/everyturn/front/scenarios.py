"""Asyncio programs as they are: every run, a sample of them, or one again."""

from __future__ import annotations

import asyncio
from typing import Literal

from everyturn.asyncio import checking
from everyturn.asyncio.checking import Checked
from everyturn.asyncio.running import Setting
from everyturn.asyncio.searching import Limits
from everyturn.errors import UsageError
from everyturn.front.asking import ScenarioFunction
from everyturn.front.tables import Result, Row, rows_of
from everyturn.verdicts.verdict import Cell, Judged, Verdict

Scenario = str | ScenarioFunction
"""An ``async def`` that takes the world, or where it lies: ``"package.module:function"``."""


class ScenarioResult(Result):
    """The verdict on an asyncio program; ``cell`` is what `everyturn check --scenario … --json` gives."""

    def __init__(self, checked: Checked, scenario: Scenario) -> None:
        self.cell: Cell = checked.cell
        self.interrupted: bool = checked.found.interrupted
        self._scenario = scenario

    def __repr__(self) -> str:
        return f"ScenarioResult({self.cell.revision}: {self.verdict}, {self.cell.schedules or 0:,} runs)"

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        return self.cell.verdict

    @property
    def verdicts(self) -> dict[str, Judged]:
        """What is said of each kind of fault: verdict, sentence, steps, token."""
        return self.cell.invariants

    @property
    def tokens(self) -> dict[str, str]:
        """For each fault that was found the token of a run that shows it."""
        return {name: judged.token for name, judged in self.verdicts.items() if judged.token is not None}

    def replay(self, fault: str | None = None) -> ScenarioRun:
        """Make the run again that shows ``fault``; none: the first. Raises :class:`~everyturn.UsageError` if none does."""
        for name, token in self.tokens.items():
            if fault in (None, name):
                return replay_scenario(token, self._scenario)
        said = ", ".join(self.tokens) or "nothing"
        raise UsageError(f"{self.cell.revision}: expected a fault that was found ({said} was); found {fault!r}")

    def table(self) -> list[Row]:
        """A row for each kind of fault."""
        return rows_of(self.cell)


class ScenarioRun(Result):
    """One run of an asyncio program; ``str`` of it is the story. ``strayed``: where it left the recorded path, if it did."""

    def __init__(self, replayed: checking.Replayed) -> None:
        self.cell: Cell = replayed.cell
        self.lines: list[str] = replayed.lines
        self.strayed: str | None = replayed.strayed

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def verdict(self) -> Verdict:
        """*holds*, or *refuted* if it shows a fault."""
        return self.cell.verdict

    def table(self) -> list[Row]:
        """A row for each line of the story."""
        return [{"line": line} for line in self.lines]


Order = Literal["fifo", "any"]
"""The order of ready callbacks: that of asyncio, or any."""


def check_scenario(
    scenario: Scenario,
    *,
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
) -> ScenarioResult:
    """Explore every run of an asyncio program as it is: every order of what the outside world does, and no fault, or a run that shows one.

    ``scenario``: an ``async def`` that takes the world. ``order``: of ready callbacks, that of asyncio (``fifo``) or ``any``;
    ``eager``: tasks begin at once (Python 3.12 and later). Beyond the limits what was not found is undetermined. Raises
    :class:`~everyturn.UsageError`, also for a program that does what cannot be controlled.
    """
    limits = Limits(max_states, max_seconds, max_memory)
    return ScenarioResult(checking.check(scenario, _setting(order, eager=eager), limits=limits), scenario)


def fuzz_scenario(
    scenario: Scenario,
    *,
    runs: int = 1000,
    seed: int = 0,
    order: Order = "fifo",
    eager: bool = False,
    max_seconds: float | None = None,
) -> ScenarioResult:
    """Make ``runs`` random runs of an asyncio program: a run that shows a fault, or a bound on the risk.

    The same ``seed`` makes the same runs. Otherwise as :func:`check_scenario`.
    """
    setting = _setting(order, eager=eager)
    return ScenarioResult(checking.fuzz(scenario, setting, runs=runs, seed=seed, seconds=max_seconds), scenario)


def replay_scenario(token: str, scenario: Scenario) -> ScenarioRun:
    """Make the run of a token of ``scenario`` again. Raises :class:`~everyturn.UsageError` for what is no such token."""
    return ScenarioRun(checking.replay(token, scenario))


def _setting(order: Order, *, eager: bool) -> Setting:
    """How the loop is set up. Raises :class:`UsageError` where this Python cannot."""
    if eager and not hasattr(asyncio, "eager_task_factory"):
        raise UsageError("eager: expected Python 3.12 or later, whose asyncio has eager tasks; found an older one")
    return Setting(order=order, eager=eager)
