"""The violations that a search keeps: the shortest of each invariant, and as many others as were asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from everyturn.engines.coroutines.exploration import Exploration, Violation
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.verdicts.checker import Finding

FindPath = Callable[..., tuple[tuple[int, int], ...]]
"""(number of a state, the number of each move from there) → the decisions of a path that makes them."""


class ViolatingSteps(NamedTuple):
    """Steps of a chunk: the place of the state that each leaves, the number of its move, and of what it violates."""

    source: KeyNumbers
    move: KeyNumbers
    found: KeyNumbers


class _Noted(NamedTuple):
    """What is violated in a state, or by the last moves from there."""

    finding: Finding
    state: int
    last: tuple[int, ...]


class KeptViolations:
    """Chooses among the violations of a search those that are told in ``found``; ``different``: how many of each
    invariant.

    ``violated``: what a step of this *found* number violates.
    """

    def __init__(self, found: Exploration, violated: Callable[[int], tuple[Finding, ...]]) -> None:
        self.different = 1
        self._found = found
        self._violated = violated
        self._kept: dict[str, int] = {}
        self._noted: list[_Noted] = []

    def at_rest(self, found: int, state: int) -> None:
        """Note what a state of rest violates."""
        for finding in self._violated(found):
            if self._is_news(finding) or self._is_shorter(finding):
                self._noted.append(_Noted(finding, state, ()))

    def in_steps(self, steps: ViolatingSteps, states: KeyNumbers) -> None:
        """Note what steps from these states violate: of each kind of violation the first."""
        found = steps.found
        if not found.any():
            return
        for number in sorted({*found[found > 0].tolist()}):
            new = [each for each in self._violated(number) if self._is_news(each)]
            if not new:
                continue
            place = _first(steps, np.flatnonzero(found == number))
            state, move = int(states[steps.source[place]]), int(steps.move[place])
            self._noted += [_Noted(finding, state, (move,)) for finding in new]

    def keep(self, path: FindPath) -> None:
        """Keep what was noted, with the paths there."""
        for finding, state, last in self._noted:
            self._keep(Violation(finding, path(state, *last)))
        self._noted.clear()

    def take_over(self, violations: Iterable[Violation], others: Iterable[Violation]) -> None:
        """Keep violations that were found before: the shortest of each invariant, and ``others`` in their order."""
        for violation in violations:
            self._kept[violation.finding.invariant] = 1
            self._found.violations[violation.finding.invariant] = violation
        for violation in others:
            self._kept[violation.finding.invariant] += 1
            self._found.others.setdefault(violation.finding.invariant, []).append(violation)

    def _keep(self, violation: Violation) -> None:
        """Keep a violation: the shortest in front."""
        found, name = self._found, violation.finding.invariant
        first = found.violations.setdefault(name, violation)
        if first is violation:
            return
        if len(violation.decisions) < len(first.decisions):
            found.violations[name], violation = violation, first
        found.others.setdefault(name, []).append(violation)

    def _is_news(self, finding: Finding) -> bool:
        """Whether a violation is to be kept: there are fewer of its invariant than were asked for."""
        kept = self._kept.get(finding.invariant, 0)
        self._kept[finding.invariant] = kept + 1
        return kept < self.different

    def _is_shorter(self, finding: Finding) -> bool:
        """Whether a rest of this level is a shorter way to a violation than the one that is kept: a step, of an earlier
        chunk."""
        kept = self._found.violations.get(finding.invariant)
        return kept is not None and len(kept.decisions) > self._found.depth


def _first(steps: ViolatingSteps, places: KeyNumbers) -> int:
    """The place of the first of these steps: by the state it leaves, then by thread and choice."""
    return int(places[np.argmin(steps.source[places])])
