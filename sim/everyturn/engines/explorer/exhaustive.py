"""The exhaustive explorer: every interleaving of a scope, breadth first, every invariant in every state.

Plain on purpose: a dictionary of rows and a queue. Rows are compared as a whole, so that nothing is left to a hash.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from everyturn.engines.coroutines.components import components
from everyturn.engines.coroutines.exploration import (
    FIRST_REFUTATION,
    NO_LIMITS,
    Exploration,
    ExplorationProgress,
    Limits,
    Sight,
    Violation,
    outcome,
    resident,
)
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.engines.explorer.rounds import local_parts
from everyturn.errors import EndlessRun
from everyturn.verdicts.checker import Finding, Judge
from everyturn.world import overrun
from everyturn.world.overrun import OutOfTime
from everyturn.world.world import World
from everyturn_model.events import Event


class Explorer:
    """Explores one world, judged by ``judge``."""

    peak_elsewhere = 0

    def __init__(self, world: World, judge: Judge) -> None:
        self.transitions = Transitions(world, judge)
        self._parents: list[tuple[int, int, int]] = []
        self._seen: dict[Row, int] = {}

    @property
    def numbers(self) -> Mapping[Row, int]:
        """The number of each state that was found, in order."""
        return self._seen

    def parent(self, state: int) -> tuple[int, tuple[int, int]]:
        """From which state a state was reached first, and by which (thread, choice)."""
        number, thread, choice = self._parents[state]
        return number, (thread, choice)

    @property
    def explored(self) -> Transitions:
        """The steps that the exploration rests on: all of them."""
        return self.transitions

    @property
    def events(self) -> Iterator[Event]:
        """Every event that was seen."""
        for events in self.transitions.events.values:
            yield from events

    def run(
        self,
        limits: Limits = NO_LIMITS,
        *,
        progress: ExplorationProgress | None = None,
        stop_at: frozenset[str] | None = None,
        stop_at_first: bool = False,
    ) -> Exploration:
        """Explore until nothing is new, a limit is reached, or every invariant of ``stop_at`` has been violated, or any
        at all."""
        found = Exploration()
        start = time.monotonic()
        try:
            with overrun.watching(limits.seconds):
                self._explore(found, start, limits, progress, stop_at, stop_at_first=stop_at_first)
        except KeyboardInterrupt:
            found.interrupted = True
        except (OutOfTime, EndlessRun) as error:
            found.stopped = str(error)
        found.seconds = time.monotonic() - start
        found.locals = len(self.transitions.locals)
        return found

    def round(self) -> str | None:
        """Where threads can go round for ever, in words; none if every run ends. Asked when the exploration is
        complete."""
        transitions, seen = self.transitions, self._seen
        if not local_parts(transitions.locals):
            return None
        rows = list(seen)
        for part in components(
            range(len(rows)), lambda number: (seen[each.row] for each in transitions.successors(rows[number]))
        ):
            for thread, _, after, _ in transitions.successors(rows[part[0]]):
                if (len(part) > 1 and seen[after] in part) or seen[after] == part[0]:
                    return transitions.locals.told(rows[part[0]][FIRST_THREAD + thread])
        return None

    def close(self) -> None:
        """Nothing is to be ended."""

    def _explore(
        self,
        found: Exploration,
        start: float,
        limits: Limits,
        progress: ExplorationProgress | None,
        stop_at: frozenset[str] | None,
        *,
        stop_at_first: bool,
    ) -> None:
        transitions = self.transitions
        first = transitions.initial()
        seen = self._seen = {first: 0}
        self._parents = [(-1, 0, 0)]
        level = [first]
        found.states = 1
        while level:
            following: list[Row] = []
            for count, row in enumerate(level):
                number = seen[row]
                moved = False
                for thread, choice, after, findings in transitions.successors(row):
                    moved = True
                    found.transitions += 1
                    for finding in findings:
                        self._note(found, finding, number, (thread, choice))
                    if after not in seen:
                        seen[after] = len(seen)
                        self._parents.append((number, thread, choice))
                        following.append(after)
                if not moved:
                    self._rest(found, row, number)
                if count % 4096 == 0:
                    found.states = len(seen)
                    seconds = time.monotonic() - start
                    if progress is not None:
                        waiting = len(level) - count + len(following)
                        progress(Sight(len(seen), waiting, found.depth, seconds, resident()))
                    found.stopped = limits.reached(len(seen), seconds)
                    if found.stopped is not None:
                        return
            found.states = len(seen)
            if stop_at_first and found.violations and following:
                found.stopped = FIRST_REFUTATION
                return
            if stop_at is not None and stop_at <= found.violations.keys():
                return
            if following:
                found.depth += 1
            level = following
        found.complete = True

    def _rest(self, found: Exploration, row: Row, number: int) -> None:
        found.rests += 1
        judged, findings, _ = self.transitions.rest(row)
        for finding in findings:
            self._note(found, finding, number, None)
        found.outcomes.add(outcome(self.transitions.judged.values[judged].ledger))

    def _note(self, found: Exploration, finding: Finding, number: int, last: tuple[int, int] | None) -> None:
        before = found.violations.get(finding.invariant)
        if before is not None and (last is not None or len(before.decisions) <= found.depth):
            return  # a step of this level may have been found before a rest in it, which is one step shorter
        decisions: list[tuple[int, int]] = [] if last is None else [last]
        while number > 0:
            number, thread, choice = self._parents[number]
            decisions.append((thread, choice))
        found.violations[finding.invariant] = Violation(finding, tuple(reversed(decisions)))
