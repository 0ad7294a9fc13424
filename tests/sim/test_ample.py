"""What partial order reduction leaves out is never missed: verdicts, outcomes and states of rest are those of
`none`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.nightly import one_in, thinned

from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE, Row, Successor, Transitions
from everyturn.engines.explorer.ample import ALL, Sights
from everyturn.engines.explorer.checkpoints import load, save
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.reductions import AmpleSets
from everyturn.errors import UsageError
from everyturn.verdicts.checker import Judge, select
from everyturn.world import objects
from everyturn.world.operations import OWN, WAIT, Operation
from everyturn.world.scope import Scope
from everyturn.world.world import GRANULARITIES, World
from everyturn_impl.revisions import LATER, REVISIONS
from everyturn_model.lifecycle import Ledger

Found = tuple[frozenset[str], frozenset[object], int, frozenset[object], bool]
"""Violated invariants, outcomes, how many states of rest, everything that was seen, whether threads can go round."""


def explorer_of(agent: Any, scope: str, judge: Judge, reduce: str) -> LevelExplorer:
    explorer = LevelExplorer(World(Scope.parse(scope), agent), judge, reduce)
    assert explorer.run().complete
    return explorer


def found(agent: Any, scope: str, judge: Judge, reduce: str) -> Found:
    """What must be the same with and without the reduction."""
    explorer = explorer_of(agent, scope, judge, reduce)
    result = explorer.found
    rounds = explorer.round() is not None
    return frozenset(result.violations), frozenset(result.outcomes), result.rests, frozenset(explorer.events), rounds


# the revisions -----------------------------------------------------------------------------------------------------

SCOPES = ["A", "AA", "II", "A+1e+1f", "A+1c+1f", "A+1q", "a+1s", "A+1t+1s", "A+1c+x", "A+1r+n", "A+2c", "A+*t"]


@thinned(6)
@pytest.mark.parametrize(("scope", "revision"), one_in(4, SCOPES, [name for name in REVISIONS if name not in LATER]))
def test_the_reduction_changes_no_verdict_no_outcome_and_no_rest(revision: str, scope: str) -> None:
    """Judged as a whole, and by one invariant that looks at rest only, where most is left out."""
    for judge in (Judge(), Judge(select(["no-hang"]), conformance=False)):
        assert found(revision, scope, judge, "ample") == found(revision, scope, judge, "dead")


@thinned(2)
@pytest.mark.parametrize("invariant", ["no-double-emit", "one-turn", "prompt-notice", "true-outcome", "in-order"])
def test_each_invariant_alone_is_judged_the_same(invariant: str) -> None:
    """What is told to nobody who looks at it counts for nothing, what is told to one who does counts."""
    judge = Judge(select([invariant]), conformance=False)
    assert found("d4", "AA+1c", judge, "ample") == found("d4", "AA+1c", judge, "none")


def test_less_is_left_out_the_more_is_looked_at() -> None:
    """AAA of hardened: a sixth where everything is judged, a quarter where only states of rest are."""
    sizes = []
    for judge in (Judge(), Judge(select(["no-hang"]), conformance=False)):
        whole, reduced = (explorer_of("hardened", "AAA", judge, reduce).found.states for reduce in ("dead", "ample"))
        sizes.append(reduced / whole)
    assert 0.84 < sizes[0] < 0.88
    assert 0.70 < sizes[1] < 0.75


# persistent sets, by their definition ------------------------------------------------------------------------------


class Whole:
    """The whole graph of an explorer's world, state by state."""

    def __init__(self, explorer: LevelExplorer) -> None:
        self.explorer = explorer
        self.transitions: Transitions = explorer.transitions

    def row(self, number: int) -> Row:
        explorer = self.explorer
        packed = explorer.graph.states.rows(explorer.graph.states.keys[number : number + 1])[0].tolist()
        row = explorer.graph.tables.macro_steps.global_row(packed)
        judged = self.transitions.judged.number(explorer.graph.judges.state(packed[JUDGE]))
        return (*row[:JUDGE], judged, *row[FIRST_THREAD:])

    def moves(self, row: Row, thread: int) -> list[Successor]:
        return list(self.transitions.moves(row, thread))

    def without(self, row: Row, thread: int) -> Iterator[tuple[Row, Successor]]:
        """Every step that others can make from ``row`` on, as long as ``thread`` does not move."""
        others = [other for other in range(len(self.transitions.world.threads)) if other != thread]
        todo, met = [row], {row}
        while todo:
            row = todo.pop()
            for other in others:
                for step in self.moves(row, other):
                    yield row, step
                    if step.row not in met:
                        met.add(step.row)
                        todo.append(step.row)


@thinned(2)
@pytest.mark.parametrize(
    ("revision", "scope", "invariants"),
    [("d4", "AA", ()), ("hardened", "AA", ("mission",)), ("d1", "A+1c", ("true-outcome",)), ("d4", "aa+1s", ())],
)
def test_who_goes_first_commutes_with_whatever_others_may_do(
    revision: str, scope: str, invariants: tuple[str, ...]
) -> None:
    """Both orders of the two steps lead to the same row, the judge's included, and violate the same, in the whole
    graph."""
    explorer = explorer_of(revision, scope, Judge(select(invariants), conformance=not invariants), "ample")
    reduction = explorer.graph.reduction
    assert isinstance(reduction, AmpleSets)
    whole = Whole(explorer)
    numbers = np.flatnonzero(reduction.ample.first != ALL)
    assert numbers.size
    for number in np.random.default_rng(1).choice(numbers, min(len(numbers), 40), replace=False).tolist():
        thread = int(reduction.ample.first[number])
        start = whole.row(number)
        own = whole.moves(start, thread)
        for row, step in whole.without(start, thread):
            before = whole.moves(row, thread)
            after = whole.moves(step.row, thread)
            assert len(before) == len(after) == len(own)
            for mine, last in zip(before, after, strict=True):
                theirs = whole.moves(mine.row, step.thread)[step.choice]
                assert theirs.row == last.row
                assert {*mine.findings, *theirs.findings} == {*step.findings, *last.findings}


def test_an_event_changes_no_lives_but_those_that_it_names() -> None:
    """In every ledger that was reached: other lives stay as they are, and what becomes of these does not depend on
    others."""
    seen = 0
    for scope in ("A+1c", "Aa+1f", "a+1s+u", "AI+1r"):
        explorer = explorer_of("d4", scope, Judge(), "dead")
        sights = Sights(explorer.graph.judges.judge, explorer.graph.tables.macro_steps.events)
        sights.meet()
        judges = explorer.graph.judges
        ledgers = list(dict.fromkeys(judges.state(number).ledger for number in range(len(judges))))
        for ledger in ledgers[::3]:
            for events in explorer.graph.tables.macro_steps.events.values:
                for event in events:
                    named = set(sights.named(event))
                    after = ledger.step(event)
                    assert [each for each in after if each.prompt not in named] == [
                        each for each in ledger if each.prompt not in named
                    ]
                    alone = Ledger(tuple(each for each in ledger if each.prompt in named)).step(event)
                    assert [each for each in after if each.prompt in named] == list(alone)
                    seen += after != ledger
    assert seen > 1000


@pytest.mark.parametrize("granularity", GRANULARITIES)
def test_whatever_can_wait_is_a_scheduling_point(granularity: str) -> None:
    """So a macro step waits at its first access or not at all, and its local state alone tells what it waits for."""
    known = [Operation(*name) for name in objects.OPERATIONS] + [
        Operation(f"{OWN}x", f"{WAIT}y"),
        Operation(f"{OWN}x", "y"),
    ]
    waiting = [each for each in known if objects.can_block(each)]
    assert {str(each) for each in waiting} >= {"mutex.lock", "titles.join", "own.x.wait_y"}
    for scope in ("AA", "A+x", "A+n+1s"):
        for each in waiting:
            assert objects.is_scheduling_point(each, Scope.parse(scope), granularity)


# around it ---------------------------------------------------------------------------------------------------------


def test_a_violation_that_was_found_is_real() -> None:
    """SimPy makes every counterexample again, in whatever order its steps are: perhaps not a shortest one."""
    plain, reduced = (check("d4", "AA+1c", reduce=reduce).cell for reduce in ("dead", "ample"))
    assert reduced.states is not None
    assert plain.states is not None
    assert reduced.states < plain.states
    for name, judged in plain.invariants.items():
        again = reduced.invariants[name]
        assert again.verdict == judged.verdict
        assert (again.steps or 0) >= (judged.steps or 0)


def test_a_checkpoint_goes_on_with_what_was_left_out(tmp_path: Path) -> None:
    """Stopped, saved and taken up: what must still be followed is."""
    file = tmp_path / "checkpoint"
    judge = Judge(select(["no-hang"]), conformance=False)
    for limit in (50, 300, 2000):
        explorer = LevelExplorer(World(Scope.parse("AA"), "d4"), judge, "ample")
        explorer.run(Limits(states=limit), save=lambda: save(explorer, file))  # noqa: B023 - called at once
        resumed = load(file, World(Scope.parse("AA"), "d4"), judge, "ample")
        resumed.run()
        whole = explorer_of("d4", "AA", judge, "dead")
        assert resumed.found.complete
        assert resumed.found.rests == whole.found.rests
        assert resumed.found.outcomes == whole.found.outcomes
        with pytest.raises(UsageError, match="expected reduce 'dead', found 'ample'"):
            load(file, World(Scope.parse("AA"), "d4"), judge)


def test_the_plain_engine_does_not_reduce() -> None:
    """It is the referee."""
    with pytest.raises(UsageError, match="use levels"):
        check("d4", "A", engine="plain", reduce="ample")
