"""The reachable graph of a world: every row by number, and every transition with a label that people can read."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from everyturn.engines.coroutines.exploration import ExplorationProgress, Sight, resident
from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.errors import UsageError
from everyturn.verdicts.checker import Judge
from everyturn.world.world import World
from everyturn_model.events import Event


class Arc(NamedTuple):
    """One transition: from, to, and what it does: ``p1 mutex.lock / Submitted(p1)``."""

    source: int
    target: int
    label: str


class Reached:
    """Every reachable row of a world in breadth-first order, number 0 the initial one.

    Raises :class:`UsageError` beyond ``max_states``: half a graph would be taken for a whole one.
    """

    def __init__(
        self, world: World, judge: Judge, *, max_states: int = 2_000_000, progress: ExplorationProgress | None = None
    ) -> None:
        self.world = world
        self.transitions = Transitions(world, judge)
        first = self.transitions.initial()
        self.rows: list[Row] = [first]
        self.numbers: dict[Row, int] = {first: 0}
        self.transitions_count = 0
        self.rests: list[int] = []
        self._explore(max_states, progress, time.monotonic())

    def __len__(self) -> int:
        return len(self.rows)

    def _explore(self, max_states: int, progress: ExplorationProgress | None, start: float) -> None:
        done, depth, level = 0, 0, 1
        while done < len(self.rows):
            moved = False
            for successor in self.transitions.successors(self.rows[done]):
                moved = True
                self.transitions_count += 1
                if successor.row not in self.numbers:
                    self.numbers[successor.row] = len(self.rows)
                    self.rows.append(successor.row)
            if not moved:
                self.rests.append(done)
            done += 1
            if done == level and done < len(self.rows):
                depth, level = depth + 1, len(self.rows)
            if len(self.rows) > max_states:
                raise UsageError(
                    f"scope {self.world.scope}: expected at most {max_states:,} states to export, found more; "
                    f"choose a smaller scope, fewer invariants or a higher --max-states"
                )
            if progress is not None and done % 4096 == 0:
                progress(Sight(len(self.rows), len(self.rows) - done, depth, time.monotonic() - start, resident()))

    def arcs(self) -> Iterator[Arc]:
        """Every transition, by source, then by thread and outcome."""
        labels: dict[tuple[Any, ...], str] = {}
        for number, row in enumerate(self.rows):
            for thread, choice, after, _ in self.transitions.successors(row):
                yield Arc(number, self.numbers[after], self._label(labels, row, thread, choice))

    def _label(self, labels: dict[tuple[Any, ...], str], row: Row, thread: int, choice: int) -> str:
        which = self.world.threads[thread]
        seen = self.transitions.seen(row, thread, choice)
        key = (row[FIRST_THREAD + thread], choice, seen)
        if key not in labels:
            labels[key] = label(which.name, str(self.transitions.operations(row, thread, choice)[0]), seen)
        return labels[key]


def label(thread: str, operation: str, seen: tuple[Event, ...]) -> str:
    """What a transition does: thread and operation, then the events that an onlooker sees."""
    told = "; ".join(map(event_text, seen))
    return f"{thread} {operation} / {told}" if told else f"{thread} {operation}"


def event_text(event: object) -> str:
    """An event as people read it: its name, then its fields that say something."""
    fields = {name: getattr(event, name) for name in getattr(event, "__dataclass_fields__", {})}
    said = [name if value is True else _value(value) for name, value in fields.items() if value not in _NOTHING]
    return f"{type(event).__name__}({', '.join(said)})"


_NOTHING: Final = (None, False, (), 0)


def _value(value: object) -> str:
    if hasattr(value, "__dataclass_fields__"):
        return event_text(value)
    if isinstance(value, tuple):
        return "[" + " ".join(map(str, value)) + "]"
    return str(value)
