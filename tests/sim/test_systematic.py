"""Systematic strategies on the real world: complete means complete, and what is called independent commutes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from tests.nightly import thinned

from everyturn.checking.fuzz import FuzzedCell, fuzz
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.simpy.kernel import AccessEvent, Kernel, simulate
from everyturn.errors import HiddenState, UsageError
from everyturn.strategies.random_walk import RandomWalk
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import Verdict
from everyturn.world.footprints import Locations
from everyturn.world.objects import COLUMNS
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context


@thinned(4)
@pytest.mark.parametrize(
    ("revision", "scope", "granularity", "strategy"),
    [
        ("d4", "A+1c", "access", "delay:inf"),
        ("d4", "A+1c", "access", "preemption:inf"),
        ("d4", "A+1c", "access", "dpor"),
        ("d1", "A+1c", "access", "dpor"),
        ("hardened", "A+1c", "access", "dpor"),
        ("d4", "A+1c+1e", "access", "dpor"),
        ("d4", "A+1q", "access", "dpor"),
        ("d4", "aa", "await", "delay:inf"),
        ("d4", "aa", "await", "dpor"),
        ("d4", "AA", "await", "dpor"),
        ("d4", "AA+1e", "await", "dpor"),
        ("d3", "AA", "await", "dpor"),
        ("d4", "AI", "await", "dpor"),
        ("d4", "A+1f", "await", "dpor"),
    ],
)
def test_a_complete_search_finds_what_exploration_finds(
    revision: str, scope: str, granularity: str, strategy: str
) -> None:
    """Run to its end, a search reaches exactly the outcomes, and violates exactly the invariants, of all
    interleavings."""
    explored = Explorer(World(Scope.parse(scope), revision, granularity), Judge()).run()
    fuzzed = fuzz(revision, scope, granularity=granularity, strategy=strategy, runs=20_000)
    assert fuzzed.complete
    assert set(fuzzed.outcomes) == explored.outcomes
    assert set(fuzzed.failures) == set(explored.violations)


def verdicts(fuzzed: FuzzedCell) -> set[Verdict]:
    """The verdicts of a cell's invariants."""
    return {judged.verdict for judged in fuzzed.cell.invariants.values()}


def test_only_what_was_searched_completely_is_proved() -> None:
    """A bound, or a cut: undetermined. Every interleaving: proved. Every partial order: what is judged at rest."""
    assert Verdict.PROVED not in verdicts(fuzz("hardened", "A+1c", strategy="delay:1"))
    assert Verdict.PROVED not in verdicts(fuzz("hardened", "A+1c", strategy="delay:inf", runs=100))
    assert verdicts(fuzz("hardened", "A+1c", strategy="delay:inf", runs=3000)) == {Verdict.PROVED, Verdict.VACUOUS}
    reduced = fuzz("hardened", "A+1c", strategy="dpor").cell
    assert reduced.invariants["no-hang"].verdict is Verdict.PROVED
    assert reduced.invariants["true-outcome"].verdict is Verdict.UNDETERMINED
    assert reduced.conforms is not None
    assert reduced.conforms.verdict is Verdict.UNDETERMINED
    assert reduced.risk is None


class Commuting(RandomWalk):
    """A random walk that at each step tries all pairs of waiting accesses in both orders."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.pairs = 0

    def pick(self, enabled: Sequence[Any]) -> int:
        kernel: Kernel = enabled[0].env
        waiting = kernel.waiting
        for first in waiting:
            assert first.waits or effects_of(kernel, first, kernel.row)
            for second in waiting:
                if first is not second and not first.footprint.depends_on(second.footprint):
                    self.pairs += 1
                    assert made(kernel, first, second) == {(b, a, row) for a, b, row in made(kernel, second, first)}
        return super().pick(enabled)


def effects_of(kernel: Kernel, access: AccessEvent, row: list[int]) -> list[tuple[str, list[int]]]:
    """Each outcome of an access: its result, and all columns afterwards."""
    outcomes = []
    for effect in kernel.histories.effects(access.node, row):
        after = row.copy()
        for column, number in effect.changes:
            after[column] = number
        outcomes.append((repr(effect.result), after))
    return outcomes


def made(kernel: Kernel, first: AccessEvent, second: AccessEvent) -> set[tuple[str, str, tuple[int, ...]]]:
    """What two accesses lead to in this order; a blocked second one leaves things as they are."""
    results = set()
    for one, between in effects_of(kernel, first, kernel.row):
        for two, after in effects_of(kernel, second, between) or [("blocked", between)]:
            results.add((one, two, tuple(after)))
    if not results:
        results = {("blocked", two, tuple(after)) for two, after in effects_of(kernel, second, kernel.row)}
        results = results or {("blocked", "blocked", tuple(kernel.row))}
    return results


SCOPES = ["AAa+1c", "AI+1q", "AA+1e+1f", "AA+1t+u", "AA+1c+n", "Ai+1s+1f", "AA+1r", "AA+1c+x", "Aa+1b", "AA+1c+1f+n"]


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("revision", ["d4", "hardened"])
def test_independent_accesses_commute(revision: str, scope: str) -> None:
    """In every state of some random runs: same results, same shared data, same blocking, in both orders."""
    world = World(Scope.parse(scope), revision)
    walk = Commuting(1)
    for run in range(15):
        simulate(world, walk, run)
    assert walk.pairs > 100


@pytest.mark.parametrize("scope", SCOPES)
def test_a_footprint_names_what_is_written(scope: str) -> None:
    """No operation changes a location that it does not say it may write."""
    world = World(Scope.parse(scope), "d4")
    locations = Locations(world)
    walk = RandomWalk(2)
    for run in range(30):
        for effect in simulate(world, walk, run).log.effects:
            changed = {COLUMNS[column] for column, _ in effect.changes}
            assert changed - locations.names(effect.node.footprint.written) <= {"store"}, effect.node.operation
            if "store" in changed:
                assert {"store.messages", "store.buffered"} & locations.names(effect.node.footprint.written)


def test_two_processes_make_the_same_runs() -> None:
    """Same seed: same failures with the same tokens, same outcomes in the same order, same bytes of the result.

    However many processes made them, and again the second time; only the seconds differ.
    """
    one, two, again = (fuzz("d4", "AA+1c", strategy="portfolio", runs=600, seed=3, jobs=jobs) for jobs in (1, 2, 2))
    assert one.failures
    for other in (two, again):
        assert list(one.outcomes.items()) == list(other.outcomes.items())
        assert [(each.number, each.often, each.run.token) for each in one.failures.values()] == [
            (each.number, each.often, each.run.token) for each in other.failures.values()
        ]
    documents = []
    for fuzzed in (one, two, again):
        fuzzed.cell.seconds = None
        documents.append(msgspec.json.encode(fuzzed.cell))
    assert documents[0] == documents[1] == documents[2]


def test_a_strategy_that_learns_has_one_process() -> None:
    """Two could not know what the other has tried."""
    with pytest.raises(UsageError, match="one job"):
        fuzz("d4", "AA", strategy="dpor", jobs=2)


class Moody(SessionAgent):
    """Does something else in every other run, with the same results; it counts them where nobody looks."""

    runs = itertools.count()

    async def run(self, call: Call, caller: Context) -> None:
        if next(self.runs) % 2:
            await self.ports.queue.get()
        await super().run(call, caller)


def test_an_agent_that_is_not_deterministic_is_noticed() -> None:
    """It counts its runs in an attribute of its class: that is seen before the results differ."""
    with pytest.raises(HiddenState, match=r"Moody\.runs is changed"):
        fuzz(Moody, "A", runs=10)
