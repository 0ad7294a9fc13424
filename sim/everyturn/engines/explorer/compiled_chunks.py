"""What follows on a chunk, judged and numbered by compiled loops: no array has all successors in between.

Everything gets the number that :mod:`everyturn.engines.explorer.levels` gives it otherwise: successors are gone through
in the same order, thread by thread, and what the judge has never seen is worked out by the same code, all of a chunk at
once.
"""

from __future__ import annotations

from types import ModuleType

import numpy as np

from everyturn.engines.coroutines.transitions import JUDGE
from everyturn.engines.explorer.beliefs import Believed
from everyturn.engines.explorer.judge_parts import EVENTS_BITS
from everyturn.engines.explorer.kept_violations import ViolatingSteps
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.predecessors import Predecessors
from everyturn.engines.explorer.state_graph import StateGraph
from everyturn.engines.explorer.successors import Chunk, ChunkSuccessors


class CompiledChunk:
    """The successors of a chunk of states. What was learnt for them is taken up at once; they are judged by
    :meth:`judge`, and then numbered by :meth:`number`.
    """

    def __init__(self, loops: ModuleType, graph: StateGraph, chunk: Chunk, answer: ChunkSuccessors) -> None:
        self._loops = loops
        self._graph = graph
        self._chunk = chunk
        self._believed = answer.believed
        self._ways = graph.take_up_joined()
        found = answer.found
        self._source = np.concatenate(found.sources).astype(np.int64, copy=False)
        self._taken = self._ways.numbers(found.ways)

    def __len__(self) -> int:
        return len(self._source)

    def judge(self, judged: KeyNumbers) -> None:
        """Judge all successors; ``judged``: the judge's state in each row of the chunk."""
        self._judged = judged
        self._steps = np.empty(len(self), np.int64)
        judges = self._graph.judges
        judges.check_events()
        table = judges.steps
        before = count = len(table)
        fresh, seen, place = [], 0, 0
        while place < len(self):
            room = table.room
            new, begun = np.empty(min(room - count, len(self)), np.int64), count
            place, count, seen = self._loops.judge(
                *(self._source, self._taken, self._ways.events, judged, EVENTS_BITS, *table.table, count, room),
                *(self._steps, new, place, seen),
            )
            table.entered(count)
            fresh.append(new[: count - begun])
            if place < len(self):
                table.grow()
        if count > before:
            which, believed = np.concatenate(fresh), self._believed
            judges.work_out(before, believed and Believed(believed.after[which], believed.found[which]))
        self._layout = self._graph.take_up()
        self._ways.take_up(self._layout)
        self._words = self._chunk.layout.moved(self._chunk.words, self._layout)

    def number(self, first: int, predecessors: Predecessors) -> ViolatingSteps:
        """Number those successors that are new; what all of them violate. They were judged before.

        ``first``: the number of the first state of the chunk. Nothing else may change states or ways meanwhile.
        """
        graph, ways, layout, most = self._graph, self._ways, self._layout, len(self)
        word, bits = layout.field(JUDGE)
        table, count = graph.states.numbering, len(graph.states)
        violating = ViolatingSteps(*(np.empty(most, np.int64) for _ in range(3)))
        place = noted = 0
        while place < most:
            predecessors.reserve(table.room)
            place, count, noted = self._loops.enter(
                *(self._words, self._source, self._taken, ways.clear, ways.put, ways.move, self._steps, self._judged),
                *(*graph.judges.consequences, word, ~bits, layout.shift[JUDGE], *table.table, count, table.room),
                *(*predecessors.arrays, first, *violating, place, noted),
            )
            table.entered(count)
            if place < most:
                table.grow()
        predecessors.entered(count)
        return ViolatingSteps(*(each[:noted] for each in violating))
