"""The graph of judged states: which are known, by number, and what follows on each, computed a batch at a time.

A search lets it grow; whoever wants to know of a state afterwards, asks it, too. What a thread does comes from
:class:`~everyturn.engines.explorer.successors.Successors`, what is violated from
:class:`~everyturn.engines.explorer.judge_tables.JudgeTables`; both are filled by running the real code when something
is met for the first time.
"""

from __future__ import annotations

import numpy as np

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import JUDGE, Transitions
from everyturn.engines.explorer.beliefs import Believed
from everyturn.engines.explorer.judge_tables import JudgeTables
from everyturn.engines.explorer.macro_outcomes import JoinedOutcomes
from everyturn.engines.explorer.macro_steps import Expansion, FoundSteps, applied
from everyturn.engines.explorer.numbering import KeyNumbers, Words
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.reductions import REDUCTIONS, Reduction, ThreadChoice
from everyturn.engines.explorer.state_table import StateTable
from everyturn.engines.explorer.successors import Chunk, Successors, SuccessorTables
from everyturn.verdicts.checker import Judge
from everyturn.world.world import World


class StateGraph:
    """States of one world, and what follows on each; at first only the initial one is known."""

    def __init__(
        self, transitions: Transitions, successors: Successors, judges: JudgeTables, reduction: Reduction
    ) -> None:
        self.transitions = transitions
        self.successors = successors
        self.judges = judges
        self.reduction = reduction
        self._joined: JoinedOutcomes | None = None
        row, first = successors.first()
        numbered = (*row[:JUDGE], judges.number(first), *row[JUDGE + 1 :])
        self.states = StateTable(self._largest, reduction.first(np.array([numbered], np.int64)))

    @property
    def tables(self) -> SuccessorTables:
        """What can follow, in this process; made again here, if another process has worked it out."""
        return self.successors.tables()

    def _largest(self) -> list[int]:
        largest = self.successors.largest()
        largest[JUDGE] = len(self.judges) - 1
        return largest

    # for a search, which asks ahead ------------------------------------------------------------------------------

    def chunk(self, words: Words) -> tuple[Chunk, KeyNumbers]:
        """Packed rows, to ask what follows on them, and the judge's state in each."""
        layout = self.states.layout
        judged = layout.get(words, JUDGE)
        beliefs = self.judges.beliefs(judged) if self.successors.believes else judged[:0]
        return Chunk(words, layout, len(self.judges) - 1, beliefs), judged

    def expansion(self, chunk: Chunk, found: FoundSteps) -> Expansion:
        """The successors of a chunk, not judged yet."""
        layout = self.take_up()
        return applied(chunk.layout.moved(chunk.words, layout), self.successors.ways, found)

    def take_up(self) -> Layout:
        """Make room for what was learnt, and pack it; the layout that then holds."""
        layout = self.states.widen()
        for each in self.successors.ways:
            each.lay_out(layout)
        return layout

    def take_up_joined(self) -> JoinedOutcomes:
        """As :meth:`take_up`; what all ways do."""
        if self._joined is None:
            self._joined = JoinedOutcomes(self.successors.ways)
        self._joined.take_up(self.take_up())
        return self._joined

    def judged(
        self, expansion: Expansion, judged: KeyNumbers, believed: Believed | None = None
    ) -> tuple[Words, KeyNumbers]:
        """The successors of a chunk with the judge's states, in the layout that then holds, and what each step
        violated.

        ``judged``: the judge's state in each row of the chunk; ``believed``: what the specification says, if it was
        asked already.
        """
        after = judged.take(expansion.source)
        found = np.zeros(len(after), np.int64)
        seen = np.flatnonzero(expansion.events)
        after[seen], found[seen] = self.judges.step(after[seen], expansion.events[seen], believed)
        before = self.states.layout
        layout = self.states.widen()
        words = before.moved(expansion.words, layout)
        word, bits = layout.field(JUDGE)
        words[:, word] &= ~bits
        words[:, word] |= after.view(np.uint64) << layout.shift[JUDGE]
        return words, found

    def representatives(self, words: Words) -> tuple[Words, KeyNumbers]:
        """The rows that stand for these, in the layout that then holds, and by which renaming each does."""
        return self.reduction.representatives(words, self.states)

    # for whoever asks afterwards ---------------------------------------------------------------------------------

    def expand(self, which: slice | KeyNumbers) -> tuple[Words, Expansion, KeyNumbers]:
        """States by number, all of their successors, and what each step violated."""
        return self.successors_of(self.states.keys[which].copy())

    def successors_of(self, words: Words) -> tuple[Words, Expansion, KeyNumbers]:
        """As :meth:`expand`, for states as rows in the present layout, which need no number."""
        chunk, judged = self.chunk(words)
        expansion = self.expansion(chunk, self.tables.find(chunk))
        words, found = self.judged(expansion, judged)
        return chunk.layout.moved(chunk.words, self.states.layout), expansion._replace(words=words), found

    def renaming(self, state: int, move: ThreadChoice) -> int:
        """By which renaming the next state stands for what a move leads to from a state."""
        _, expansion, _ = self.expand(slice(state, state + 1))
        taken = np.flatnonzero(expansion.move == self.tables.macro_steps.moves.number(move))
        _, chosen = self.representatives(expansion.words[taken])
        return int(chosen[0])

    def at_rest(self, rows: list[list[int]]) -> list[tuple[int, int]]:
        """For each row of rest the number of what it violates, and that of the ledger."""
        return self.judges.rest(np.array([row[JUDGE] for row in rows], np.int64), self.tables.resting.seen(rows))


def state_graph(world: World, judge: Judge, reduce: str = "dead", *, processes: int = 1) -> StateGraph:
    """The graph of a world, judged by ``judge``, of which nothing is known but the initial state.

    ``processes``: with two, the agent's code runs in a process of its own, if the reduction allows that.
    """
    kind = REDUCTIONS[reduce]
    transitions = Transitions(world, judge, keep_dead=kind.keeps_dead)
    successors: Successors
    if processes > 1 and not kind.here:
        from everyturn.engines.explorer.successor_worker import SuccessorWorker

        events = Interned()
        judges = JudgeTables(judge, events, world.prompts)
        successors = SuccessorWorker(transitions, events, judges.findings)
    else:
        successors = tables = SuccessorTables(transitions)
        judges = JudgeTables(judge, tables.macro_steps.events, world.prompts)
    return StateGraph(transitions, successors, judges, kind.made(successors, judges))
