"""Whether the runs of a graph all end: threads that can go round for ever make what is judged at rest say nothing of
some runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from everyturn.engines.explorer import rounds
from everyturn.engines.explorer.frontier import CHUNK
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.state_graph import StateGraph


def endless_run(graph: StateGraph) -> str | None:
    """Where threads can go round for ever, in words; none if every run ends. Asked when all states are known."""
    if not graph.successors.may_go_round():
        return None
    known = graph.tables.transitions.locals
    steps = list(_steps_within(graph, rounds.local_parts(known)))
    if not steps:
        return None
    sources, targets, locals_ = (np.concatenate(each) for each in zip(*steps, strict=True))
    cyclic = rounds.on_cycles(sources, targets, len(graph.states))
    return known.told(int(locals_[cyclic[0]])) if cyclic.size else None


def _steps_within(graph: StateGraph, parts: dict[int, int]) -> Iterator[tuple[KeyNumbers, KeyNumbers, KeyNumbers]]:
    """The steps of threads that stay within a part of their local states: source, target, and local state before."""
    states, macro_steps = graph.states, graph.tables.macro_steps
    for start in range(0, len(states), CHUNK):
        words, expansion, _ = graph.expand(slice(start, start + CHUNK))
        threads = np.array([thread for thread, _ in macro_steps.moves.values], np.int64)[expansion.move]
        for table in macro_steps.tables:
            own = np.array(table.locals.values, np.int64)
            part = np.array([parts.get(local, rounds.NONE) for local in table.locals.values], np.int64)
            moves = np.flatnonzero(threads == table.thread)
            before = states.layout.get(words, table.place)[expansion.source[moves]]
            after = states.layout.get(expansion.words[moves], table.place)
            within = np.flatnonzero((part[before] == part[after]) & (part[before] != rounds.NONE))
            reached, _ = graph.representatives(expansion.words[moves[within]])
            targets = states.find(reached)
            met = targets >= 0
            assert met.all() or not graph.reduction.keeps_successors, "expected all successors, found some left out"
            yield expansion.source[moves[within]][met] + start, targets[met], own[before[within]][met]
