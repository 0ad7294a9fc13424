"""The sampler: makes runs of one cell under a strategy, judges each, and keeps a tally."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.runs.run import Run
from everyturn.strategies import strategy as make_strategy
from everyturn.strategies.guarded import Guarded
from everyturn.strategies.profile import profile
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.checker import Finding
from everyturn.verdicts.selection import Wanted, selection
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.dispatcher import Dispatcher

Chooser = str | Strategy
"""A strategy by its name, or one of the user's own."""


class RunRecipe(NamedTuple):
    """What runs are made of."""

    revision: str | type[Dispatcher]
    scope: str
    granularity: str
    strategy: Chooser
    seed: int
    invariants: tuple[Wanted, ...]
    without: tuple[str, ...]


class Sampled(NamedTuple):
    """One run: its number, what it violated, each with the step, how many steps it had, and the decisions that make
    it again.

    Over tables (engine ``tables``) only the names of what was violated are known.
    """

    number: int
    violated: frozenset[str]
    findings: tuple[tuple[int, Finding], ...] = ()
    steps: int | None = None
    decisions: tuple[int, ...] | None = None


WatchRuns = Callable[[Sampled], None]
"""Called with each run, in the order of their numbers."""


class FirstViolation(NamedTuple):
    """The first run of some that violated an invariant, by its decisions, and how many of them did."""

    decisions: list[int]
    number: int
    step: int
    finding: Finding
    often: int


@dataclass(slots=True)
class RunTally:
    """What some runs showed."""

    made: int = 0
    failures: dict[str, FirstViolation] = field(default_factory=dict)
    outcomes: dict[object, int] = field(default_factory=dict)

    def add(self, later: RunTally) -> None:
        """Take in what later runs showed."""
        self.made += later.made
        for reached, often in later.outcomes.items():
            self.outcomes[reached] = self.outcomes.get(reached, 0) + often
        for name, first in later.failures.items():
            known = self.failures.get(name)
            self.failures[name] = first if known is None else known._replace(often=known.often + first.often)


class RunMaker:
    """Makes and judges runs of one cell."""

    def __init__(self, cell: RunRecipe) -> None:
        self.cell = cell
        self.world = World(Scope.parse(cell.scope), cell.revision, cell.granularity)
        self.asked = selection(cell.invariants, cell.without)
        self.judge = self.asked.judge(self.world.promises)
        self.table = JudgeTable(self.judge)
        self.strategy = self._chooser(cell.strategy, cell.seed)
        self._decides = Guarded(self.strategy) if isinstance(cell.strategy, Strategy) else self.strategy

    def _chooser(self, chosen: Chooser, seed: int) -> Strategy:
        if isinstance(chosen, Strategy):
            return chosen
        return make_strategy(chosen, seed, lambda: profile(self._simulate, seed))

    def _simulate(self, strategy: Strategy, number: int) -> Run:
        return simulate(self.world, strategy, number)

    def sample(self, numbers: Iterable[int], watch: WatchRuns | None = None) -> RunTally:
        """Make the runs with these numbers, as far as there are any; ``watch`` is shown each."""
        tally = RunTally()
        for number in numbers:
            if self.strategy.exhausted:
                break
            run = self._simulate(self._decides, number)
            tally.made += 1
            state, found = self.table.log(run.log)
            reached = self.table.outcome(state)
            tally.outcomes[reached] = tally.outcomes.get(reached, 0) + 1
            if watch is not None:
                names = frozenset(finding.invariant for _, finding in found)
                watch(Sampled(number, names, tuple(found), len(run.log.times), tuple(run.decisions)))
            for step, finding in found:
                tally.add(RunTally(0, {finding.invariant: FirstViolation(run.decisions, number, step, finding, 1)}))
        return tally


def name_of(strategy: Chooser) -> str:
    """A strategy's name, as results and errors give it."""
    return strategy if isinstance(strategy, str) else type(strategy).__name__
