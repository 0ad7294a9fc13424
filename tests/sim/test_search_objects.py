"""The objects that the search by levels works with keep what each of them says, one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from everyturn.checking.countercheck.proofs import tables_of
from everyturn.engines.coroutines.exploration import Exploration, Violation
from everyturn.engines.explorer import frontier
from everyturn.engines.explorer.frontier import Frontier
from everyturn.engines.explorer.kept_violations import KeptViolations, ViolatingSteps
from everyturn.engines.explorer.predecessors import Predecessors
from everyturn.engines.explorer.reductions import REDUCTIONS
from everyturn.engines.explorer.renaming import ChangedNames
from everyturn.engines.explorer.state_graph import state_graph
from everyturn.engines.explorer.state_table import StateTable
from everyturn.verdicts.checker import Finding, Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World

FOUND: dict[int, tuple[Finding, ...]] = {
    0: (),
    1: (Finding("one-turn", "two at once"),),
    2: (Finding("one-turn", "two at once"), Finding("no-hang", "p1 waits")),
}


def steps(sources: Sequence[int], moves: Sequence[int], found: Sequence[int]) -> ViolatingSteps:
    """Steps from the states at these places by these moves, which violate this."""
    return ViolatingSteps(np.array(sources), np.array(moves), np.array(found))


def kept(different: int) -> tuple[KeptViolations, Exploration]:
    found = Exploration(depth=3)
    violations = KeptViolations(found, FOUND.__getitem__)
    violations.different = different
    return violations, found


def path(state: int, *last: int) -> tuple[tuple[int, int], ...]:
    """As many decisions as the state's number says."""
    return tuple((0, each) for each in (*range(state), *last))


def test_a_level_is_cut_into_chunks_and_the_next_begins_where_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks follow on each other; none is begun whose states are not all known."""
    monkeypatch.setattr(frontier, "CHUNK", 4)
    monkeypatch.setattr(frontier, "_FEW", 4)
    edge = Frontier()
    assert edge.after(0, 1) == (0, 1)
    edge.done = 1
    assert edge.begin_level(10)
    assert not edge.begin_level(10)
    assert edge.levels == [0, 1, 10]
    assert [edge.after(begun, 10) for begun in (1, 5, 9, 10)] == [(1, 5), (5, 9), (9, 10), None]
    assert edge.after(10, 13) is None
    assert edge.after(10, 14) == (10, 14)
    edge.done = 10
    assert edge.after(10, 10) is None


def test_what_is_left_is_guessed_once_levels_shrink() -> None:
    """Half as many from level to level: from the last level on there are twice as many as it has. Before that, nobody
    knows."""
    edge = Frontier()
    assert edge.guess(1) is None
    edge.restore([0, 1, 51, 151, 176], 151)
    assert edge.guess(176) is None
    edge.restore([0, 1, 101, 151, 176], 151)
    assert edge.guess(176) == 2 * (176 - 151)


def test_a_path_goes_back_to_the_first_state() -> None:
    """Each state on it with the move that is made there; rows of predecessors may come in any number of batches."""
    predecessors = Predecessors()
    predecessors.add(3, np.array([0, 0]), np.array([7, 8]))
    predecessors.add(3, np.zeros(0, np.int64), np.zeros(0, np.int64))
    predecessors.add(5000, np.arange(2, 4999), np.full(4997, 9))
    assert predecessors.path(0) == []
    assert predecessors.path(2) == [(0, 8)]
    assert predecessors.path(4) == [(0, 8), (2, 9), (3, 9)]
    assert predecessors.parents[-1] == 4998
    assert predecessors.nbytes == 5000 * 6


def test_the_first_violation_of_each_kind_is_kept() -> None:
    """Of steps that violate the same the first by the state that it leaves; an invariant once, if one was asked for."""
    violations, found = kept(1)
    violations.in_steps(steps([1, 0, 0], [5, 6, 4], [2, 2, 0]), np.array([10, 20]))
    violations.in_steps(steps([0], [3], [1]), np.array([2]))
    assert not found.violations
    violations.keep(path)
    assert found.violations == {
        name: Violation(FOUND[2][place], path(10, 6)) for place, name in enumerate(("one-turn", "no-hang"))
    }
    assert found.others == {}


def test_a_shorter_one_comes_to_the_front() -> None:
    """As many as were asked for are kept; a rest that is shorter than what was found in its level is kept in any
    case."""
    violations, found = kept(2)
    for state in (9, 7, 8):
        violations.in_steps(steps([0], [0], [1]), np.array([state]))
        violations.keep(path)
    assert found.violations["one-turn"].decisions == path(7, 0)
    assert [each.decisions for each in found.others["one-turn"]] == [path(9, 0)]
    violations.at_rest(1, 3)
    violations.keep(path)
    assert found.violations["one-turn"].decisions == path(3)
    violations.at_rest(1, 2)
    violations.keep(path)
    assert found.violations["one-turn"].decisions == path(3)


def test_a_violation_that_was_taken_over_is_one_of_those_that_were_asked_for() -> None:
    """After a checkpoint no second one is kept where one was asked for."""
    violations, found = kept(1)
    before = Violation(FOUND[1][0], path(2))
    violations.take_over([before], [])
    violations.in_steps(steps([0], [0], [1]), np.array([5]))
    violations.keep(path)
    assert found.violations == {"one-turn": before}
    assert found.others == {}


def test_states_keep_their_numbers_when_rows_are_packed_anew() -> None:
    """A column that outgrows its field."""
    largest = [1, 1]
    states = StateTable(lambda: list(largest), np.array([[0, 1]]))
    one = states.packed(np.array([[1, 0]]))
    assert states.add(one).tolist() == [1]
    largest[1] = 1 << 40
    two = states.packed(np.array([[1, 1 << 40]]))
    assert states.add(two).tolist() == [2]
    assert states.rows(states.keys).tolist() == [[0, 1], [1, 0], [1, 1 << 40]]
    assert states.find(states.packed(np.array([[1, 0], [0, 0]]))).tolist() == [1, -1]


def test_renamings_of_a_run_add_up() -> None:
    """p1 and p2 change places, then p2 and p3: the thread that is called p3 now was p1."""
    names = ChangedNames(["p1", "p2", "p3"], [(0, 1, 2), (1, 0, 2), (0, 2, 1)].__getitem__)
    names.rename(0)
    assert (names.thread(2), names.value("p2")) == (2, "p2")
    names.rename(1)
    assert [names.thread(each) for each in range(3)] == [1, 0, 2]
    assert names.value(("p1", "r2")) == ("p2", "r1")
    names.rename(2)
    assert [names.thread(each) for each in range(3)] == [1, 2, 0]
    assert names.value("p3") == "p1"
    assert names.findings((Finding("no-hang", "p1 waits"),)) == (Finding("no-hang", ""),)


@pytest.mark.parametrize("reduce", REDUCTIONS)
def test_a_graph_can_be_asked_before_anything_was_searched(reduce: str) -> None:
    """It knows the initial state, and works out what follows on it."""
    graph = state_graph(World(Scope.parse("AA"), "d4"), Judge(), reduce)
    assert len(graph.states) == 1
    _, steps, violated = graph.expand(slice(0, 1))
    assert sorted({thread for thread, _ in graph.tables.macro_steps.moves.values}) == [0, 1]
    assert len(steps.source) == 2
    assert not violated.any()
    assert len(graph.states) == 1


def test_a_search_of_which_no_tables_are_known_is_not_proved() -> None:
    """What a proof rests on is said by kind of search; a kind that was forgotten is an error."""
    search: Any = object()
    with pytest.raises(NotImplementedError, match="no tables are known of object"):
        tables_of(search)
