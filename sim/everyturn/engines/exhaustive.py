"""The exhaustive explorer: every interleaving of a scope, breadth first, every invariant in every state.

Plain on purpose: a dictionary of rows and a queue. Rows are compared as a whole, so that nothing is left to a hash.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from everyturn.checker import Finding, Judge
from everyturn.engines.transitions import Row, Transitions
from everyturn.world import World

Progress = Callable[[int, int, int, float], None]
"""Called now and then with states, frontier, depth and seconds."""

DEFAULT_MAX_STATES = 20_000_000


@dataclass(frozen=True, slots=True)
class Violation:
    """A shortest way to a violation: the decisions (thread, choice) from the initial state, and what was violated."""

    finding: Finding
    decisions: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Exploration:
    """What an exploration found. ``complete``: nothing was left out; ``outcomes``: the judge's ledgers at rest."""

    states: int = 0
    transitions: int = 0
    depth: int = 0
    seconds: float = 0.0
    complete: bool = False
    interrupted: bool = False
    peak_bytes: int = 0
    violations: dict[str, Violation] = field(default_factory=dict)
    outcomes: set[object] = field(default_factory=set)
    locals: int = 0
    rests: int = 0


class Explorer:
    """Explores one world, judged by ``judge``."""

    def __init__(self, world: World, judge: Judge) -> None:
        self.transitions = Transitions(world, judge)
        self._parents: list[tuple[int, int, int]] = []

    def run(
        self,
        *,
        max_states: int = DEFAULT_MAX_STATES,
        max_seconds: float | None = None,
        progress: Progress | None = None,
        stop_at: frozenset[str] | None = None,
    ) -> Exploration:
        """Explore until nothing is new, a limit is reached, or every invariant of ``stop_at`` has been violated."""
        found = Exploration()
        start = time.monotonic()
        try:
            self._explore(found, start, max_states, max_seconds, progress, stop_at)
        except KeyboardInterrupt:
            found.interrupted = True
        found.seconds = time.monotonic() - start
        found.locals = len(self.transitions.locals)
        return found

    def _explore(
        self,
        found: Exploration,
        start: float,
        max_states: int,
        max_seconds: float | None,
        progress: Progress | None,
        stop_at: frozenset[str] | None,
    ) -> None:
        transitions = self.transitions
        first = transitions.initial()
        seen: dict[Row, int] = {first: 0}
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
                        progress(len(seen), len(level) - count + len(following), found.depth, seconds)
                    if len(seen) >= max_states or (max_seconds is not None and seconds > max_seconds):
                        return
            found.states = len(seen)
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
        if finding.invariant in found.violations:
            return
        decisions: list[tuple[int, int]] = [] if last is None else [last]
        while number > 0:
            number, thread, choice = self._parents[number]
            decisions.append((thread, choice))
        found.violations[finding.invariant] = Violation(finding, tuple(reversed(decisions)))


def outcome(ledger: object) -> object:
    """The outcome of a run: for each prompt its fates, its ending and how often it was told."""
    from everyturn_model.lifecycle import Ledger

    assert isinstance(ledger, Ledger)
    return tuple(
        (life.prompt, tuple(sorted(life.fates)), ledger.ending(life), life.notices, life.reached, life.notified)
        for life in ledger
    )
