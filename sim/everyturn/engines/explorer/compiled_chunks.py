"""What follows on a chunk, judged and numbered by compiled loops: no array has all successors in between.

Everything gets the number that :mod:`everyturn.engines.explorer.levels` gives it otherwise: successors are gone through
in the same order, thread by thread, and what the judge has never seen is worked out by the same code, all of a chunk at
once.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from everyturn.engines.coroutines.transitions import JUDGE
from everyturn.engines.explorer.judge_parts import EVENTS_BITS
from everyturn.engines.explorer.judge_tables import Believed
from everyturn.engines.explorer.kept_violations import ViolatingSteps
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.predecessors import Predecessors
from everyturn.engines.explorer.state_graph import StateGraph
from everyturn.engines.explorer.successors import Chunk, ChunkSuccessors


class CompiledChunk:
    """The successors of a chunk of states. What was learnt for them is taken up at once; they are judged and numbered
    by :meth:`enter`."""

    def __init__(self, loops: ModuleType, graph: StateGraph, chunk: Chunk, answer: ChunkSuccessors) -> None:
        self._loops = loops
        self._graph = graph
        self._chunk = chunk
        self._believed = answer.believed
        graph.take_up()
        self._ways = graph.successors.ways
        found = answer.found
        self._sources = [np.require(each, np.int64, ["C", "W"]) for each in found.sources]
        self._taken = [np.require(each, np.int64, ["C", "W"]) for each in found.ways]

    def __len__(self) -> int:
        return sum(map(len, self._sources))

    def enter(self, judged: KeyNumbers, first: int, predecessors: Predecessors) -> ViolatingSteps:
        """Judge all successors, and number those that are new; what they violate.

        ``judged``: the judge's state in each row of the chunk; ``first``: the number of the first of these states.
        """
        steps = self._judged(judged)
        graph, most = self._graph, len(self)
        layout = graph.take_up()
        words = self._chunk.layout.moved(self._chunk.words, layout)
        word, bits = layout.field(JUDGE)
        table, count = graph.states.numbering, len(graph.states)
        noted, violating = 0, ViolatingSteps(*(np.empty(most, np.int64) for _ in range(3)))
        for ways, source, taken, known in zip(self._ways, self._sources, self._taken, steps, strict=True):
            place = 0
            while place < len(taken):
                predecessors.reserve(table.room)
                place, count, noted = self._loops.enter(
                    *(words, source, taken, *ways.packed, ways.move, known, judged, *graph.judges.consequences),
                    *(word, ~bits, layout.shift[JUDGE], *table.table, count, table.room, *predecessors.arrays),
                    *(first, *violating, place, noted),
                )
                table.entered(count)
                if place < len(taken):
                    table.grow()
        predecessors.entered(count)
        return ViolatingSteps(*(each[:noted] for each in violating))

    def _judged(self, judged: KeyNumbers) -> list[KeyNumbers]:
        """What each step is to the judge, by thread: a number; -1 where nothing is seen. All of them are worked out."""
        judges = self._graph.judges
        judges.check_events()
        table = judges.steps
        before = count = len(table)
        fresh, seen = [], 0
        steps = [np.empty(len(each), np.int64) for each in self._taken]
        for ways, source, taken, known in zip(self._ways, self._sources, self._taken, steps, strict=True):
            place = 0
            while place < len(taken):
                room = table.room
                new, begun = np.empty(min(room - count, len(taken)), np.int64), count
                place, count, seen = self._loops.judge(
                    *(source, taken, ways.events, judged, EVENTS_BITS, *table.table, count, room),
                    *(known, new, place, seen),
                )
                table.entered(count)
                fresh.append(new[: count - begun])
                if place < len(taken):
                    table.grow()
        if count > before:
            which, believed = np.concatenate(fresh), self._believed
            judges.work_out(before, believed and Believed(believed.after[which], believed.found[which]))
        return steps
