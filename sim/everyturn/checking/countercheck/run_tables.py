"""What the SimPy engine says of runs: it resumes coroutines, but what an operation does and shows it looks up by
history."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from everyturn.checking.countercheck.walks import AnotherWay, Rested, Said, Walk, Way
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate_or_cut
from everyturn.strategies.strategy import Strategy
from everyturn.verdicts.checker import Judge
from everyturn.world.access import Access
from everyturn.world.world import World


class RunTables:
    """As :class:`~everyturn.checking.countercheck.walks.WalkTables`; there are no states, and none that are merged."""

    def __init__(self, world: World, judge: Judge) -> None:
        self._world = world
        self._judge = JudgeTable(judge)

    def merged(self, most: int, random: Random) -> list[AnotherWay]:
        """None."""
        return []

    def way(self, state: int) -> Way:
        """That of the initial state."""
        return ()

    def walk(self, ways: Sequence[Way], randoms: Sequence[Random], longest: int) -> list[Walk]:
        """One run after the other."""
        return [self._walk(random, longest) for random in randoms]

    def _walk(self, random: Random, longest: int) -> Walk:
        chosen = _Recorded(random)
        run = simulate_or_cut(self._world, chosen, longest)
        effects = run.log.effects
        state, findings = self._judge.step(self._judge.start, ())
        steps: list[Said] = []
        first = 0
        for number, step in enumerate(run.steps):
            last = first + len(step.operations) - 1
            state, findings = self._judge.step(state, tuple(step.events))
            after = effects[last].after
            before = effects[first].node.operation
            steps.append(
                Said(
                    chosen.enabled[number],
                    step.thread,
                    tuple(chosen.outcomes[number]),
                    before,
                    None if after is None else after.operation,
                    tuple(step.events),
                    findings,
                )
            )
            first = last + 1
        at_rest = run.log.at_rest
        if not at_rest:
            return Walk(steps, None)
        _, findings = self._judge.step(state, at_rest)
        return Walk(steps, Rested(at_rest, findings))


class _Recorded(Strategy):
    """Decides at random, and remembers who could go on at each step, and which outcomes its operations had."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self.enabled: list[tuple[int, ...]] = []
        self.outcomes: list[list[int]] = []

    def begin(self, run: int) -> None:
        """A run begins."""
        self.enabled.clear()
        self.outcomes.clear()

    def pick(self, enabled: Sequence[Access]) -> int:
        """Anybody."""
        self.enabled.append(tuple(sorted(access.thread for access in enabled)))
        self.outcomes.append([])
        return self._random.randrange(len(enabled))

    def choose(self, outcomes: int) -> int:
        """Any."""
        self.outcomes[-1].append(self._random.randrange(outcomes))
        return self.outcomes[-1][-1]
