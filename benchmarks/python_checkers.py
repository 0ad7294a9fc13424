"""Model checkers for Python on the same graph: musil and minicheck, beside a textbook search and our explorer.

    python benchmarks/python_checkers.py --scope AAA --revision d4-independent

The others get the finished graph, a dictionary from each state to its successors, and one invariant that always holds:
what is measured is their search alone. Ours starts cold and runs the agent's code. They need Python 3.12 or later
(`pip install musil minicheck`); one that is not installed is left out.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from collections.abc import Callable
from importlib import import_module

from everyturn.engines.coroutines.transitions import Row, Transitions
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World

Graph = dict[Row, list[Row]]


def graph_of(world: World) -> tuple[Row, Graph]:
    """Every state with its successors."""
    transitions = Transitions(world, Judge())
    first = transitions.initial()
    graph: Graph = {}
    todo = [first]
    while todo:
        row = todo.pop()
        if row not in graph:
            graph[row] = [each.row for each in transitions.successors(row)]
            todo += graph[row]
    return first, graph


def textbook(first: Row, graph: Graph) -> int:
    """A set of tuples and a queue."""
    seen = {first}
    queue = deque([first])
    while queue:
        for after in graph[queue.popleft()]:
            if after not in seen:
                seen.add(after)
                queue.append(after)
    return len(seen)


def musil(first: Row, graph: Graph) -> int:
    """One action for each place in a list of successors."""
    library = import_module("musil")
    most = max(map(len, graph.values()))

    def action(place: int) -> object:
        return library.Action(str(place), lambda row: len(graph[row]) > place, lambda row: graph[row][place])

    actions = [action(place) for place in range(most)]
    model = library.Model([first], actions, {"true": lambda _: True}, terminal=lambda row: not graph[row])
    result = library.check(model, max_states=10 * len(graph))
    return int(result.states_explored)


def minicheck(first: Row, graph: Graph) -> int:
    """Its protocol lists the successors of a tuple."""
    library = import_module("minicheck")
    model = library.Protocol(
        name="dispatcher",
        candidate=False,
        fields=tuple(f"c{place}" for place in range(len(first))),
        initial=first,
        transitions=lambda row: [("step", after) for after in graph[row]],
        invariants={"true": lambda _: True},
    )
    result = library.check_safety(model, max_states=10 * len(graph))
    return int(result["reachable_states"])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scope", default="AA+1c")
    parser.add_argument("--revision", default="d4-independent")
    given = parser.parse_args()
    start = time.perf_counter()
    found = LevelExplorer(World(Scope.parse(given.scope), given.revision), Judge()).run()
    seconds = time.perf_counter() - start
    print(f"{'levels, cold':>14}  {found.states:>10,} states  {seconds:8.2f} s  {found.states / seconds:>10,.0f}/s")
    first, graph = graph_of(World(Scope.parse(given.scope), given.revision))
    searches: tuple[Callable[[Row, Graph], int], ...] = (textbook, musil, minicheck)
    for search in searches:
        start = time.perf_counter()
        try:
            states = search(first, graph)
        except ModuleNotFoundError as error:
            print(f"{search.__name__:>14}  not installed ({error.name})")
            continue
        seconds = time.perf_counter() - start
        print(f"{search.__name__:>14}  {states:>10,} states  {seconds:8.2f} s  {states / seconds:>10,.0f}/s")


if __name__ == "__main__":
    main()
