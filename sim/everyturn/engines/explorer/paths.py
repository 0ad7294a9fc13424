"""Single runs over the explorer's tables: by places in first-in first-out order, or by the names of saved steps.

A path makes the same decisions, in the same numbers, as a run through SimPy; its schedule replays there. After a change
of code or of scope a path follows saved steps as far as it can (:class:`~everyturn.runs.tokens.named_steps.ByName`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from everyturn.engines.coroutines.transitions import FIRST_THREAD, Effect, Row, Transitions
from everyturn.errors import EndlessRun
from everyturn.runs.outcomes import label
from everyturn.runs.schedule import deviations
from everyturn.runs.tokens.named_steps import Named
from everyturn.verdicts.checker import Finding


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step: the row before it, who could go on (first in, first out), who did, its effects and what it violated.

    ``decision`` is the number of decisions made before it.
    """

    row: Row
    enabled: tuple[int, ...]
    thread: int
    effects: tuple[Effect, ...]
    named: Named
    decision: int
    findings: tuple[Finding, ...]


@dataclass(slots=True)
class Path:
    """A run over tables. ``last`` is the row at rest; ``resting`` what is violated there. ``cut``: it goes on from
    there, not at rest."""

    steps: list[PathStep] = field(default_factory=list)
    decisions: list[int] = field(default_factory=list)
    last: Row = ()
    resting: tuple[Finding, ...] = ()
    cut: bool = False

    def violation(self, invariant: str) -> int | None:
        """The number of the step that violates ``invariant`` (the number of steps, if rest does), or none."""
        for number, step in enumerate(self.steps):
            if any(finding.invariant == invariant for finding in step.findings):
                return number
        return len(self.steps) if any(finding.invariant == invariant for finding in self.resting) else None

    def deviations_until(self, step: int) -> tuple[tuple[int, int], ...]:
        """The deviations of the decisions that were made up to and including ``step``."""
        after = step + 1
        count = self.steps[after].decision if after < len(self.steps) else len(self.decisions)
        return deviations(self.decisions[:count])

    @property
    def names(self) -> list[Named]:
        """Its steps by stable identifiers."""
        return [step.named for step in self.steps]


LONGEST: Final = 20_000
"""Accesses after which a path is taken to be endless."""


class Decider(Protocol):
    """Decides one path."""

    def pick(self, step: int, enabled: Sequence[tuple[str, str]]) -> int:
        """The place of the thread that goes on; ``enabled`` has thread and operation of each that could."""
        ...

    def choose(self, operation: str, labels: Sequence[str]) -> int:
        """The place of an outcome; asked only where there are several."""
        ...


class ByPlace:
    """As :class:`everyturn.strategies.replay.Replay`: deviations from first-in first-out order, by decision."""

    def __init__(self, turns: Iterable[tuple[int, int]]) -> None:
        self.turns = dict(turns)
        self.decision = 0

    def pick(self, step: int, enabled: Sequence[tuple[str, str]]) -> int:
        """The recorded place."""
        return self._next(len(enabled)) if len(enabled) > 1 else 0

    def choose(self, operation: str, labels: Sequence[str]) -> int:
        """The recorded outcome."""
        return self._next(len(labels))

    def _next(self, among: int) -> int:
        wanted = self.turns.get(self.decision, 0)
        self.decision += 1
        return wanted if wanted < among else 0


def walk(transitions: Transitions, decider: Decider, until: str | None = None) -> Path:
    """The path that ``decider`` decides, to rest, or to the step that violates ``until``.

    Raises :class:`~everyturn.errors.EndlessRun` if it comes to neither.
    """
    path = Path()
    made = 0
    row = transitions.initial()
    order = sorted(range(len(transitions.locals.roots)), key=lambda each: not _begins_at_a_point(transitions, each))
    threads = transitions.world.threads
    while True:
        enabled = tuple(each for each in order if transitions.effects(row, each))
        if not enabled:
            break
        if made >= LONGEST:
            raise EndlessRun(f"after {len(path.steps):,} steps the run goes on: expected one that comes to rest")
        decision = len(path.decisions)
        asked = [(threads[each].name, _operation(transitions, row, each)) for each in enabled]
        place = decider.pick(len(path.steps), asked)
        if len(enabled) > 1:
            path.decisions.append(place)
        thread = enabled[place]
        before = row
        row, effects, operations, findings = _step(transitions, row, thread, decider, path.decisions)
        named = Named(threads[thread].name, operations)
        made += len(effects)
        path.steps.append(PathStep(before, enabled, thread, effects, named, decision, findings))
        order.remove(thread)
        if transitions.locals[row[FIRST_THREAD + thread]].operation is not None:
            order.append(thread)
        if until is not None and any(finding.invariant == until for finding in findings):
            path.last, path.cut = row, True
            return path
    path.last = row
    _, path.resting, _ = transitions.rest(row)
    return path


def walk_or_cut(transitions: Transitions, decider: Callable[[], Decider], invariant: str) -> Path:
    """The path to rest, or, if it comes to none, to the step that violates ``invariant``. ``decider`` makes one, anew
    each time.

    Raises :class:`~everyturn.errors.EndlessRun` if it comes to neither.
    """
    try:
        return walk(transitions, decider())
    except EndlessRun:
        return walk(transitions, decider(), invariant)


def _begins_at_a_point(transitions: Transitions, thread: int) -> bool:
    return transitions.locals[transitions.locals.roots[thread]].point


def _operation(transitions: Transitions, row: Row, thread: int) -> str:
    return str(transitions.locals[row[FIRST_THREAD + thread]].operation)


def _step(
    transitions: Transitions, row: Row, thread: int, decider: Decider, decisions: list[int]
) -> tuple[Row, tuple[Effect, ...], tuple[tuple[str, str], ...], tuple[Finding, ...]]:
    """One thread goes on to its next scheduling point."""
    made: list[Effect] = []
    operations: list[tuple[str, str]] = []
    findings: tuple[Finding, ...] = ()
    while True:
        name = _operation(transitions, row, thread)
        effects = transitions.effects(row, thread)
        effect = effects[0]
        if len(effects) > 1:
            choice = decider.choose(name, [label(each.result) for each in effects])
            decisions.append(choice)
            effect = effects[choice]
        row, found = transitions.apply(row, thread, effect)
        made.append(effect)
        operations.append((name, label(effect.result)))
        findings += found
        local = transitions.locals[effect.local]
        if transitions.ends(effect.local, local, len(made)):
            return row, tuple(made), tuple(operations), findings
