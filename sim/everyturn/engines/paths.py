"""Single runs over the explorer's tables: by places in first-in first-out order, or by the names of saved steps.

A path makes the same decisions, in the same numbers, as a run through SimPy; its schedule replays there. After a change
of code or of scope a path follows saved steps as far as it can (:class:`ByName`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final, NamedTuple, Protocol

from everyturn.checker import Finding
from everyturn.engines.transitions import FIRST_THREAD, Effect, Row, Transitions
from everyturn.schedule import deviations
from everyturn.trace import shown

NEAR: Final = 2
"""How many saved steps of one thread may be gone at one place, in a changed code, to be told from new ones."""


class Named(NamedTuple):
    """A saved step by stable identifiers: its thread, and the operations that it made, each with its outcome's label."""

    thread: str
    operations: tuple[tuple[str, str], ...]

    @property
    def first(self) -> str:
        """The operation at which the step was scheduled."""
        return self.operations[0][0]

    def __str__(self) -> str:
        return f"{self.thread} {self.first}"


class Stray(NamedTuple):
    """Where a path left the saved steps: the step's number, what was expected there, what was enabled instead."""

    step: int
    expected: str
    enabled: tuple[str, ...]

    def __str__(self) -> str:
        return f"step {self.step}: expected {self.expected}, enabled: {', '.join(self.enabled) or 'nothing'}"


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
    """A run over tables. ``last`` is the row at rest; ``resting`` what is violated there."""

    steps: list[PathStep] = field(default_factory=list)
    decisions: list[int] = field(default_factory=list)
    last: Row = ()
    resting: tuple[Finding, ...] = ()

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


class ByName:
    """Follows saved steps as far as it can, then first in, first out.

    Where the saved step cannot be made, it is skipped if its thread cannot go on, or stands before an operation that
    was saved for a little later; else the thread makes what is new to it until it comes to the saved operation.
    """

    def __init__(self, names: Sequence[Named]) -> None:
        self.names = names
        self.stray: Stray | None = None
        self._at = 0
        self._labels: list[tuple[str, str]] = []

    def pick(self, step: int, enabled: Sequence[tuple[str, str]]) -> int:
        """The saved thread, if it can go on."""
        self._labels = []
        pending = dict(enabled)
        while self._at < len(self.names):
            named = self.names[self._at]
            operation = pending.get(named.thread)
            if operation == named.first:
                self._at += 1
                self._labels = list(named.operations)
                return enabled.index((named.thread, operation))
            self._note(step, str(named), enabled)
            if operation is not None and not self._comes_soon(named.thread, operation):
                return enabled.index((named.thread, operation))
            self._at += 1
        self._note(step, "rest", enabled)
        return 0

    def finish(self, steps: int) -> None:
        """The path has come to rest after ``steps`` steps: what was saved beyond that is not made."""
        if self._at < len(self.names):
            self._note(steps, str(self.names[self._at]), ())

    def choose(self, operation: str, labels: Sequence[str]) -> int:
        """The saved outcome, if it is among them."""
        while self._labels:
            name, label = self._labels.pop(0)
            if name == operation:
                return labels.index(label) if label in labels else 0
        return 0

    def _note(self, step: int, expected: str, enabled: Sequence[tuple[str, str]]) -> None:
        if self.stray is None:
            self.stray = Stray(step, expected, tuple(f"{thread} {operation}" for thread, operation in enabled))

    def _comes_soon(self, thread: str, operation: str) -> bool:
        """Whether the thread's next few saved steps have ``operation``: then the one between is gone, else it is new."""
        following = (each.first for each in self.names[self._at + 1 :] if each.thread == thread)
        return operation in islice(following, NEAR)


def label(result: object) -> str:
    """A short name of an outcome, the same whichever prompt it befalls: ``Raised(Fault(store``, ``delivered`` …"""
    return label_of(shown(result))


def label_of(text: str) -> str:
    """The label of an outcome as a trace shows it."""
    return text.split(",", 1)[0]


def names_of(lines: Iterable[Mapping[str, Any]]) -> list[Named]:
    """The saved steps of a trace; each of ``lines`` has a step's ``thread`` and ``operations``."""
    return [
        Named(line["thread"], tuple((each["operation"], label_of(each["result"])) for each in line["operations"]))
        for line in lines
    ]


def walk(transitions: Transitions, decider: Decider) -> Path:
    """The path that ``decider`` decides, to rest."""
    path = Path()
    row = transitions.initial()
    order = sorted(range(len(transitions.locals.roots)), key=lambda each: not _begins_at_a_point(transitions, each))
    threads = transitions.world.threads
    while True:
        enabled = tuple(each for each in order if transitions.effects(row, each))
        if not enabled:
            break
        decision = len(path.decisions)
        asked = [(threads[each].name, _operation(transitions, row, each)) for each in enabled]
        place = decider.pick(len(path.steps), asked)
        if len(enabled) > 1:
            path.decisions.append(place)
        thread = enabled[place]
        before = row
        row, effects, operations, findings = _step(transitions, row, thread, decider, path.decisions)
        named = Named(threads[thread].name, operations)
        path.steps.append(PathStep(before, enabled, thread, effects, named, decision, findings))
        order.remove(thread)
        if transitions.locals[row[FIRST_THREAD + thread]].operation is not None:
            order.append(thread)
    path.last = row
    _, path.resting, _ = transitions.rest(row)
    return path


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
        if local.point or local.operation is None:
            return row, tuple(made), tuple(operations), findings
