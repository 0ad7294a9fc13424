"""What a random walk decides, as a graph: at each node one of several equally probable ways to go on.

A node is a state in which two or more threads are enabled, or an operation with several outcomes. Its children stand in
the order of the decisions of a schedule (:mod:`everyturn.runs.schedule`): threads first-in first-out, outcomes with the
friendly one first. Nodes are found when they are asked for, many at a time, from the tables of the explorer
(:class:`~everyturn.engines.explorer.state_graph.StateGraph`).
"""

from __future__ import annotations

from itertools import permutations
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.exploration import outcome
from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import JUDGE
from everyturn.engines.explorer.numbering import KeyNumbers, Numbering, Words
from everyturn.engines.explorer.state_graph import state_graph
from everyturn.errors import UsageError
from everyturn.verdicts.checker import CONFORMS, SINK, Judge
from everyturn.world.world import World

MOST_THREADS: Final = 8
"""All orders of so many threads are tabulated."""
AMONG_BITS: Final = np.uint64(8)
AMONG: Final = np.uint64((1 << 8) - 1)


class RunEnd(NamedTuple):
    """How a run can end: its outcome, and the invariants that were violated on the way."""

    outcome: object
    violated: tuple[str, ...]


class Orders:
    """The orders in which threads can stand in line; order 0 is that of the start."""

    def __init__(self, first: list[int], *, kept: bool) -> None:
        if kept and len(first) > MOST_THREADS:
            raise UsageError(f"walks over tables: expected at most {MOST_THREADS} threads, found {len(first)}")
        lines = [tuple(first[place] for place in each) for each in permutations(range(len(first)))] if kept else [first]
        threads = range(len(first))
        self.count = len(lines)
        self.before = np.zeros((self.count, len(first)), np.int64)
        """For each order and thread: who stands before it, as bits."""
        self.moved = np.zeros((self.count, len(first)), np.int64)
        """The order after a thread has gone to the end of the line."""
        numbers = {tuple(line): number for number, line in enumerate(lines)}
        for number, line in enumerate(lines):
            for thread in threads:
                self.before[number, thread] = sum(1 << each for each in line[: line.index(thread)])
                if kept:
                    self.moved[number, thread] = numbers[(*(each for each in line if each != thread), thread)]
        self.bits = np.array([each.bit_count() for each in range(1 << len(first))], np.int64)


class DecisionGraph:
    """The decisions of one world, judged by ``judge``; node 0 is the start.

    ``ordered``: nodes know in which order threads stand in line, as a schedule's decisions need it. Without, there
    are fewer nodes, the probabilities of what is reached are the same, and threads stand in the order of the scope.
    """

    def __init__(self, world: World, judge: Judge, *, ordered: bool) -> None:
        self.graph = state_graph(world, judge)
        self.ends = Interned()
        locals_ = self.graph.transitions.locals
        first = sorted(range(len(world.threads)), key=lambda thread: not locals_[locals_.roots[thread]].point)
        self._orders = Orders(first, kept=ordered)
        self._nodes = Numbering(2)
        self._shapes = Interned()
        self.table: Words = np.zeros(1024, np.uint64)
        """For each node the place of its first child, and in the lowest byte how many it has. All 0: not known yet. A
        node with one way to go on has 0 for their number; a node at which the run is over has 1, which is itself."""
        self.children: KeyNumbers = np.zeros(1024, np.int64)
        self.end: NDArray[np.int32] = np.full(1024, -1, np.int32)
        """For each node at which the run is over: the number of how."""
        self.enabled: KeyNumbers = np.zeros(1024, np.int64)
        """For each node the threads that can go on there, as bits; none where the world chooses or the run is over."""
        self._used = 1
        self._add(np.zeros(1, np.int64), np.zeros(1, np.int64))

    def __len__(self) -> int:
        return len(self._nodes)

    @property
    def used(self) -> int:
        """How many places of :attr:`children` are in use."""
        return self._used

    def _add(self, places: KeyNumbers, subs: KeyNumbers) -> KeyNumbers:
        """The numbers of nodes, each a state and an order, and a place within an operation there."""
        numbers = self._nodes.add(np.stack((places, subs), axis=1).view(np.uint64))
        size = len(self._nodes)
        if size > len(self.table):
            room = max(size, 2 * len(self.table)) - len(self.table)
            self.table = np.concatenate((self.table, np.zeros(room, np.uint64)))
            self.end = np.concatenate((self.end, np.full(room, -1, np.int32)))
            self.enabled = np.concatenate((self.enabled, np.zeros(room, np.int64)))
        return numbers

    def _room(self, among: KeyNumbers) -> KeyNumbers:
        """Places for the children of nodes that have so many each."""
        first = self._used + np.cumsum(among) - among
        self._used += int(among.sum())
        if self._used > len(self.children):
            room = max(self._used, 2 * len(self.children)) - len(self.children)
            self.children = np.concatenate((self.children, np.zeros(room, np.int64)))
        return first

    def _enter(self, nodes: KeyNumbers, first: KeyNumbers, among: KeyNumbers) -> None:
        self.table[nodes] = (first.view(np.uint64) << AMONG_BITS) | np.where(among > 1, among, 0).astype(np.uint64)

    # finding -----------------------------------------------------------------------------------------------------

    def expand(self, nodes: KeyNumbers) -> None:
        """Find the children of nodes; those of nodes that are known already stay as they are."""
        nodes = np.unique(nodes[self.table[nodes] == 0])
        if not nodes.size:
            return
        places = self._nodes.keys[nodes, 0].view(np.int64)
        states, orders = places // self._orders.count, places % self._orders.count
        words, expansion, _ = self.graph.expand(states)
        self._ending(nodes[expansion.rests], words[expansion.rests])
        targets = self.graph.states.add(expansion.words)
        threads = np.array([thread for thread, _ in self.graph.tables.macro_steps.moves.values], np.int64)
        by_source = np.argsort(expansion.source, kind="stable")
        source, target = expansion.source[by_source], targets[by_source]
        thread, way = threads[expansion.move[by_source]], expansion.way[by_source]
        new = np.ones(len(source), np.bool_)
        new[1:] = (source[1:] != source[:-1]) | (thread[1:] != thread[:-1])
        heads = np.flatnonzero(new)
        ways = np.diff(np.append(heads, len(source)))
        child = target * self._orders.count + self._orders.moved[orders[source], thread]
        reached = np.zeros(len(heads), np.int64)
        plain = ways == 1
        reached[plain] = self._add(child[heads[plain]], np.zeros(int(plain.sum()), np.int64))
        for group in self._by_shape(heads[~plain], ways[~plain], thread, way):
            at, choices = group
            reached[np.searchsorted(heads, at)] = self._choosing(at, choices, places[source[at]], thread[at], child)
        self._deciding(nodes, source[heads], thread[heads], orders, reached)

    def _deciding(
        self, nodes: KeyNumbers, source: KeyNumbers, thread: KeyNumbers, orders: KeyNumbers, reached: KeyNumbers
    ) -> None:
        """Enter who goes on: for each node the enabled threads, by their places in line."""
        among = np.bincount(source, minlength=len(nodes))
        enabled = np.zeros(len(nodes), np.int64)
        np.bitwise_or.at(enabled, source, np.int64(1) << thread)
        moving = np.flatnonzero(among)
        first = np.zeros(len(nodes), np.int64)
        first[moving] = self._room(among[moving])
        place = self._orders.bits[self._orders.before[orders[source], thread] & enabled[source]]
        self.children[first[source] + place] = reached
        self.enabled[nodes] = enabled
        self._enter(nodes[moving], first[moving], among[moving])

    def _by_shape(
        self, heads: KeyNumbers, ways: KeyNumbers, thread: KeyNumbers, way: KeyNumbers
    ) -> list[tuple[KeyNumbers, list[tuple[tuple[int, int], ...]]]]:
        """Steps with several ways, sorted by what there is to choose on them."""
        tables = self.graph.tables.macro_steps.tables
        first = thread[heads] << 32 | way[heads]
        found: dict[int, list[KeyNumbers]] = {}
        for key in np.unique(first).tolist():
            at = np.flatnonzero(first == key)
            table, number = tables[key >> 32], key & 0xFFFFFFFF
            choices = table.choices(np.arange(number, number + int(ways[at[0]])))
            found.setdefault(self._shapes.number(tuple(choices)), []).append(heads[at])
        return [(np.concatenate(parts), list(self._shapes.values[shape])) for shape, parts in found.items()]

    def _choosing(
        self,
        at: KeyNumbers,
        choices: list[tuple[tuple[int, int], ...]],
        places: KeyNumbers,
        thread: KeyNumbers,
        child: KeyNumbers,
    ) -> KeyNumbers:
        """The nodes at which the world chooses among the ways that begin ``at`` these places, given by their
        choices."""
        numbers: dict[tuple[tuple[int, int], ...], KeyNumbers] = {}

        def node(prefix: tuple[tuple[int, int], ...]) -> KeyNumbers:
            if prefix in choices:
                return self._add(child[at + choices.index(prefix)], np.zeros(len(at), np.int64))
            numbers[prefix] = own = self._add(places, 1 + (thread << 16) + len(numbers))
            among = next(each[len(prefix)][0] for each in choices if each[: len(prefix)] == prefix)
            first = self._room(np.full(len(at), among, np.int64))
            for choice in range(among):
                reached = node((*prefix, (among, choice)))
                self.children[first + choice] = reached
            self._enter(own, first, np.full(len(at), among, np.int64))
            return own

        return node(())

    def _ending(self, nodes: KeyNumbers, words: Words) -> None:
        """Enter the nodes at which the run is over."""
        if not nodes.size:
            return
        graph = self.graph
        rows = graph.states.rows(words)
        events = graph.tables.resting.seen(rows.tolist())
        judged, _ = graph.judges.step(rows[:, JUDGE], events)
        kinds, back = np.unique(judged, return_inverse=True)
        numbers = np.array([self.ends.number(self._how(number)) for number in kinds.tolist()], np.int32)
        self.end[nodes] = numbers[back]
        first = self._room(np.ones(len(nodes), np.int64))
        self.children[first] = nodes
        self.table[nodes] = (first.view(np.uint64) << AMONG_BITS) | np.uint64(1)

    def _how(self, judged: int) -> RunEnd:
        """How a run ended, from the judge's state: a monitor that was violated stays so."""
        state, judge = self.graph.judges.state(judged), self.graph.judges.judge
        names = [each.name for each, monitor in zip(judge.invariants, state.monitors, strict=True) if monitor is SINK]
        return RunEnd(outcome(state.ledger), (*names, CONFORMS) if state.belief is SINK else tuple(names))

    def place(self, threads: KeyNumbers, enabled: KeyNumbers) -> KeyNumbers:
        """The place of each thread among the ``enabled`` ones, where threads stand in the order of the scope."""
        place: KeyNumbers = self._orders.bits.take(self._orders.before[0].take(threads) & enabled)
        return place

    # forced ways -------------------------------------------------------------------------------------------------

    def shorten(self) -> None:
        """Let every way lead to where there is something to decide, as far as that is known."""
        children = self.children[1 : self._used]
        todo = np.arange(len(children))
        while todo.size:
            known = self.table[children[todo]]
            forced = (known != 0) & ((known & AMONG) == 0)
            todo = todo[forced]
            children[todo] = self.children[(known[forced] >> AMONG_BITS).view(np.int64)]
