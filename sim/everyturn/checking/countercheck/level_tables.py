"""The tables of the explorer by levels, read off for many runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import numpy as np

from everyturn.checking.countercheck.walks import AnotherWay, Rested, Said, ThreadChoice, Walk, Way
from everyturn.engines.coroutines.transitions import FIRST_THREAD
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.macro_steps import Expansion
from everyturn.engines.explorer.numbering import KeyNumbers, Words
from everyturn.engines.explorer.renaming import RunNames
from everyturn.world.operations import Operation

_LOOKED_AT: Final = 4096
"""So many states, spread over all, are looked at for steps that lead to known ones."""


class LevelTables:
    """As :class:`~everyturn.checking.countercheck.walks.WalkTables`. If the exploration is not complete, any state may
    be reached."""

    def __init__(self, explorer: LevelExplorer) -> None:
        self._explorer = explorer
        self._graph = explorer.graph
        self._macro_steps = explorer.graph.tables.macro_steps

    def merged(self, most: int, random: Random) -> list[AnotherWay]:
        """Of those that are found: first one for each thing that a thread does, then any."""
        graph, predecessors = self._graph, self._explorer.predecessors
        states = len(graph.states)
        which = np.array(sorted(random.sample(range(states), min(states, _LOOKED_AT))), np.int64)
        _, expansion, _ = graph.expand(which)
        source = which[expansion.source]
        reached, _ = graph.representatives(expansion.words)
        numbers = graph.states.find(reached)
        first = (predecessors.parents[numbers] == source) & (predecessors.moves[numbers] == expansion.move)
        again = np.flatnonzero(~first & (numbers >= 0))
        again = again[random.sample(range(len(again)), len(again))] if len(again) else again
        kinds = np.stack([expansion.move[again], expansion.way[again]], axis=1)
        _, each = np.unique(kinds, axis=0, return_index=True)
        different = again[np.sort(each)]
        chosen = np.concatenate((different, again[~np.isin(again, different)]))[:most]
        moves = self._macro_steps.moves.values
        return [
            AnotherWay((*self.way(int(source[place])), moves[expansion.move[place]]), int(numbers[place]))
            for place in chosen.tolist()
        ]

    def way(self, state: int) -> Way:
        """In the names that the threads have in the states that stand for others, if renamings count once."""
        moves = self._macro_steps.moves.values
        return tuple(moves[move] for _, move in self._explorer.predecessors.path(state))

    def walk(self, ways: Sequence[Way], randoms: Sequence[Random], longest: int) -> list[Walk]:
        """All at once, step by step."""
        graph = self._graph
        all_known = self._explorer.found.complete and graph.reduction.keeps_successors
        runs = [self._begun(way, random, longest) for way, random in zip(ways, randoms, strict=True)]
        going = runs
        words = graph.states.keys[:1].repeat(len(runs), axis=0)
        while going:
            before, expansion, found = graph.successors_of(words)
            taken = self._take(going, before, expansion, found)
            going = [run for run, place in zip(going, taken, strict=True) if place >= 0]
            after = expansion.words[[place for place in taken if place >= 0]]
            words, chosen = graph.representatives(after)
            known = graph.states.find(words) >= 0
            for place, run in enumerate(going):
                run.names.rename(int(chosen[place]))
                if all_known and not known[place]:
                    run.steps[-1] = run.steps[-1]._replace(known=False)
        return [Walk(run.steps, run.rested) for run in runs]

    def _begun(self, way: Way, random: Random, longest: int) -> _Run:
        return _Run(way, random, len(way) + longest, self._graph.reduction.own_names())

    # one step ----------------------------------------------------------------------------------------------------

    def _take(self, runs: list[_Run], words: Words, expansion: Expansion, found: KeyNumbers) -> list[int]:
        """The place of the step that each run takes among those that it can; -1 where it ends."""
        order = np.argsort(expansion.source, kind="stable")
        ends = np.searchsorted(expansion.source[order], np.arange(len(runs) + 1))
        rows = self._graph.states.rows(words).tolist()
        moving = [self._macro_steps.moves.values[move] for move in expansion.move.tolist()]
        taken = []
        for place, (run, row) in enumerate(zip(runs, rows, strict=True)):
            possible = order[ends[place] : ends[place + 1]].tolist()
            if not possible:
                run.rested = self._rest(run, row)
            if not possible or len(run.steps) == run.longest:
                taken.append(-1)
                continue
            moves = [moving[each] for each in possible]
            picked = run.pick(moves)
            taken.append(possible[picked])
            enabled = tuple(sorted({run.names.thread(thread) for thread, _ in moves}))
            said = self._said(run, row, moves[picked][0], expansion, possible[picked])
            findings = self._graph.judges.violated(int(found[possible[picked]]))
            run.steps.append(said._replace(enabled=enabled, findings=run.names.findings(findings)))
        return taken

    def _said(self, run: _Run, row: list[int], thread: int, expansion: Expansion, place: int) -> Said:
        """A step of a thread from a row, but for who else can go on, and what it violates."""
        way, _ = self._macro_steps.ways[thread].made[int(expansion.way[place])]
        before, after = self._operation(thread, row[FIRST_THREAD + thread]), self._operation(thread, way.local)
        events = self._macro_steps.events.values[int(expansion.events[place])]
        outcomes = tuple(chosen for _, chosen in way.choices)
        return Said(
            (),
            run.names.thread(thread),
            outcomes,
            run.names.value(before),
            run.names.value(after),
            run.names.value(events),
            (),
        )

    def _operation(self, thread: int, local: int) -> Operation | None:
        """What a thread waits to do in the local state that has this number among its own."""
        return self._macro_steps.transitions.locals[self._macro_steps.tables[thread].locals.values[local]].operation

    def _rest(self, run: _Run, row: list[int]) -> Rested:
        graph = self._graph
        seen = graph.tables.resting.observe(row)
        ((violated, _),) = graph.at_rest([row])
        findings = graph.judges.violated(violated)
        return Rested(run.names.value(self._macro_steps.events.values[seen]), run.names.findings(findings))


class _Run:
    """A run that is under way: what it has to do first, and which names its threads have of their own."""

    def __init__(self, way: Way, random: Random, longest: int, names: RunNames) -> None:
        self.steps: list[Said] = []
        self.rested: Rested | None = None
        self.longest = longest
        self.names = names
        self._way = way
        self._random = random

    def pick(self, moves: list[ThreadChoice]) -> int:
        """The place of the step that it takes: that of its way, or any."""
        if len(self.steps) < len(self._way):
            return moves.index(self._way[len(self.steps)])
        return self._random.randrange(len(moves))
