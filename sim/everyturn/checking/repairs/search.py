"""All minimal sets of repairs that make invariants hold in all scopes: a tree of what cures which counterexample.

A set of repairs with a counterexample needs more repairs, at least such that the run, made again with them, no longer
violates what it violated. So each set that is refuted is followed by the sets that have the fewest more repairs which
cure *its* run (:meth:`_Search.cures`); smaller sets are looked at first, and none that contains a set that suffices.
This is a hitting-set tree in the sense of Reiter, A Theory of Diagnosis from First Principles (1987), with replays of
the real code in the place of a theorem prover.

What is certain of a set that is reported: it is proved in every scope, and every proper subset has a run that refutes
it, but for subsets that reached a limit and, of a set of more than :data:`ALL_SUBSETS`, those that lack more than one
repair. That there are no other minimal sets is certain, too, while every set of further repairs is tried against a run:
one that suffices cures the run. Where there are too many (:data:`AT_MOST`), ``together`` says how many at once were.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb
from typing import Final

from everyturn.checking.repairs.family import RepairSet
from everyturn.checking.repairs.refuting import Refuter, RepairQuestion, Undetermined, subsets
from everyturn.checking.repairs.results import SCHEMA, MinimalSet, RepairRefutation, RepairsFound
from everyturn.verdicts.selection import selection
from everyturn.world.agents import revision_name

ALL_SUBSETS: Final = 8
"""Of a set of so many repairs every proper subset is refuted; of a larger one, each that has one repair less."""
AT_MOST: Final = 256
"""Sets of so many further repairs that there are more of them are not tried against a run; one and two always are."""


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
        """The smallest sets of further repairs with which the run no longer violates what it violates.

        Sets that contain a smaller cure are not tried; whether all repairs together cure it says nothing of a part.
        """
        left = [name for name in self.refuter.question.family.pool if name not in chosen]
        curing: list[RepairSet] = []
        size = 0
        while size < len(left) and (size < 2 or comb(len(left), size + 1) <= AT_MOST):
            size += 1
            for some in map(frozenset, combinations(left, size)):
                if not any(each <= some for each in curing) and self.cured(refuted, chosen | some):
                    curing.append(some)
                    yield some
            if size == 1:
                left = [name for name in left if frozenset((name,)) not in curing]
        if size < len(left):
            self.found.together = min(size, self.found.together or size)
            if not curing and self.cured(refuted, chosen.union(left)):
                curing = [self.needed(refuted, chosen, left)]
                yield curing[0]
        if not curing:
            self.found.hopeless.append(refuted)

    def needed(self, refuted: RepairRefutation, chosen: RepairSet, left: list[str]) -> RepairSet:
        """Of repairs that cure a run together, those that are left when each that is not needed is left out."""
        for name in tuple(left):
            rest = [each for each in left if each != name]
            left = rest if self.cured(refuted, chosen.union(rest)) else left
        return frozenset(left)

    def cured(self, refuted: RepairRefutation, chosen: RepairSet) -> bool:
        """Whether the run, made with these repairs, no longer violates what it violates."""
        return self.refuter.violates(refuted, chosen) is None

    def keep(self, chosen: RepairSet) -> None:
        """A set that suffices: refute what is smaller, look for what it breaks, and tell it."""
        family = self.refuter.question.family
        one_less = len(chosen) > ALL_SUBSETS
        states = self.refuter.states[chosen]
        kept = MinimalSet(family.in_order(chosen), family.name(chosen), states, one_less=one_less)
        for smaller in subsets(chosen, one_less=one_less):
            try:
                refuted = self.refuter.refutation(smaller)
            except Undetermined as limit:
                kept.undetermined.append((family.in_order(smaller), str(limit.args[0])))
                continue
            if refuted is None:
                self.keep(smaller)
                return
            kept.subsets.append(refuted)
        if chosen in self.minimal:
            return
        self.minimal.append(chosen)
        if self.breaks:
            self.look_for_what_breaks(kept, chosen)
        self.found.sets.append(kept)
        self.say(kept)

    def look_for_what_breaks(self, kept: MinimalSet, chosen: RepairSet) -> None:
        """What holds without these repairs and is refuted with them; and the scopes in which that is not known."""
        question = self.refuter.question
        every = [each.name for each in selection().invariants]
        for scope in question.scopes:
            before = self.refuter.explored(frozenset(), scope, every)
            after = self.refuter.explored(chosen, scope, every)
            broken = [each for each in after["refuted"] if each["invariant"] in before["held"]]
            kept.breaks += [RepairRefutation(question.family.in_order(chosen), scope, **each) for each in broken]
            known = {*before["held"], *(each["invariant"] for each in before["refuted"])}
            unknown = before["stopped"] and any(each["invariant"] not in known for each in after["refuted"])
            if after["stopped"] or unknown:
                kept.breaks_unknown.append(scope)


def smallest_first(question: RepairQuestion) -> RepairQuestion:
    """The same question, with the scopes in the order of how much there is to explore, as far as their names tell."""
    return question._replace(scopes=tuple(sorted(question.scopes, key=_size)))


def _size(scope: str) -> tuple[int, int]:
    prompts, *extras = scope.split("+")
    return len(prompts), len(extras)
