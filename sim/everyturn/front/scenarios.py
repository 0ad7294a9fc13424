"""Asyncio programs as they are: every run, a sample of them, or one again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from everyturn.asyncio import checking
from everyturn.asyncio.checking import CheckedScenario
from everyturn.asyncio.runtime.findings import KINDS, chosen
from everyturn.asyncio.runtime.outside import HowLong
from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.runtime.scenarios import find, name_of
from everyturn.asyncio.search.searching import ScenarioSearch, SearchLimits
from everyturn.asyncio.simulation import fuzz_simulated
from everyturn.asyncio.telling.explaining import BUDGET, ExplainedScenario
from everyturn.asyncio.telling.stock_script import write_script
from everyturn.errors import UsageError
from everyturn.front.asking import ScenarioFunction, ScenarioOrName
from everyturn.front.pages import Report, report
from everyturn.front.tables import CellResult, TabledResult, TableRow
from everyturn.front.undisturbed import undisturbed
from everyturn.reports import scenario_story
from everyturn.studies.distributions import Exponential
from everyturn.verdicts.html_tables import judged_in
from everyturn.verdicts.verdict import Cell, InvariantResult, Verdict

ScenarioProgress = bool | Callable[[ScenarioSearch], None]
"""``True``: a line on standard error; or a function that is called after each run with what was found so far."""


def scenario(function: ScenarioFunction) -> ScenarioFunction:
    """Mark an ``async def`` as a scenario: a decorator that says at once if it is none, and changes nothing. Raises
    :class:`~everyturn.UsageError`.

    A scenario takes one parameter, the outside world: ``world.io(name, result)`` is an answer of it. Whether the
    decorator is there or not, :func:`check_scenario` and `everyturn check --scenario` take the function.
    """
    return find(function)


class ProgramResult(CellResult):
    """The verdict on an asyncio program. ``program``: what its runs are made of again."""

    def __init__(self, checked: CheckedScenario, program: str | Scenario) -> None:
        super().__init__(checked.cell)
        self.interrupted: bool = checked.found.interrupted
        self._program = program

    def replay(self, name: str | None = None) -> ScenarioRun:
        """Make the run again that shows the fault, or violates the invariant, of this ``name``; none: the first. Raises
        :class:`~everyturn.UsageError` if none does."""
        return ScenarioRun(checking.replay(self._token(name), self._program))

    def explain(
        self, name: str | None = None, *, script: str | Path | None = None, budget: int = BUDGET
    ) -> ScenarioExplanation:
        """Say why that run does: what decided, when it was too late, who waits for whom, the nearest good run.

        ``script``: a file to write that makes the run on asyncio's own loop. ``budget``: how many runs are made at most
        to find that out. Raises as :meth:`replay` does.
        """
        wanted = self._name(name)
        return explained(self.tokens[wanted], self._program, wanted, script=script, budget=budget)

    def report(self, name: str | None = None) -> Report:
        """That run as a page to step through. Raises as :meth:`replay` does."""
        wanted = self._name(name)
        return report(self.tokens[wanted], invariants=[wanted], scenario=self._program)

    def shrink(self, name: str | None = None) -> ScenarioRun:
        """Make that run shorter. Raises as :meth:`replay` does."""
        wanted = self._name(name)
        return ScenarioRun.shrunk(checking.shrink_token(self.tokens[wanted], self._program, wanted))


class ScenarioResult(ProgramResult):
    """The verdict on an asyncio program, by kinds of faults; ``cell`` is what `everyturn check --scenario … --json`
    gives."""

    def __repr__(self) -> str:
        many = "" if self.cell.states is None else f", {self.cell.states:,} states"
        return f"ScenarioResult({self.revision}: {self.verdict}{many})"


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
    did. ``token``: that of a run that was made shorter."""

    def __init__(self, replayed: checking.ReplayedScenario, token: str | None = None) -> None:
        self.cell: Cell = replayed.cell
        self.lines: list[str] = replayed.lines
        self.strayed: str | None = replayed.strayed
        self.token = token

    @classmethod
    def shrunk(cls, shrunk: checking.ShrunkToken) -> ScenarioRun:
        """The run that is left."""
        return cls(shrunk.after, shrunk.token)

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def verdict(self) -> Verdict:
        """*holds*, or *refuted* if it shows a fault."""
        return self.cell.verdict

    @property
    def verdicts(self) -> dict[str, InvariantResult]:
        """What is said of each kind of fault, or of each invariant: verdict and sentence."""
        return judged_in(self.cell)

    def table(self) -> list[TableRow]:
        """A row for each line of the story."""
        return [{"line": line} for line in self.lines]


Order = Literal["fifo", "any"]
"""The order of ready callbacks: that of asyncio, or any."""

Stop = Literal["never", "first"]
"""Whether to end at the first refutation."""


@undisturbed
def check_scenario(
    scenario: ScenarioOrName,
    *,
    invariants: Sequence[str] = (),
    without: Sequence[str] = (),
    stop: Stop = "never",
    order: Order = "fifo",
    eager: bool = False,
    max_states: int | None = None,
    max_seconds: float | None = None,
    max_memory: int | None = None,
    counter_check: bool = True,
    progress: ScenarioProgress = False,
) -> ScenarioResult:
    """Explore every run of an asyncio program as it is: every order of what the outside world does, and no fault, or
    a run that shows one.

    ``scenario``: an ``async def`` that takes the world. ``invariants``: the kinds of faults to judge, by default all,
    ``without`` some. ``stop="first"`` ends at the first refutation. ``order``: of ready callbacks, that of asyncio
    (``fifo``) or ``any``; ``eager``: tasks begin at once (Python 3.12 and later). Beyond the limits what was not found
    is undetermined. ``counter_check``: make some of the runs again on which a proof rests. Raises
    :class:`~everyturn.UsageError`, also for a program that does what cannot be controlled.
    """
    kinds = chosen(KINDS, invariants, without)
    with searching(progress, name_of(scenario)) as watch:
        checked = checking.check(
            scenario,
            setting_of(order, eager=eager),
            kinds=kinds,
            limits=SearchLimits(None, max_seconds, max_memory, max_states, first_of(stop, kinds)),
            counter_check=counter_check,
            watch=watch,
        )
    return ScenarioResult(checked, scenario)


@undisturbed
def fuzz_scenario(
    scenario: ScenarioOrName,
    *,
    strategy: str = "portfolio",
    runs: int | None = None,
    until_risk: float | None = None,
    seed: int = 0,
    invariants: Sequence[str] = (),
    without: Sequence[str] = (),
    order: Order = "fifo",
    eager: bool = False,
    max_seconds: float | None = None,
    time: Literal["free", "simulated"] = "free",
    latency: HowLong = 1.0,
    counter_check: bool = True,
    engine: Literal["simpy", "tables"] = "simpy",
    progress: ScenarioProgress = False,
) -> ScenarioResult:
    """Make ``runs`` runs of an asyncio program (1,000 if nothing is said) under a strategy: one that shows a fault, or
    a bound on the risk.

    The same ``seed`` makes the same runs. ``strategy``: a name (``"pct:3"``).
    ``until_risk``: as many runs as bound the probability of a fault by this. ``engine="tables"``: the same runs,
    followed through states that are known, which is fast where states come again. Otherwise as :func:`check_scenario`.

    ``time``: all takes any time (``free``), or what is drawn (``simulated``): then there is no strategy, ``latency`` is
    how long it takes where the scenario does not say (the mean of an exponential distribution in seconds, or a
    distribution), and ``.cell.measures`` has how long things took.
    """
    setting, kinds = setting_of(order, eager=eager), chosen(KINDS, invariants, without)
    how: dict[str, Any] = {"kinds": kinds, "runs": runs, "until_risk": until_risk, "seed": seed, "seconds": max_seconds}
    with searching(progress, name_of(scenario)) as watch:
        if time == "simulated":
            if engine != "simpy":
                raise UsageError("engine='tables': expected time='free'; in simulated time no two states are the same")
            usual = Exponential(latency) if isinstance(latency, int | float) else latency
            checked = fuzz_simulated(scenario, setting, usual=usual, watch=watch, **how)
        else:
            checked = checking.fuzz(
                scenario,
                setting,
                strategy=strategy,
                counter_check=counter_check,
                engine=engine,
                watch=watch,
                **how,
            )
    return ScenarioResult(checked, scenario)


@undisturbed
def replay_scenario(token: str, scenario: ScenarioOrName, *, invariants: Sequence[str] = ()) -> ScenarioRun:
    """Make the run of a token of ``scenario`` (or of a file that holds one) again, judged for ``invariants``, by
    default all kinds of faults. Raises :class:`~everyturn.UsageError` for what is no such token."""
    return ScenarioRun(checking.replay(token, scenario, kinds=chosen(KINDS, invariants)))


def explained(
    source: str, program: str | Scenario, name: str | None, *, script: str | Path | None, budget: int
) -> ScenarioExplanation:
    """Why the run of a token shows a fault, and the script that makes it on asyncio's own loop."""
    found = checking.explain_token(source, program, name, budget=budget)
    if script is not None:
        write_script(Path(script), program, found)
    return ScenarioExplanation(found)


def setting_of(order: Order, *, eager: bool) -> Setting:
    """How the loop is set up. Raises :class:`UsageError` where this Python cannot."""
    if order not in ("fifo", "any"):
        raise UsageError(f"order: expected 'fifo' or 'any', found {order!r}")
    if eager and not hasattr(asyncio, "eager_task_factory"):
        raise UsageError("eager: expected Python 3.12 or later, whose asyncio has eager tasks; found an older one")
    return Setting(order=order, eager=eager)


def first_of(stop: Stop, kinds: checking.Kinds) -> frozenset[str]:
    """The kinds of faults of which the first one ends a search. Raises :class:`UsageError`."""
    if stop not in ("never", "first"):
        raise UsageError(f"stop: expected 'never' or 'first', found {stop!r}")
    return frozenset(kinds if stop == "first" else ())


@contextmanager
def searching(progress: ScenarioProgress, what: str) -> Iterator[Callable[[ScenarioSearch], None] | None]:
    """What a search is to call after each run, if anything."""
    if not isinstance(progress, bool):
        yield progress
    elif progress:
        from everyturn.reports.programs import watching

        with watching(what) as bar:
            yield bar.searching
    else:
        yield None
