"""Partial order reduction: in some states one thread goes first, because nothing that others may do can matter to it.

Of the macro steps that are enabled in a state only those of one thread are followed (an *ample*, or *persistent*,
set) if

* **C1** nothing that any other thread may do from here on, before this thread moves, touches what its macro step
  touches, one of them changing it. What an event tells the judge is touched, too: see :class:`Sights`. So there is no
  separate condition of visibility: steps whose order the judge can see depend on each other.
* **C3** no thread is passed over for ever: the macro step's local state never comes back, or some successor has a
  larger number. Numbers are given in the order of finding, so from every such state a way of followed macro steps leads
  to one where all are followed (Bosnacki and Holzmann, Improving SPIN's Partial-Order Reduction for Breadth-First
  Search, SPIN 2005).

What others may do is the closure of their local states under *known* macro steps. It grows while exploring; so each
choice is checked again until nothing more is known, and all macro steps are followed where C1 or C3 do not hold any
more. That what turns out later to conflict is added then is the idea of dynamic reduction (Flanagan and Godefroid, POPL
2005), which goes back along a run; here all states are remembered, and looked at again.

*Why known macro steps are enough in the end.* In every explored state the macro steps of all threads are made, followed
or not. Suppose there were an explored state s with thread t going first and a shortest sequence u1…un of others' macro
steps from s in the whole graph of which only un depends on t's. Among such pairs take one with the smallest n, and then
the nearest to a state where all is followed (C3). From s, t's macro step leads to an explored state s' that is nearer;
from there u1…un-1 can be made as well, and the thread of un does what it did up to its first access to what t changed:
call that un'. By the choice of s and n, wherever a thread goes first on the way from s' it commutes with what is left
of u1…un', or is the next of its thread in it; so all of these macro steps are made in explored states and known, from
the local state in s on. But un' conflicts with t's macro step as un does (a macro step can wait at its first access
only, which is known by the local state alone): C1 was checked, and holds; a contradiction.

So all these sets are persistent, and every sequence of macro steps of the whole graph is made in the explored one up to
the order of independent macro steps and macro steps besides (Godefroid, LNCS 1032, 1996, chapters 4 and 6; Peled, CAV
1993 and 1994; Clarke, Grumberg and Peled, Model Checking, 1999, chapter 10). Hence *rest*: states of rest are the same,
with what the judge knows in them. *Safety*: a monitor that has said *violated* stays so in all that follows; it does in
the whole graph if and only if it does in the explored one. *Going round*: one has runs without end if and only if the
other has. Not kept: the length of a shortest violation, and which cycles there are, so that fair cycles
(:mod:`everyturn.engines.fairness.fairness`) are looked for in the whole graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import WIDTH
from everyturn.engines.explorer import rounds
from everyturn.engines.explorer.macro_steps import Expansion, MacroSteps
from everyturn.engines.explorer.numbering import KeyNumbers, Words
from everyturn.engines.explorer.packing import WORD_BITS, Layout
from everyturn.verdicts.checker import Judge
from everyturn_model.events import Event, TurnStarted

ALL: Final = -1
"""In place of a thread: the macro steps of all are followed."""

Bits = NDArray[np.uint64]


def bits(places: Iterable[int]) -> int:
    """A set as the bits of a number."""
    return sum(1 << place for place in set(places))


class Sights:
    """What events read and write of the judge, as bits beyond those of the shared columns.

    An event writes the lives of the prompt and of the turn that it names in the ledger, and no other; a monitor that
    looks at it, which may look at every life; and the specification's belief, if that is judged. Whose a turn is, is
    known from the event that begins it: before there was one, nothing that names the turn changes anything.
    """

    def __init__(self, judge: Judge, events: Interned) -> None:
        self._judge = judge
        self._events = events
        self._first_life = WIDTH + len(judge.invariants) + 1
        self.lives = bits(range(self._first_life, WORD_BITS))
        self._prompts = Interned()
        self._owners: dict[str, set[str]] = {}
        self._met = 0

    def meet(self) -> bool:
        """Take notice of new events; whether that can change what was said of others: a turn has another owner."""
        before = sum(map(len, self._owners.values()))
        for events in self._events.values[self._met :]:
            for event in events:
                if isinstance(event, TurnStarted):
                    self._owners.setdefault(event.turn, set()).add(event.prompt)
        self._met = len(self._events.values)
        return sum(map(len, self._owners.values())) > before

    def of(self, number: int) -> tuple[int, int]:
        """What the events of this number read, and what they write."""
        read = written = 0
        for event in self._events.values[number]:
            written |= bits(self._life(prompt) for prompt in self.named(event))
            for place, invariant in enumerate(self._judge.invariants):
                if not invariant.sees or type(event) in invariant.sees:
                    written |= 1 << WIDTH + place
                    read |= self.lives
            if self._judge.conformance:
                written |= 1 << self._first_life - 1
        return read | written, written

    def named(self, event: Event) -> Iterator[str]:
        """The prompts whose lives an event can change."""
        prompt = getattr(event, "prompt", None)
        if prompt is not None:
            yield prompt
        yield from self._owners.get(getattr(event, "turn", None) or "", ())

    def _life(self, prompt: str) -> int:
        """The bit of a prompt's life; several share one if there are too many, which only makes more depend on more."""
        return self._first_life + self._prompts.number(prompt) % (WORD_BITS - self._first_life)


class Touching:
    """What a thread touches next in each of its local states, what it may touch from there on, and where it can come
    back."""

    def __init__(self, table: Any, sights: Sights) -> None:
        self._table = table
        self._sights = sights
        self._known = 0
        self._sources: list[int] = []
        self._targets: list[int] = []
        self.next: Bits = np.zeros((0, 2), np.uint64)
        self.ever: Bits = np.zeros((0, 2), np.uint64)
        self.returns: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def learn(self, *, anew: bool) -> bool:
        """Take notice of new macro steps, or of all ``anew``; whether anything has grown."""
        table, count = self._table, len(self._table.locals.values)
        fresh = table._known[0 if anew else self._known :]
        if not fresh and count == len(self.next):
            return False
        grown = np.zeros((count - len(self.next), 2), np.uint64)
        self.next, self.ever = np.concatenate((self.next, grown)), np.concatenate((self.ever, grown))
        before = self.ever.copy(), self.returns
        for macro_step in fresh:
            read, written = bits(table._read[macro_step.local]), 0
            for way in macro_step.ways:
                seen, told = self._sights.of(way.events)
                read |= seen
                written |= told | bits(column for column, _ in way.columns)
            self.next[macro_step.local] |= np.array((read, written), np.uint64)
        self.ever |= self.next
        for macro_step in table._known[self._known :]:
            self._sources += [macro_step.local] * len(macro_step.ways)
            self._targets += [way.local for way in macro_step.ways]
        self._known = len(table._known)
        self._close(np.array(self._sources, np.int64), np.array(self._targets, np.int64))
        return not (np.array_equal(before[0], self.ever) and np.array_equal(before[1], self.returns))

    def _close(self, sources: KeyNumbers, targets: KeyNumbers) -> None:
        """What a local state may touch is what it touches next, and what those that follow on it may."""
        steps = np.arange(len(sources))
        while steps.size:
            before = self.ever[sources[steps]]
            np.bitwise_or.at(self.ever, sources[steps], self.ever[targets[steps]])
            grown = np.zeros(len(self.ever), np.bool_)
            grown[sources[steps[(self.ever[sources[steps]] != before).any(axis=1)]]] = True
            steps = np.flatnonzero(grown[targets])
        self.returns = np.zeros(len(self.ever), np.bool_)
        self.returns[sources[rounds.on_cycles(sources, targets, len(self.ever))]] = True


class Ample:
    """Chooses the macro steps that are followed, remembers it for each state, and says where it was too few."""

    def __init__(self, macro_steps: MacroSteps, judge: Judge) -> None:
        self._macro_steps = macro_steps
        self._sights = Sights(judge, macro_steps.events)
        self._touching = [Touching(table, self._sights) for table in macro_steps.tables]
        self._first: NDArray[np.int8] = np.zeros(1024, np.int8)
        self._falls: NDArray[np.bool_] = np.zeros(1024, np.bool_)
        self._count = 0
        self._checked = 0
        self._bad: KeyNumbers = np.zeros(0, np.int64)

    @property
    def first(self) -> NDArray[np.int8]:
        """For each expanded state the thread that goes first, or :data:`ALL`."""
        return self._first[: self._count]

    @property
    def falls(self) -> NDArray[np.bool_]:
        """For each expanded state: no successor that is followed has a larger number."""
        return self._falls[: self._count]

    def saved(self) -> dict[str, NDArray[Any]]:
        """For each expanded state who goes first, and whether that leads to newer states; how many of them were checked
        by what is known now, and which do not hold."""
        return {"first": self.first, "falls": self.falls, "checked": np.array([self._checked]), "bad": self._bad}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what was saved; all macro steps of then are known."""
        self._grow(len(arrays["first"]))
        self.first[:], self.falls[:] = arrays["first"], arrays["falls"]
        self._learn()
        (self._checked,), self._bad = arrays["checked"].tolist(), arrays["bad"].astype(np.int64)

    def _learn(self) -> None:
        anew = self._sights.meet()
        grown = [each.learn(anew=anew) for each in self._touching]
        if any(grown):
            self._checked = 0

    def chosen(self, numbers: KeyNumbers, words: Words, layout: Layout, expansion: Expansion) -> Expansion:
        """Of the successors of states of these numbers, the next ones, those that are followed."""
        self._learn()
        first = np.full(len(words), ALL, np.int8)
        threads = self._threads(expansion)
        locals_ = [layout.get(words, table.place) for table in self._macro_steps.tables]
        able = np.zeros((len(self._touching), len(words)), np.bool_)
        able[threads, expansion.source] = True
        able &= able.sum(axis=0) > 1
        for thread, alone in enumerate(self._alone(locals_)):
            first[(first == ALL) & able[thread] & alone] = thread
        self._grow(self._count + len(words))
        self.first[numbers] = first
        return _some(expansion, (first[expansion.source] == ALL) | (first[expansion.source] == threads))

    def followed(self, numbers: KeyNumbers, expansion: Expansion) -> Expansion:
        """Of the successors of expanded states of these numbers, those that were followed."""
        first = self.first[numbers][expansion.source]
        return _some(expansion, (first == ALL) | (first == self._threads(expansion)))

    def others(self, numbers: KeyNumbers, expansion: Expansion) -> Expansion:
        """Of the successors of states of these numbers, those that were not followed; from now on, all are."""
        others = self.first[numbers][expansion.source] != self._threads(expansion)
        self.first[numbers] = ALL
        self._bad = self._bad[:0]
        return _some(expansion, others)

    def arrived(self, numbers: KeyNumbers, sources: KeyNumbers, targets: KeyNumbers) -> None:
        """Take down where states of these numbers lead: for each successor that is followed the place of its source,
        its number."""
        largest = np.zeros(len(numbers), np.int64)
        np.maximum.at(largest, sources, targets)
        self.falls[numbers] = largest <= numbers

    def too_few(self, keys: Words, layout: Layout, most: int) -> KeyNumbers:
        """Numbers of expanded states where C1 or C3 does not hold by what is known now, ``most`` at most."""
        self._learn()
        while self._checked < self._count and not self._bad.size:
            end = min(self._checked + most, self._count)
            places = np.flatnonzero(self.first[self._checked : end] != ALL) + self._checked
            self._bad = places[self._broken(keys[places], layout, places)]
            self._checked = end
        return self._bad

    def _broken(self, words: Words, layout: Layout, numbers: KeyNumbers) -> NDArray[np.bool_]:
        locals_ = [layout.get(words, table.place) for table in self._macro_steps.tables]
        first, falls = self.first[numbers], self.falls[numbers]
        broken = np.zeros(len(words), np.bool_)
        for thread, alone in enumerate(self._alone(locals_)):
            returns = self._touching[thread].returns.take(locals_[thread])
            broken |= (first == thread) & ~(alone & ~(returns & falls))
        return broken

    def _alone(self, locals_: list[KeyNumbers]) -> Iterator[NDArray[np.bool_]]:
        """C1, by thread: where nothing that it touches next, and any other may touch from there on, is changed by one
        of them."""
        ever = [touching.ever.take(each, axis=0) for touching, each in zip(self._touching, locals_, strict=True)]
        for thread, touching in enumerate(self._touching):
            others = np.zeros((len(locals_[0]), 2), np.uint64)
            for other, may in enumerate(ever):
                if other != thread:
                    others |= may
            own = touching.next.take(locals_[thread], axis=0)
            yield ((own[:, 0] & others[:, 1]) | (own[:, 1] & others[:, 0])) == 0

    def _threads(self, expansion: Expansion) -> KeyNumbers:
        return np.array([thread for thread, _ in self._macro_steps.moves.values], np.int64)[expansion.move]

    def _grow(self, count: int) -> None:
        if count > len(self._first):
            room = max(count, len(self._first) + len(self._first) // 2)
            self._first.resize(room, refcheck=False)
            self._falls.resize(room, refcheck=False)
        self._first[self._count : count] = ALL
        self._falls[self._count : count] = False
        self._count = count


def _some(expansion: Expansion, kept: NDArray[np.bool_]) -> Expansion:
    """Some of the successors."""
    words, source, move, events, way, rests = expansion
    return Expansion(words[kept], source[kept], move[kept], events[kept], way[kept], rests)
