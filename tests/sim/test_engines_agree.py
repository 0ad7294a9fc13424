"""One semantics, several engines: what one finds, the others find."""

from __future__ import annotations

import pytest
from tests.nightly import at_night, how_many, nightly, one_in, thinned

from everyturn.checking.check import check
from everyturn.checking.fuzz import fuzz
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.simpy.kernel import simulate
from everyturn.strategies import strategy
from everyturn.strategies.replay import Replay
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import Outcome


def explored(revision: str, scope: str) -> set[object]:
    """The outcomes that exploration reaches; `test_levels.py` compares its two engines with each other."""
    return LevelExplorer(World(Scope.parse(scope), revision), Judge()).run().outcomes


@pytest.mark.parametrize("revision", [nightly("d3"), "d4"])
def test_random_runs_reach_every_outcome_of_two_prompts(revision: str) -> None:
    """Some thousand random runs of AA reach exactly the outcomes that exploration reaches, in either engine."""
    plain = Explorer(World(Scope.parse("AA"), revision), Judge()).run().outcomes
    assert explored(revision, "AA") == plain
    assert plain == set(fuzz(revision, "AA", runs=how_many(4_000, 10_000), seed=7).outcomes)


@at_night
@pytest.mark.parametrize(
    ("revision", "outcomes", "missed"), [nightly("d3", 24, 2), nightly("d4", 14, 2), ("hardened", 12, 0)]
)
def test_what_ten_thousand_random_runs_with_a_cancel_miss(revision: str, outcomes: int, missed: int) -> None:
    """As docs/findings.md says: one prompt is cancelled and told, the other stays in the queue, either way round."""
    fuzzed = fuzz(revision, "AA+1c", strategy="random-walk", runs=10_000, seed=7)
    reached = explored(revision, "AA+1c")
    unseen = reached - set(fuzzed.outcomes)
    assert (len(reached), len(unseen)) == (outcomes, missed)
    for outcome in unseen:
        assert isinstance(outcome, tuple)
        (left, *_), (cancelled, *_) = sorted(((fates, told), ending) for _, fates, ending, told, *_ in outcome)
        assert left == ((), ())
        assert cancelled == (("started",), (Outcome.CANCELLED,))
    assert not {"no-hang", "no-lost-cancel"} & set(fuzzed.failures) or revision == "d3"


@thinned(6)
@pytest.mark.parametrize(
    ("scope", "revision"),
    [
        *one_in(
            6, ["AI+1q", "Aa+1c", "AA+1e", "AA+1r", "AA+1t+u", "AA+1c+n"], ["d0", "d1", "d2", "d3", "d4", "hardened"]
        ),
        ("Ai+1s+1f", "d0"),
        *(nightly("Ai+1s+1f", revision) for revision in ("d1", "d2", "d3", "d4", "hardened")),
    ],
)
def test_random_runs_find_nothing_that_exploration_does_not(revision: str, scope: str) -> None:
    """Every outcome of a random run is among the explored ones, and so is every violation."""
    fuzzed = fuzz(revision, scope, runs=60, seed=3)
    assert set(fuzzed.outcomes) <= explored(revision, scope)
    refuted = {name for name, judged in check(revision, scope).cell.invariants.items() if judged.verdict == "refuted"}
    assert set(fuzzed.failures) - {"conforms"} <= refuted


@thinned(2)
@pytest.mark.parametrize("granularity", ["access", "await"])
@pytest.mark.parametrize("scope", ["AA+1c", "II", "AA+1t+u"])
def test_a_counterexample_of_the_explorer_replays_in_simpy(scope: str, granularity: str) -> None:
    """`check` makes every counterexample again through SimPy; the shortest is as long as the explorer says."""
    checked = check("d4", scope, granularity=granularity)
    for name, (run, step) in checked.runs.items():
        judged = checked.cell.conforms if name == "conforms" else checked.cell.invariants[name]
        steps = judged.steps  # type: ignore[union-attr]
        assert steps in (step, step + 1), name
        assert step <= len(run.steps)


def test_coarser_scheduling_reaches_no_new_outcome() -> None:
    """What can happen on an event loop can happen on threads."""
    coarse = Explorer(World(Scope.parse("AI+1c"), "d4", "await"), Judge()).run()
    assert coarse.complete
    assert coarse.outcomes <= explored("d4", "AI+1c")


def test_the_same_seed_makes_the_same_runs() -> None:
    """Ten runs, twice: the same decisions; another seed makes others."""

    def decisions(seed: int) -> list[list[int]]:
        world = World(Scope.parse("AAa+1c"), "d4")
        walk = strategy("random-walk", seed)
        return [simulate(world, walk, number).decisions for number in range(10)]

    assert decisions(1) == decisions(1)
    assert decisions(1) != decisions(2)


def test_fifo_is_a_schedule_without_deviations() -> None:
    """Stock order is 0 everywhere, and replaying nothing is stock order."""
    world = World(Scope.parse("AA+1c"), "d4")
    run = simulate(world, strategy("fifo", 0))
    assert run.schedule.deviations == ()
    assert run.steps == simulate(world, Replay(())).steps
