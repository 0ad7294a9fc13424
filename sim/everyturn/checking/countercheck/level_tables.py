"""The tables of the explorer by levels, read off for many runs at once."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any, Final

import numpy as np

from everyturn.checking.countercheck.walks import Again, Move, Rested, Said, Walk, Way
from everyturn.engines.coroutines.transitions import FIRST_THREAD, JUDGE
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.explorer.macro_steps import Expansion
from everyturn.engines.explorer.numbering import Numbers, Words
from everyturn.engines.explorer.symmetry import Symmetry, rename
from everyturn.verdicts.checker import Finding
from everyturn.world.operations import Operation

_LOOKED_AT: Final = 4096
"""So many states, spread over all, are looked at for steps that lead to known ones."""


class LevelTables:
    """As :class:`~everyturn.checking.countercheck.walks.Tables`. If the exploration is not complete, any state may be reached."""

    def __init__(self, explorer: LevelExplorer) -> None:
        self._explorer = explorer
        self._leaps = explorer.leaps
        self._names = [thread.name for thread in explorer.transitions.world.threads]

    def merged(self, most: int, random: Random) -> list[Again]:
        """Of those that are found: first one for each thing that a thread does, then any."""
        explorer = self._explorer
        states = len(explorer.states)
        which = np.array(sorted(random.sample(range(states), min(states, _LOOKED_AT))), np.int64)
        _, expansion, _ = explorer.expand(which)
        source = which[expansion.source]
        reached, _ = explorer.canonical(expansion.words)
        numbers = explorer.states.find(reached)
        first = (explorer.parents[numbers] == source) & (explorer.moves[numbers] == expansion.move)
        again = np.flatnonzero(~first & (numbers >= 0))
        again = again[random.sample(range(len(again)), len(again))] if len(again) else again
        kinds = np.stack([expansion.move[again], expansion.way[again]], axis=1)
        _, each = np.unique(kinds, axis=0, return_index=True)
        different = again[np.sort(each)]
        chosen = np.concatenate((different, again[~np.isin(again, different)]))[:most]
        moves = self._leaps.moves.values
        return [
            Again((*self.way(int(source[place])), moves[expansion.move[place]]), int(numbers[place]))
            for place in chosen.tolist()
        ]

    def way(self, state: int) -> Way:
        """In the names that the threads have in the states that stand for others, if renamings count once."""
        explorer = self._explorer
        way = []
        while state > 0:
            way.append(self._leaps.moves.values[int(explorer.moves[state])])
            state = int(explorer.parents[state])
        return tuple(reversed(way))

    def walk(self, ways: Sequence[Way], randoms: Sequence[Random], longest: int) -> list[Walk]:
        """All at once, step by step."""
        explorer = self._explorer
        runs = [self._begun(way, random, longest) for way, random in zip(ways, randoms, strict=True)]
        going = runs
        words = explorer.states.keys[:1].repeat(len(runs), axis=0)
        while going:
            before, expansion, found = explorer.follow(words)
            taken = self._take(going, before, expansion, found)
            going = [run for run, place in zip(going, taken, strict=True) if place >= 0]
            after = expansion.words[[place for place in taken if place >= 0]]
            words, chosen = explorer.canonical(after)
            known = explorer.states.find(words) >= 0
            for place, run in enumerate(going):
                if chosen is not None:
                    run.turn(int(chosen[place]))
                if explorer.found.complete and explorer.ample is None and not known[place]:
                    run.steps[-1] = run.steps[-1]._replace(known=False)
        return [Walk(run.steps, run.rested) for run in runs]

    def _begun(self, way: Way, random: Random, longest: int) -> _Run:
        run = _Run(way, random, len(way) + longest, self._names, self._explorer.symmetry)
        run.turn(self._explorer.turned)
        return run

    # one step ----------------------------------------------------------------------------------------------------

    def _take(self, runs: list[_Run], words: Words, expansion: Expansion, found: Numbers) -> list[int]:
        """The place of the step that each run takes among those that it can; -1 where it ends."""
        order = np.argsort(expansion.source, kind="stable")
        ends = np.searchsorted(expansion.source[order], np.arange(len(runs) + 1))
        rows = self._explorer.layout.unpack(words).tolist()
        moving = [self._leaps.moves.values[move] for move in expansion.move.tolist()]
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
            enabled = tuple(sorted({run.named(thread) for thread, _ in moves}))
            said = self._said(run, row, moves[picked][0], expansion, possible[picked])
            findings = self._explorer.judges.violated(int(found[possible[picked]]))
            run.steps.append(said._replace(enabled=enabled, findings=run.said(findings)))
        return taken

    def _said(self, run: _Run, row: list[int], thread: int, expansion: Expansion, place: int) -> Said:
        """A step of a thread from a row, but for who else can go on, and what it violates."""
        way, _ = self._leaps.ways[thread].made[int(expansion.way[place])]
        before, after = self._operation(thread, row[FIRST_THREAD + thread]), self._operation(thread, way.local)
        events = self._leaps.events.values[int(expansion.events[place])]
        outcomes = tuple(chosen for _, chosen in way.choices)
        return Said((), run.named(thread), outcomes, run.renamed(before), run.renamed(after), run.renamed(events), ())

    def _operation(self, thread: int, local: int) -> Operation | None:
        """What a thread waits to do in the local state that has this number among its own."""
        return self._leaps.transitions.locals[self._leaps.tables[thread].locals.values[local]].operation

    def _rest(self, run: _Run, row: list[int]) -> Rested:
        explorer = self._explorer
        seen = explorer.home.resting.observe(row)
        ((violated, _),) = explorer.judges.rest(np.array([row[JUDGE]], np.int64), np.array([seen], np.int64))
        return Rested(run.renamed(self._leaps.events.values[seen]), run.said(explorer.judges.violated(violated)))


class _Run:
    """A run that is under way: what it has to do first, and which names the threads have in the states that stand for its own."""

    def __init__(
        self, way: Way, random: Random, longest: int, threads: Sequence[str], symmetry: Symmetry | None
    ) -> None:
        self.steps: list[Said] = []
        self.rested: Rested | None = None
        self.longest = longest
        self._way = way
        self._random = random
        self._threads = threads
        self._symmetry = symmetry
        self._order = tuple(range(len(threads)))
        self._names: dict[str, str] = {}

    def pick(self, moves: list[Move]) -> int:
        """The place of the step that it takes: that of its way, or any."""
        if len(self.steps) < len(self._way):
            return moves.index(self._way[len(self.steps)])
        return self._random.randrange(len(moves))

    def turn(self, renaming: int) -> None:
        """The state that it is in was renamed."""
        if self._symmetry is None:
            return
        step = self._symmetry.order(renaming)
        self._order = tuple(step[place] for place in self._order)
        self._names = {self._threads[place]: self._threads[thread] for thread, place in enumerate(self._order)}

    def named(self, thread: int) -> int:
        """A thread by its own number."""
        return self._order.index(thread)

    def said(self, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """What was violated; without sentences if renamings count once: of several prompts each names the first."""
        return findings if self._symmetry is None else tuple(Finding(each.invariant, "") for each in findings)

    def renamed(self, value: Any) -> Any:
        """A value with everybody's own names."""
        return value if self._symmetry is None else rename(value, self._names)
