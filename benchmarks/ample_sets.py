"""What partial order reduction could save at most: the states that ample sets of one thread leave, with perfect knowledge.

    python benchmarks/ample_sets.py [--scopes AA,AA+1c,AAA] [--revisions d0,d4,hardened]

A thread alone is an ample (persistent) set in a state if nothing that it does next touches what any other thread may
still touch, one of them writing (Clarke, Grumberg, Peled, *Model Checking*, 1999, chapter 10; Godefroid,
*Partial-Order Methods for the Verification of Concurrent Systems*, 1996, section 4.4). What a thread may still touch is taken from the
finished exploration: no reduction that must guess it while exploring can do better with such sets.

*judged*: the judge, who sees everything that is told, is touched by whoever tells something. *unjudged*: there is no judge, in
neither graph, and only the states of rest are to be kept. These are counted in both graphs as a check: they must be the same.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from everyturn.checker import Judge
from everyturn.engines.leaps import Expansion
from everyturn.engines.levels import CHUNK, LevelExplorer
from everyturn.engines.numbering import Numbering, Numbers, Words
from everyturn.engines.transitions import JUDGE
from everyturn.scope import Scope
from everyturn.world import World


def bits(columns: Iterable[int]) -> int:
    """A set of columns as the bits of a number."""
    return sum(1 << column for column in set(columns))


class Touching:
    """What one thread touches next in each of its local states, and what it may touch from there on."""

    def __init__(self, table: Any, *, judged: bool) -> None:
        count = len(table.locals.values)
        reads, writes = [0] * count, [0] * count
        after: list[set[int]] = [set() for _ in range(count)]
        self.wrote: list[int] = []
        for leap in table._known:
            for way in leap.ways:
                wrote = bits(column for column, _ in way.columns) | (judged and bool(way.events)) << JUDGE
                self.wrote.append(wrote)
                writes[leap.local] |= wrote
                after[leap.local].add(way.local)
        for local in range(count):
            reads[local] = bits(table._read[local]) | writes[local] & 1 << JUDGE
        self.reads = np.array(reads, np.uint64)
        growing = True
        while growing:
            growing = False
            for local, later in enumerate(after):
                for other in later:
                    if reads[other] & ~reads[local] or writes[other] & ~writes[local]:
                        reads[local] |= reads[other]
                        writes[local] |= writes[other]
                        growing = True
        self.may_read, self.may_write = np.array(reads, np.uint64), np.array(writes, np.uint64)
        self.writes = np.array(self.wrote, np.uint64)


class Search:
    """The graph of a finished exploration once more; with ``ample`` sets of one thread where there are any."""

    def __init__(self, explorer: LevelExplorer, *, judged: bool, ample: bool) -> None:
        self.explorer, self.judged, self.ample = explorer, judged, ample
        self.touching = [Touching(table, judged=judged) for table in explorer.leaps.tables]
        self.states = Numbering(explorer.layout.width)
        self.states.add(explorer.states.keys[:1].copy())
        self.rests = self.alone = 0
        done = 0
        while done < len(self.states):
            words = self.states.keys[done : done + CHUNK].copy()
            done += len(words)
            self._expand(words)

    def _expand(self, words: Words) -> None:
        layout, tables = self.explorer.layout, self.explorer.leaps.tables
        parts = [part for part in (table.expand(words) for table in tables) if part is not None]
        assert len(parts) == len(tables), "the exploration was not finished"
        locals_ = [layout.get(words, table.place) for table in tables]
        chosen = np.full(len(words), -1)
        for thread, part in enumerate(parts if self.ample else ()):
            chosen[(chosen < 0) & self._ample(thread, part, locals_)] = thread
        self.alone += int((chosen >= 0).sum())
        resting = np.ones(len(words), np.bool_)
        word, field = layout.field(JUDGE)
        for thread, part in enumerate(parts):
            resting[part.source] = False
            kept = np.flatnonzero((chosen[part.source] < 0) | (chosen[part.source] == thread))
            after, events = part.words[kept], part.events[kept]
            if self.judged:
                judged = layout.get(words, JUDGE).take(part.source[kept])
                judged[events > 0], _ = self.explorer.judges.step(judged[events > 0], events[events > 0])
                after[:, word] &= ~field
                after[:, word] |= judged.view(np.uint64) << layout.shift[JUDGE]
            self.states.add(after)
        self.rests += int(resting.sum())

    def _ample(self, thread: int, part: Expansion, locals_: list[Numbers]) -> Any:
        """In which states a thread can move, and nothing that it does next touches what others may still touch."""
        read, written = np.zeros(len(locals_[0]), np.uint64), np.zeros(len(locals_[0]), np.uint64)
        for other, touching in enumerate(self.touching):
            if other != thread:
                read |= touching.may_read[locals_[other]]
                written |= touching.may_write[locals_[other]]
        writes = np.zeros(len(read), np.uint64)
        np.bitwise_or.at(writes, part.source, self.touching[thread].writes[part.way])
        alone = (self.touching[thread].reads[locals_[thread]] & written) == 0
        alone &= (writes & (read | written)) == 0
        moves = np.zeros(len(read), np.bool_)
        moves[part.source] = True
        return alone & moves


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--scopes", default="AA,AA+1c,AAA")
    parser.add_argument("--revisions", default="d0,d4,hardened")
    options = parser.parse_args()
    print("| scope | revision | | states | with ample sets | ratio | alone in | rests |")
    print("|---|---|---|--:|--:|--:|--:|--:|")
    for scope, revision in product(options.scopes.split(","), options.revisions.split(",")):
        explorer = LevelExplorer(World(Scope.parse(scope), revision), Judge())
        explorer.run()
        for judged in (True, False):
            full, reduced = (Search(explorer, judged=judged, ample=ample) for ample in (False, True))
            states, left = len(full.states), len(reduced.states)
            print(
                f"| `{scope}` | {revision} | {'judged' if judged else 'unjudged'} | {states:,} | {left:,} "
                f"| {states / left:.2f} | {reduced.alone / left:.0%} | {full.rests:,} / {reduced.rests:,} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
