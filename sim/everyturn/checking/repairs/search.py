"""All minimal sets of repairs that make invariants hold in all scopes: a tree of what cures which counterexample.

A set of repairs with a counterexample needs more repairs, at least such that the run, made again with them, no longer
violates what it violated. So each set that is refuted is followed by the sets that have the fewest more repairs which
cure *its* run (:meth:`_Search.cures`); smaller sets are looked at first, and none that contains a set that suffices.
This is a hitting-set tree in the sense of Reiter, A Theory of Diagnosis from First Principles (1987), with replays of
the real code in the place of a theorem prover.

What is certain of a set that is reported: it is proved in every scope, and every proper subset has a run that refutes
it. That there are no other minimal sets rests on one assumption: if repairs together leave a run a violation, so does
each part of them.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Final

from everyturn.checking.repairs.family import RepairSet
from everyturn.checking.repairs.refuting import Refuter, RepairQuestion, Undetermined, subsets
from everyturn.checking.repairs.results import SCHEMA, MinimalSet, RepairRefutation, RepairsFound
from everyturn.verdicts.selection import selection
from everyturn.world.agents import revision_name

ALL_SUBSETS: Final = 8
"""Of a set of so many repairs every proper subset is refuted; of a larger one, each that has one repair less."""
TOGETHER: Final = 3
"""At most so many repairs are sought that cure a run only together."""


def search(
    refuter: Refuter, say: Callable[[MinimalSet | RepairRefutation], None], *, first: bool = False, breaks: bool = True
) -> RepairsFound:
    """Search; each set that is found or refuted is handed to ``say`` at once. An interruption keeps what was found.

    ``first``: one minimal set is enough. ``breaks``: look for what the repairs break, too.
    """
    question = refuter.question
    found = RepairsFound(
        SCHEMA,
        revision_name(question.family.base),
        [each if isinstance(each, str) else each.name for each in refuter.wanted],
        list(question.scopes),
        list(question.family.pool),
        list(question.family.has),
    )
    began = time.perf_counter()
    try:
        _Search(refuter, found, say, breaks=breaks).run(first=first)
    except KeyboardInterrupt:
        found.interrupted = True
    found.explorations, found.replays = refuter.explorations, refuter.replays
    found.seconds = round(time.perf_counter() - began, 1)
    return found


class _Search:
    """One search under way."""

    def __init__(
        self,
        refuter: Refuter,
        found: RepairsFound,
        say: Callable[[MinimalSet | RepairRefutation], None],
        *,
        breaks: bool,
    ) -> None:
        self.refuter = refuter
        self.found = found
        self.say = say
        self.breaks = breaks
        self.minimal: list[RepairSet] = []

    def run(self, *, first: bool) -> None:
        """Look at sets, smaller ones first."""
        place = 0
        waiting: list[tuple[int, int, RepairSet]] = [(0, place, frozenset())]
        seen = {waiting[0][2]}
        while waiting:
            _, _, chosen = heapq.heappop(waiting)
            if any(each <= chosen for each in self.minimal):
                continue
            try:
                refuted = self.refuter.refutation(chosen)
            except Undetermined as limit:
                self.found.undetermined.append((self.refuter.question.family.in_order(chosen), str(limit.args[0])))
                continue
            if refuted is None:
                self.keep(chosen)
                if first and self.minimal:
                    self.found.stopped_early = bool(waiting)
                    return
                continue
            self.found.tried.append(refuted)
            self.say(refuted)
            for more in self.cures(refuted, chosen):
                if chosen | more not in seen:
                    seen.add(chosen | more)
                    place += 1
                    heapq.heappush(waiting, (len(chosen | more), place, chosen | more))

    def cures(self, refuted: RepairRefutation, chosen: RepairSet) -> Iterator[RepairSet]:
        """The smallest sets of further repairs with which the run no longer violates what it violates."""
        left = [name for name in self.refuter.question.family.pool if name not in chosen]
        cured = False
        for size in range(1, TOGETHER + 1):
            if not left or not self.cured(refuted, chosen.union(left)):
                break
            curing = [frozenset(some) for some in combinations(left, size) if self.cured(refuted, chosen.union(some))]
            cured = cured or bool(curing)
            yield from curing
            left = [name for name in left if not any(name in some for some in curing)]
        else:
            if not cured:  # by many together: leave out what is not needed
                for name in tuple(left):
                    rest = [each for each in left if each != name]
                    left = rest if self.cured(refuted, chosen.union(rest)) else left
                yield frozenset(left)
                return
        if not cured:
            self.found.hopeless.append(refuted)

    def cured(self, refuted: RepairRefutation, chosen: RepairSet) -> bool:
        """Whether the run, made with these repairs, no longer violates what it violates."""
        return self.refuter.violates(refuted, chosen) is None

    def keep(self, chosen: RepairSet) -> None:
        """A set that suffices: refute what is smaller, look for what it breaks, and tell it."""
        family = self.refuter.question.family
        one_less = len(chosen) > ALL_SUBSETS
        against: list[RepairRefutation] = []
        for smaller in subsets(chosen, one_less=one_less):
            refuted = self.refuter.refutation(smaller)
            if refuted is None:
                self.keep(smaller)
                return
            against.append(refuted)
        if chosen in self.minimal:
            return
        self.minimal.append(chosen)
        kept = MinimalSet(
            family.in_order(chosen), family.name(chosen), self.refuter.states[chosen], against, one_less=one_less
        )
        if self.breaks:
            kept.breaks = list(self.broken_by(chosen))
        self.found.sets.append(kept)
        self.say(kept)

    def broken_by(self, chosen: RepairSet) -> Iterator[RepairRefutation]:
        """What holds without these repairs and is refuted with them."""
        question = self.refuter.question
        every = [each.name for each in selection().invariants]
        for scope in question.scopes:
            before = self.refuter.explored(frozenset(), scope, every)
            after = self.refuter.explored(chosen, scope, every)
            for each in after["refuted"]:
                if each["invariant"] in before["held"]:
                    yield RepairRefutation(question.family.in_order(chosen), scope, **each)


def smallest_first(question: RepairQuestion) -> RepairQuestion:
    """The same question, with the scopes in the order of how much there is to explore, as far as their names tell."""
    return question._replace(scopes=tuple(sorted(question.scopes, key=_size)))


def _size(scope: str) -> tuple[int, int]:
    prompts, *extras = scope.split("+")
    return len(prompts), len(extras)
