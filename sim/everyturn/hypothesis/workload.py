"""A workload: a scope, and who goes on in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import everyturn
from everyturn.engines.simpy.kernel import simulate
from everyturn.front.asking import Agent, Granularity, dispatcher
from everyturn.front.runs import ExplainResult, ReplayResult
from everyturn.runs.run import Run
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.checker import CONFORMS, Finding
from everyturn.verdicts.selection import Selection, Wanted, selection
from everyturn.world.access import Access
from everyturn.world.scope import Scope
from everyturn.world.world import World


class WorkloadRun:
    """The run that a workload is of an agent: what it violates, and its token."""

    def __init__(self, run: Run, judged: Selection, world: World, agent: Agent) -> None:
        self.run = run
        self.findings: list[tuple[int, Finding]] = judged.judge(world.promises).run(run.seen())
        self._agent = agent
        self._names: list[Wanted] = [*judged.invariants, *((CONFORMS,) if judged.conformance else ())]

    def __repr__(self) -> str:
        return f"WorkloadRun({self.run.revision}, {self.run.scope}: {', '.join(self.violated) or 'nothing violated'})"

    @property
    def violated(self) -> list[str]:
        """The names of what is violated, in the order in which it happens."""
        return list(dict.fromkeys(finding.invariant for _, finding in self.findings))

    @property
    def token(self) -> str:
        """The run as a token."""
        return self.run.token

    def replay(self) -> ReplayResult:
        """The run made again, with its table and its picture."""
        return everyturn.replay(self.token, agent=self._agent, invariants=self._names)

    def explain(self) -> ExplainResult:
        """Why it violates the first of what it violates. Raises :class:`~everyturn.UsageError` if that is nothing."""
        return everyturn.explain(self.token, agent=self._agent, invariants=self._names)


class DrawnWorkload(NamedTuple):
    """What runs, and ``choices``: at each step with a choice which thread goes on, or which outcome the world has, as a
    place among those possible, counted round; 0 beyond them.

    Any choices make a run of any agent; none are first in, first out.
    """

    scope: Scope
    choices: tuple[int, ...] = ()

    def run(
        self,
        agent: Agent,
        *,
        invariants: Sequence[Wanted] = (),
        without: Sequence[str] = (),
        granularity: Granularity = "access",
    ) -> WorkloadRun:
        """The run of ``agent``, judged as :func:`everyturn.check` judges. Raises :class:`~everyturn.UsageError`."""
        world = world_of(str(self.scope), agent, granularity)
        run = simulate(world, _ByChoices(self.choices))
        return WorkloadRun(run, selection(invariants, without), world, agent)


@lru_cache(maxsize=64)
def world_of(scope: str, agent: Agent, granularity: Granularity) -> World:
    """A world is made once: what is learned of it in one run serves the next."""
    return World(Scope.parse(scope), dispatcher(agent), granularity)


class _ByChoices(Strategy):
    """Follows the choices of a workload."""

    single = True

    def __init__(self, choices: Sequence[int]) -> None:
        self._all = choices
        self._left = iter(choices)

    def begin(self, run: int) -> None:
        self._left = iter(self._all)

    def pick(self, enabled: Sequence[Access]) -> int:
        return self.choose(len(enabled)) if len(enabled) > 1 else 0

    def choose(self, outcomes: int) -> int:
        return next(self._left, 0) % outcomes
