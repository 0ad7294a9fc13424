"""Steps by stable identifiers, and who follows them: the same run again, also after a change of code or of scope.

:class:`ByName` decides; an engine tells it at each step which thread could go on with which operation. While the code
is what it was, it makes the saved run. Where it cannot, these rules hold, in this order:

1. The saved thread cannot go on: the step is *gone*.
2. The saved thread stands before an operation that it made within its next :data:`NEAR` saved steps: the step is gone.
3. Else its operation is *new*: the thread makes it, and the saved step is waited for.
4. An outcome that is not possible (any more) is the first possible one.
5. When all saved steps were made, first in, first out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from everyturn.runs.outcomes import FIRST, label_of
from everyturn.runs.tokens.token import SavedStep

NEAR: Final = 2
"""How many saved steps of one thread may be gone at one place, in a changed code, to be told from new ones."""


class Named(NamedTuple):
    """A saved step by stable identifiers: its thread, and the operations that it made, each with its outcome's
    label."""

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


class ByName:
    """Follows saved steps as far as it can, by the rules above.

    ``stray``: where it first could not. ``gone`` and ``new``: how many steps of either kind it has met.
    """

    def __init__(self, names: Sequence[Named]) -> None:
        self.names = names
        self.stray: Stray | None = None
        self.gone = 0
        self.new = 0
        self._at = 0
        self._step = 0
        self._labels: list[tuple[str, str]] = []

    def pick(self, step: int, enabled: Sequence[tuple[str, str]]) -> int:
        """The saved thread, if it can go on."""
        self._step = step
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
                self.new += 1
                return enabled.index((named.thread, operation))
            self.gone += 1
            self._at += 1
        self.new += 1
        self._note(step, "rest", enabled)
        return 0

    def finish(self, steps: int) -> None:
        """The path has come to rest after ``steps`` steps: what was saved beyond that is not made."""
        if self._at < len(self.names):
            self.gone += len(self.names) - self._at
            self._note(steps, str(self.names[self._at]), ())

    def choose(self, operation: str, labels: Sequence[str]) -> int:
        """The saved outcome, if it is among them."""
        saved = next((at for at, (name, _) in enumerate(self._labels) if name == operation), None)
        if saved is None:
            return 0
        wanted = self._labels[saved][1]
        del self._labels[: saved + 1]
        if wanted in labels:
            return labels.index(wanted)
        if wanted != FIRST:
            self._note(self._step, f"{operation} to end with {wanted}", [(operation, each) for each in labels])
        return 0

    def _note(self, step: int, expected: str, enabled: Sequence[tuple[str, str]]) -> None:
        if self.stray is None:
            self.stray = Stray(step, expected, tuple(f"{thread} {operation}" for thread, operation in enabled))

    def _comes_soon(self, thread: str, operation: str) -> bool:
        """Whether the thread's next few saved steps have ``operation``: then the one between is gone, else it is
        new."""
        following = (each.first for each in self.names[self._at + 1 :] if each.thread == thread)
        return operation in islice(following, NEAR)


def names_of(lines: Iterable[Mapping[str, Any]]) -> list[Named]:
    """The saved steps of a trace; each of ``lines`` has a step's ``thread`` and ``operations``."""
    return [
        Named(line["thread"], tuple((each["operation"], label_of(each["result"])) for each in line["operations"]))
        for line in lines
    ]


def names_in(steps: Iterable[SavedStep]) -> list[Named]:
    """The saved steps of a token."""
    return [
        Named(
            step.thread,
            step.outcomes
            if step.outcomes[:1] and step.outcomes[0][0] == step.operation
            else ((step.operation, FIRST), *step.outcomes),
        )
        for step in steps
    ]
