"""State graphs: the specification's at small bounds, its strongly connected parts, and the point of no return.

networkx is imported when it is needed: reading this module costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from everyturn_model.exploration import Explored

if TYPE_CHECKING:
    import networkx

Good = Collection[Any] | Callable[[Any], bool]
"""The good ends: nodes, or a question to a node."""


def state_graph(explored: Explored) -> networkx.MultiDiGraph[int]:
    """What was explored as a graph: nodes are numbers with ``state`` and ``rest``, edges carry their ``event``."""
    import networkx

    graph: networkx.MultiDiGraph[int] = networkx.MultiDiGraph()
    for number, node in enumerate(explored.nodes):
        graph.add_node(number, state=node.state, rest=number in explored.rests)
    for edge in explored.edges:
        if edge.source != edge.target:
            graph.add_edge(edge.source, edge.target, event=edge.event)
    return graph


def cycles(graph: networkx.DiGraph[Any]) -> list[frozenset[Any]]:
    """The strongly connected parts that a run can stay in for ever, the largest first."""
    import networkx

    parts = networkx.strongly_connected_components(graph)
    lasting = [frozenset(part) for part in parts if len(part) > 1 or any(graph.has_edge(node, node) for node in part)]
    return sorted(lasting, key=lambda part: (-len(part), min(map(str, part))))


def saved(graph: networkx.DiGraph[Any], good: Good) -> frozenset[Any]:
    """The nodes from which a good end can still be reached, the good ends included."""
    ends = [node for node in graph if _is_good(node, good)]
    reached = set(ends)
    while ends:
        for before in graph.predecessors(ends.pop()):
            if before not in reached:
                reached.add(before)
                ends.append(before)
    return frozenset(reached)


def point_of_no_return(graph: networkx.DiGraph[Any], run: Sequence[Hashable], good: Good) -> int | None:
    """The index in ``run``, a path of nodes, of the last node from which a good end can still be reached.

    None if there was no such node at all. Raises :class:`ValueError` if the run leaves the graph.
    """
    for index, node in enumerate(run):
        if node not in graph or (index and not graph.has_edge(run[index - 1], node)):
            raise ValueError(f"expected a path of the graph, found at {index} a step to {node!r} that it does not have")
    safe = saved(graph, good)
    return max((index for index, node in enumerate(run) if node in safe), default=None)


def _is_good(node: Any, good: Good) -> bool:
    return good(node) if callable(good) else node in good
