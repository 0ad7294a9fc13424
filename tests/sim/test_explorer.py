"""The explorer: verdicts and state counts of small scopes, known by hand or found and thought through."""

from __future__ import annotations

import pytest
from tests.nightly import nightly, thinned

from everyturn.checking.check import check
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import DEFAULT_SCOPES, Scope
from everyturn.world.world import World


def refuted(revision: str, scope: str, *invariants: str, granularity: str = "access") -> set[str]:
    """The invariants that are refuted in a cell."""
    cell = check(revision, scope, invariants=invariants, granularity=granularity).cell
    return {name for name, judged in cell.invariants.items() if judged.verdict is Verdict.REFUTED}


def test_at_the_parent_revision_a_run_id_is_folded_and_hangs() -> None:
    """d3 at AA: the queued prompt is folded; in another order the turn that hands off says nothing."""
    assert refuted("d3", "AA") == {"no-fold-of-run-id", "no-hang"}


def test_the_fix_keeps_the_missions_three_and_holds_a_completion_back() -> None:
    """d4 at AA: the coordinator's hook keeps the first completion until the whole chain has run."""
    assert refuted("d4", "AA") == {"prompt-notice"}


def test_without_a_coordinator_nothing_is_held_back() -> None:
    """d4 at AA+d: everything is proved."""
    assert refuted("d4", "AA+d") == set()


def test_one_provider_error_leaves_a_queued_prompt_behind() -> None:
    """d4 at AA+1e: the error path does not look at the queue."""
    assert refuted("d4", "AA+1e") >= {"no-hang", "nothing-lost", "clean-rest"}


def test_on_an_event_loop_a_single_in_process_race_is_gone() -> None:
    """With granularity await, d4 at II: the store's awaits between look and set still let two turns begin."""
    assert "one-turn" in refuted("d4", "II", granularity="await")
    assert "no-deadlock" not in refuted("d4", "II", granularity="await")


@thinned(2)
@pytest.mark.parametrize("scope", DEFAULT_SCOPES)
def test_hardened_is_proved(scope: str) -> None:
    """All fifteen, and conformance, in every default scope."""
    cell = check("hardened", scope).cell
    assert {name for name, judged in cell.invariants.items() if judged.verdict is Verdict.REFUTED} == set()
    assert cell.conforms is not None
    assert cell.conforms.verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("revision", "scope", "states", "transitions", "depth"),
    [
        ("d0", "AA", 779, 1342, 39),
        ("d3", "AA", 2344, 4034, 69),
        ("d4", "AA", 2194, 3814, 70),
        ("d4", "AA+1c", 39301, 81858, 76),
        ("hardened", "AA", 910, 1496, 51),
        ("hardened", "AA+1c", 20330, 39136, 57),
        ("hardened", "AA+1t+u", 2401, 4048, 63),
    ],
)
def test_state_counts_are_pinned(revision: str, scope: str, states: int, transitions: int, depth: int) -> None:
    """The same on Python 3.11, 3.12 and 3.13; a change of the code that changes them has to be explained."""
    cell = check(revision, scope).cell
    assert (states, transitions, depth) == (cell.states, cell.transitions, cell.depth)


@pytest.mark.parametrize(
    ("revision", "scope", "states", "transitions", "depth"),
    [("hardened", "AIa+1c", 423_103, 973_932, 79), nightly("hardened", "AAA+1c", 1_720_437, 4_312_577, 84)],
)
def test_hardened_is_proved_in_larger_scopes(
    revision: str, scope: str, states: int, transitions: int, depth: int
) -> None:
    """Nothing is refuted, and the counts are pinned; the plain explorer found the same."""
    cell = check(revision, scope).cell
    assert cell.verdict is Verdict.PROVED
    assert cell.conforms is not None
    assert cell.conforms.verdict is Verdict.PROVED
    assert (states, transitions, depth) == (cell.states, cell.transitions, cell.depth)


def test_one_prompt_alone_has_one_interleaving() -> None:
    """A needs no scheduler: as many states as steps, and one end."""
    world = World(Scope.parse("A"), "d4")
    found = Explorer(world, Judge()).run()
    assert found.transitions == found.states - 1 == found.depth
    assert found.rests == 1


def test_a_limit_is_no_proof() -> None:
    """An exploration that was cut off says undetermined, not proved."""
    cell = check("hardened", "AA+1c", limits=Limits(states=500)).cell
    assert cell.verdict is Verdict.UNDETERMINED


def test_what_cannot_be_violated_is_vacuous() -> None:
    """Without a cancel, the invariants about cancels say nothing."""
    said = check("d4", "AA").cell.invariants
    vacuous = {name for name, judged in said.items() if judged.verdict is Verdict.VACUOUS}
    assert vacuous == {"no-lost-cancel", "idle-cancel"}


def test_only_the_asked_invariants_are_judged() -> None:
    """The mission's three, proved at the seed commit."""
    cell = check("d4", "AA", invariants=["mission"]).cell
    assert cell.verdict is Verdict.PROVED
    assert list(cell.invariants) == ["no-hang", "no-double-emit", "no-fold-of-run-id"]
