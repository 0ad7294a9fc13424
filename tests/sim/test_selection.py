"""What is judged, and when it is enough: invariants of one's own, `without`, `stop_at_first`, strategies of one's
own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.checking.fuzz import fuzz
from everyturn.checking.sampler import Sampled
from everyturn.cli import main
from everyturn.engines.simpy.kernel import simulate
from everyturn.engines.simpy.replay import replay
from everyturn.errors import UsageError
from everyturn.explanation.explain import explain_source
from everyturn.explanation.shrink import shrink_source
from everyturn.strategies import RandomWalk, Strategy
from everyturn.verdicts.selection import selection
from everyturn.verdicts.verdict import Verdict
from everyturn.world.access import Access
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import Event, Folded, Rest
from everyturn_model.invariants import INVARIANTS, Invariant, Kind, Violated
from everyturn_model.lifecycle import Ledger


def nobody_is_folded(state: None, event: Event, ledger: Ledger) -> Violated | None:
    return Violated(f"{event.prompt} was folded") if isinstance(event, Folded) else None


NO_FOLD = Invariant("no-fold", "No prompt is folded.", Kind.ALWAYS, nobody_is_folded)


def test_an_invariant_of_ones_own_is_judged_in_explorer_samples_and_replay() -> None:
    checked = check("d3", "AA", invariants=[NO_FOLD])
    judged = checked.cell.invariants["no-fold"]
    assert (judged.verdict, judged.sentence) == (Verdict.REFUTED, "p2 was folded")
    assert judged.token is not None
    assert replay(judged.token, [NO_FOLD]).cell.invariants["no-fold"].verdict is Verdict.REFUTED
    assert fuzz("d3", "AA", runs=40, invariants=[NO_FOLD]).cell.verdict is Verdict.REFUTED
    explained = explain_source(judged.token, [NO_FOLD])
    assert (explained.invariant, explained.promise) == ("no-fold", "No prompt is folded.")
    assert shrink_source(judged.token, [NO_FOLD]).finding.invariant == "no-fold"


def test_an_invariant_of_ones_own_is_proved_where_it_holds() -> None:
    """The lock-free example folds nobody; both engines prove it, and count the same states."""
    agent = "examples.agents.lock_free:LockFree"
    cells = [check(agent, "AA", invariants=[NO_FOLD], engine=engine).cell for engine in ("levels", "plain")]
    assert [cell.verdict for cell in cells] == [Verdict.PROVED, Verdict.PROVED]
    assert cells[0].states == cells[1].states


def raises(state: Any, event: Event, ledger: Ledger) -> Any:
    raise KeyError(event)


def grows(state: Any, event: Event, ledger: Ledger) -> Any:
    return [event]


def early(state: Any, event: Event, ledger: Ledger) -> Any:
    return Violated("too early")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (replace(NO_FOLD, step=raises), r"invariant 'no-fold': .*test_selection.py:\d+: expected .* KeyError"),
        (replace(NO_FOLD, step=grows), "invariant 'no-fold': a monitor's state: list: expected a value"),
        (replace(NO_FOLD, step=early, kind=Kind.AT_REST), "to be violated by Rest only; found Submitted"),
        (replace(NO_FOLD, name="no-hang"), "invariant 'no-hang': expected a name that no other has"),
        (replace(NO_FOLD, name="conforms"), "expected a name that no other has"),
        (replace(NO_FOLD, name="two words"), "expected a name without spaces"),
    ],
)
def test_what_is_wrong_with_an_invariant_of_ones_own_is_said(wrong: Invariant, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check("d4", "A", invariants=[wrong])


def test_renamings_do_not_count_once_for_an_invariant_of_ones_own() -> None:
    with pytest.raises(UsageError, match="reduce symmetry: expected invariants of the list"):
        check("d4", "AA", invariants=[NO_FOLD], reduce="symmetry")


def test_without_leaves_out_what_it_names() -> None:
    asked = selection((), ["no-hang", "conforms"])
    assert asked.names == [each.name for each in INVARIANTS if each.name != "no-hang"]
    assert not asked.conformance
    assert selection((), ["mission"]).names == [each.name for each in INVARIANTS[3:]]
    assert selection(["no-hang", NO_FOLD], ["no-hang"]).names == ["no-fold"]
    assert selection([NO_FOLD, "no-hang"], ["no-fold"]).names == ["no-hang"]


def test_without_says_what_it_does_not_know() -> None:
    with pytest.raises(UsageError, match="invariant 'no-hangs': expected one of mission"):
        selection((), ["no-hangs"])
    with pytest.raises(UsageError, match="expected something left to judge, found nothing"):
        selection(["no-hang"], ["no-hang"])


@thinned(2)
@pytest.mark.parametrize(("engine", "reduce"), [("levels", "dead"), ("levels", "symmetry"), ("plain", "dead")])
def test_stopped_at_the_first_refutation_it_is_the_same(engine: str, reduce: str) -> None:
    """A shortest counterexample, with the same token; fewer states, and nothing is proved of the others."""
    whole = check("d3", "AA", invariants=["no-hang", "one-turn"], engine=engine, reduce=reduce).cell
    first = check("d3", "AA", invariants=["no-hang", "one-turn"], engine=engine, reduce=reduce, stop_at_first=True).cell
    assert first.invariants["no-hang"] == whole.invariants["no-hang"]
    assert first.invariants["one-turn"].verdict is Verdict.UNDETERMINED
    assert first.stopped == "the first refutation"
    assert first.states is not None
    assert whole.states is not None
    assert first.states < whole.states


def test_where_nothing_is_refuted_stopping_changes_nothing() -> None:
    cells = [check("hardened", "AA", stop_at_first=stops).cell for stops in (False, True)]
    assert [(cell.verdict, cell.states, cell.stopped) for cell in cells] == [
        (Verdict.PROVED, cells[0].states, None)
    ] * 2


def test_one_cannot_stop_at_the_first_and_want_more() -> None:
    with pytest.raises(UsageError, match="stop at first: expected one counterexample"):
        check("d3", "AA", stop_at_first=True, counterexamples=2)


def test_the_command_line_has_both() -> None:
    asked = ["check", "--revision", "d3", "--scope", "AA", "--without", "conforms", "--without", "no-deadlock"]
    result = CliRunner().invoke(main, [*asked, "--stop-at-first"])
    assert result.exit_code == 1
    assert "no-deadlock" not in result.output
    assert "(14 invariants" not in result.output
    assert "stopped at the first refutation" in result.output


class LastFirst(Strategy):
    """Whoever asked last goes on."""

    def begin(self, run: int) -> None:
        self.exhausted = True

    def pick(self, enabled: Sequence[Access]) -> int:
        return len(enabled) - 1

    def choose(self, outcomes: int) -> int:
        return 0


class Beyond(LastFirst):
    def pick(self, enabled: Sequence[Access]) -> int:
        return -1


class BoastsOfProofs(LastFirst):
    proves = "always"


def test_a_strategy_of_ones_own_decides() -> None:
    made: list[Sampled] = []
    fuzzed = fuzz("d4", "AA", strategy=LastFirst(), watch=made.append)
    assert (fuzzed.cell.strategy, fuzzed.cell.schedules) == ("LastFirst", 1)
    assert [each.number for each in made] == [0]
    assert made[0].decisions is not None
    assert any(made[0].decisions)


def test_a_strategy_of_ones_own_proves_nothing() -> None:
    assert fuzz("hardened", "AA", strategy=BoastsOfProofs()).cell.verdict is Verdict.UNDETERMINED


def test_a_decision_that_there_is_not_is_an_error() -> None:
    with pytest.raises(UsageError, match="strategy Beyond: pick: expected a whole number from 0 to 1; found -1"):
        fuzz("d4", "AA", strategy=Beyond())


@pytest.mark.parametrize("engine", ["simpy", "tables"])
def test_each_run_is_shown(engine: str) -> None:
    """As many as were made, in order; those that violate are as many as the result counts."""
    made: list[Sampled] = []
    fuzzed = fuzz("d3", "AA", strategy="pct:3", runs=100, engine=engine, watch=made.append)
    assert [each.number for each in made] == list(range(100))
    for name, failure in fuzzed.failures.items():
        assert sum(name in each.violated for each in made) == failure.often


def test_a_run_number_is_asked_for_where_runs_differ() -> None:
    with pytest.raises(UsageError, match="expected the number of the run, since those of RandomWalk differ"):
        simulate(World(Scope.parse("AA"), "d4"), RandomWalk(1))


def test_at_rest_an_invariant_of_ones_own_may_be_violated() -> None:
    def never(state: None, event: Event, ledger: Ledger) -> Violated | None:
        return Violated("there is rest") if isinstance(event, Rest) else None

    rest = Invariant("never-rests", "Nothing rests.", Kind.AT_REST, never)
    assert check("d4", "A", invariants=[rest]).cell.invariants["never-rests"].sentence == "there is rest"


def test_of_a_scenario_kinds_of_faults_are_left_out() -> None:
    """No invariants, of which it has none: that is an error, which names the kinds."""
    asked = ["check", "--scenario", "examples.scenarios.two_users:mended", "--without"]
    assert CliRunner().invoke(main, [*asked, "hang"]).exit_code == 0
    wrong = CliRunner().invoke(main, [*asked, "no-hang"])
    assert (wrong.exit_code, "one of hang, error" in wrong.output) == (2, True)


def test_samples_can_be_judged_without_some_invariants() -> None:
    asked = ["fuzz", "--revision", "d4", "--scope", "A", "--runs", "3", "--json", "--without", "mission"]
    (cell,) = json.loads(CliRunner().invoke(main, asked).stdout)["cells"]
    assert list(cell["invariants"]) == [each.name for each in INVARIANTS[3:]]
