"""State graphs, their cycles, and the point of no return."""

from __future__ import annotations

import networkx
import pytest

from everyturn_model.candidates import Bounds
from everyturn_model.events import FinalStored, Queued, StepPrepared, TakenOut
from everyturn_model.exploration import explore
from everyturn_model.graphs import cycles, point_of_no_return, saved, state_graph


@pytest.fixture
def trap() -> networkx.DiGraph:
    """From 0 to the good end 3, or over 2 into the trap of 4 and 5."""
    return networkx.DiGraph([(0, 1), (1, 2), (1, 3), (2, 4), (4, 5), (5, 4)])


def test_the_state_graph_is_what_was_explored() -> None:
    """A node for each state, an edge for each transition that leads elsewhere; the start is 0."""
    explored = explore(Bounds("A"))
    graph = state_graph(explored)
    assert len(graph) == len(explored.nodes)
    assert graph.number_of_edges() == sum(edge.source != edge.target for edge in explored.edges)
    assert {node for node, rest in graph.nodes(data="rest") if rest} == explored.rests
    assert graph.nodes[0]["state"] == explored.nodes[0].state


def test_the_specification_goes_round_only_by_queueing_and_storing() -> None:
    """What can be repeated for ever: into the queue and out of it, a step's message prepared and stored."""
    graph = state_graph(explore(Bounds("A")))
    parts = cycles(graph)
    repeated = {type(data["event"]) for part in parts for _, _, data in graph.subgraph(part).edges(data=True)}
    assert repeated == {Queued, TakenOut, StepPrepared, FinalStored}


def test_cycles_are_the_parts_that_last(trap: networkx.DiGraph) -> None:
    """A part is listed if a run can stay in it: two nodes that lead to each other, or one that leads to itself."""
    trap.add_edge(3, 3)
    assert cycles(trap) == [frozenset({4, 5}), frozenset({3})]


def test_saved_is_what_can_still_end_well(trap: networkx.DiGraph) -> None:
    """The good ends and all from which one can be reached; a question does as well as a list."""
    assert saved(trap, [3]) == {0, 1, 3}
    assert saved(trap, lambda node: node == 3) == {0, 1, 3}


def test_the_point_of_no_return_is_the_last_state_that_could_end_well(trap: networkx.DiGraph) -> None:
    """In the run 0, 1, 2, 4 it is 1: its next step was the mistake."""
    assert point_of_no_return(trap, [0, 1, 2, 4], [3]) == 1


def test_a_run_without_hope_has_no_point_of_no_return(trap: networkx.DiGraph) -> None:
    """If no state of the run could end well, there is no such point."""
    assert point_of_no_return(trap, [4, 5], [3]) is None


def test_a_run_must_be_a_path(trap: networkx.DiGraph) -> None:
    """A run that the graph does not have is an error that says where."""
    with pytest.raises(ValueError, match="found at 1 a step to 5"):
        point_of_no_return(trap, [0, 5], [3])
