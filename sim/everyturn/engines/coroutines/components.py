"""Strongly connected components, without recursion (Tarjan 1972)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator


def components(nodes: Iterable[int], successors: Callable[[int], Iterable[int]]) -> Iterator[list[int]]:
    """The strongly connected components of what is reachable from ``nodes``, each before those that lead to it."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in nodes:
        if root in index:
            continue
        work = [(root, iter(_enter(root, index, low, stack, on_stack, successors)))]
        while work:
            node, rest = work[-1]
            for target in rest:
                if target not in index:
                    work.append((target, iter(_enter(target, index, low, stack, on_stack, successors))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    yield _leave(node, stack, on_stack)


def _enter(
    node: int,
    index: dict[int, int],
    low: dict[int, int],
    stack: list[int],
    on_stack: set[int],
    successors: Callable[[int], Iterable[int]],
) -> Iterable[int]:
    index[node] = low[node] = len(index)
    stack.append(node)
    on_stack.add(node)
    return successors(node)


def _leave(node: int, stack: list[int], on_stack: set[int]) -> list[int]:
    part: list[int] = []
    while not part or part[-1] != node:
        part.append(stack.pop())
        on_stack.discard(part[-1])
    return part
