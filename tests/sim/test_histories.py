"""The SimPy engine's memory between runs: it makes runs faster and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from tests.nightly import thinned
from tests.sim.small_agents import MayWait

from everyturn.engines.coroutines import histories
from everyturn.engines.coroutines.histories import Histories
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.simpy.kernel import simulate
from everyturn.runs import trace
from everyturn.strategies import strategy
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.revisions import REVISIONS
from everyturn_model.events import Rest

SCOPES = ["AAa+1c+1e", "AI+1q", "AA+1t+u", "AA+1c+n", "Ai+1s+1f", "AA+1c+x"]


def traces(world: World, numbers: range) -> list[bytes]:
    """Runs with these numbers, as trace files."""
    walk = strategy("random-walk", 1)
    return [trace.write(simulate(world, walk, number), engine="simpy", strategy="", seed=1) for number in numbers]


@thinned(4)
@pytest.mark.parametrize("granularity", ["access", "await"])
@pytest.mark.parametrize("scope", SCOPES)
def test_what_was_kept_changes_nothing(scope: str, granularity: str) -> None:
    """Run after run in one world, or each in a world of its own: the same bytes."""
    world = World(Scope.parse(scope), "d4", granularity)
    alone = [traces(World(Scope.parse(scope), "d4", granularity), range(number, number + 1))[0] for number in range(12)]
    assert alone == traces(world, range(12))
    assert alone == traces(world, range(12))


@thinned(2)
@pytest.mark.parametrize("revision", REVISIONS)
def test_a_revision_goes_where_its_coroutines_go(revision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs whose threads are looked up are those whose coroutines are resumed at every step, byte by byte; where all is
    known none is resumed."""
    scope = Scope.parse("AI+1c+1q+1s")
    resumed, looked_up = World(scope, revision), World(scope, revision)
    resumed.tables[Histories] = every_step = Histories(resumed)
    every_step.resumes = True
    expected = traces(resumed, range(20))
    assert traces(looked_up, range(20)) == expected
    monkeypatch.delattr(World, "resume")
    assert traces(looked_up, range(20)) == expected


def test_an_agent_of_ones_own_is_resumed_in_every_run() -> None:
    """Whether it does the same each time is not known of it."""
    agent: Any = MayWait
    world = World(Scope.parse("A+1c"), agent)
    simulate(world, strategy("fifo", 0))
    assert world.tables[Histories].resumes
    assert not Histories(World(Scope.parse("A+1c"), "d4")).resumes


def test_a_tree_that_grows_too_large_is_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between runs, and nothing is to be seen of it."""
    expected = traces(World(Scope.parse("AAa+1c+1e"), "d4"), range(12))
    monkeypatch.setattr(histories, "MAX_NODES", 100)
    assert traces(World(Scope.parse("AAa+1c+1e"), "d4"), range(12)) == expected


def test_who_waits_at_rest_is_not_kept_from_another_run() -> None:
    """The same shared data at rest, and another thread that waits, or none."""
    agent: Any = MayWait
    kept = World(Scope.parse("A+1c"), agent)
    walk = strategy("random-walk", 1)
    rests: set[Rest] = set()
    for number in range(40):
        rest, alone = (
            list(simulate(world, walk, number).seen())[-1][-1] for world in (kept, World(Scope.parse("A+1c"), agent))
        )
        assert rest == alone
        assert isinstance(rest, Rest)
        rests.add(rest)
    assert len({rest.shared for rest in rests}) < len(rests)


@pytest.mark.parametrize("scope", SCOPES)
def test_judging_by_numbers_is_judging(scope: str) -> None:
    """The table finds in a log what the judge finds in its events, at the same steps."""
    world = World(Scope.parse(scope), "d4")
    judge = Judge()
    table = JudgeTable(judge)
    walk = strategy("random-walk", 2)
    for number in range(30):
        run = simulate(world, walk, number)
        assert table.log(run.log)[1] == judge.run(run.seen())
