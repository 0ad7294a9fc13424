"""The reachable states of a small scope as a graph of networkx: values on nodes, operations on edges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from everyturn.engines.coroutines.exploration import Sight
from everyturn.engines.coroutines.reached import Reached, label
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row
from everyturn.front.undisturbed import undisturbed
from everyturn.verdicts.checker import Judge
from everyturn.world import objects
from everyturn.world.world import World

if TYPE_CHECKING:
    import networkx

READABLE: Final = 20_000
"""The most states of a graph, unless more are asked for."""


@undisturbed
def graph(
    world: World, judge: Judge, max_states: int = READABLE, progress: Callable[[Sight], None] | None = None
) -> networkx.MultiDiGraph:
    """Every reachable state as a node (0 is the first), every transition as an edge; ``graph.graph`` names revision
    and scope.

    A node has the value of each shared object by its name (``active``, ``queue``, ``mutex`` …), ``threads`` (what
    each waits to do, none: it has ended), ``depth`` (steps from the start), ``rest`` (nothing can move) and
    ``violated`` (names). An edge has ``thread``, ``operations``, ``events``, ``violates`` and ``label``. Raises
    :class:`~everyturn.errors.UsageError` beyond ``max_states``.
    """
    import networkx

    from everyturn.front.reachable_states import ReachableStates

    reached = Reached(world, judge, max_states=max_states, progress=progress)
    made = ReachableStates(revision=world.revision, scope=str(world.scope), granularity=world.granularity)
    rests = set(reached.rests)
    for number, row in enumerate(reached.rows):
        made.add_node(
            number, **_values(reached, row), rest=number in rests, violated=_at_rest(reached, row, number in rests)
        )
    for number, row in enumerate(reached.rows):
        for thread, choice, after, findings in reached.transitions.successors(row):
            made.add_edge(
                number,
                reached.numbers[after],
                **_move(reached, row, thread, choice),
                violates=tuple(finding.invariant for finding in findings),
            )
    for number, depth in networkx.single_source_shortest_path_length(made, 0).items():
        made.nodes[number]["depth"] = depth
    return made


def _values(reached: Reached, row: Row) -> Mapping[str, Any]:
    """The shared values of a state, and where its threads stand."""
    threads = {
        thread.name: None
        if (local := reached.transitions.locals[row[FIRST_THREAD + place]]).operation is None
        else str(local.operation)
        for place, thread in enumerate(reached.world.threads)
    }
    return {**dict(zip(objects.COLUMNS, reached.transitions.values(row), strict=True)), "threads": threads}


def _at_rest(reached: Reached, row: Row, rests: bool) -> tuple[str, ...]:
    return tuple(finding.invariant for finding in reached.transitions.rest(row)[1]) if rests else ()


def _move(reached: Reached, row: Row, thread: int, choice: int) -> Mapping[str, Any]:
    """What a transition does, and what is seen of it."""
    name = reached.world.threads[thread].name
    operations = tuple(map(str, reached.transitions.operations(row, thread, choice)))
    seen = reached.transitions.seen(row, thread, choice)
    return {"thread": name, "operations": operations, "events": seen, "label": label(name, operations[0], seen)}
