"""What happened before what in a run, and which pairs of accesses raced.

Two accesses conflict if they touch a column of the shared data and one of them changed it. A step happened before
another one if the thread, or conflicting accesses, lead from it to the other: Lamport's relation, kept as vector clocks
(Mattern, Virtual Time and Global States of Distributed Systems, 1989). Who takes the dispatch mutex first is part of a
race and no reason for it; so the mutex orders nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from everyturn.runs.run import Run
from everyturn.world import objects


class Touch(NamedTuple):
    """One access of a run: its step, its place among the step's operations, the column, whether it changed it.

    ``closes``: it closes a reservation, which commutes with opening or closing another.
    """

    step: int
    place: int
    column: str
    wrote: bool
    closes: bool = False

    def conflicts(self, other: Touch) -> bool:
        """Whether the order of the two accesses can make a difference."""
        commute = (self.closes and other.wrote) or (other.closes and self.wrote)
        return self.column == other.column and (self.wrote or other.wrote) and not commute


class Race(NamedTuple):
    """Two conflicting accesses by different threads with nothing else between them that orders them."""

    first: Touch
    second: Touch


def touches(run: Run, step: int) -> Iterator[Touch]:
    """The accesses of one step to columns that can conflict."""
    for place, operation in enumerate(run.steps[step].operations):
        names = objects.columns(operation.operation)
        for column, before, after in zip(names, operation.before, operation.after, strict=True):
            if column == "accepting":
                yield from _accepting(step, place, str(operation.operation), before, after)
            elif column == "own":
                yield Touch(step, place, operation.operation.object, before != after)
            elif objects.BY_NAME[column].by_entry:
                yield Touch(
                    step, place, f"{column} of {next(iter(operation.operation.arguments), None)}", before != after
                )
            elif objects.BY_NAME[column].orders:
                yield Touch(step, place, column, before != after)


def _accepting(
    step: int, place: int, name: str, before: objects.Accepting, after: objects.Accepting
) -> Iterator[Touch]:
    """Reservations and mark are one column, as one step may change both; here they are two."""
    opened = (before.sequence, before.open) != (after.sequence, after.open)
    closes = name == "reservations.close"
    if opened or (name.startswith("reservations.") and not closes):
        yield Touch(step, place, "reservations", opened, closes)
    if name.startswith("mark.") or before.mark != after.mark:
        yield Touch(step, place, "mark", before.mark != after.mark)


class HappensBefore:
    """The order of one run's steps."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.races: list[Race] = []
        self._clocks: list[dict[int, int]] = []
        """For each step the latest step of each thread that happened before it, or is it."""
        self._follow()

    def before(self, first: int, second: int) -> bool:
        """Whether step ``first`` happened before step ``second``, or is it."""
        return self._clocks[second].get(self.run.steps[first].thread, -1) >= first

    def core(self, target: int) -> list[int]:
        """The steps that happened before ``target``, and it: no other step can have had a part in it."""
        return [step for step in range(target + 1) if self.before(step, target)]

    def conflicts(self) -> Iterator[Race]:
        """All conflicting accesses by different threads, ordered otherwise or not, the earlier second one first."""
        accesses = [touch for step in range(len(self.run.steps)) for touch in touches(self.run, step)]
        for index, second in enumerate(accesses):
            for first in reversed(accesses[:index]):
                apart = self.run.steps[first.step].thread != self.run.steps[second.step].thread
                if apart and first.conflicts(second):
                    yield Race(first, second)

    def folded(self, until: int) -> frozenset[tuple[str, str]]:
        """The order of conflicting accesses up to a step, threads of one kind not told apart.

        Runs that differ only in the order of accesses that do not conflict, or in who plays which part, have the same.
        """
        names: list[str] = []
        made: dict[tuple[int, str], int] = {}
        for step in self.run.steps[: until + 1]:
            first = step.operations[0]
            key = (step.thread, str(first.operation))
            made[key] = made.get(key, 0) + 1
            names.append(f"{first.thread.rstrip('0123456789')} {first.operation} {made[key]}")
        return frozenset(
            (names[race.first.step], names[race.second.step])
            for race in self.conflicts()
            if race.second.step < len(names)
        )

    def _follow(self) -> None:
        latest: dict[int, int] = {}
        seen: dict[str, list[Touch]] = {}
        for number, step in enumerate(self.run.steps):
            clock = dict(self._clocks[latest[step.thread]]) if step.thread in latest else {}
            mine = list(touches(self.run, number))
            earlier = [
                Race(first, second)
                for second in mine
                for first in seen.get(second.column, ())
                if first.conflicts(second)
            ]
            for race in sorted(earlier, key=lambda race: -race.first.step):
                thread = self.run.steps[race.first.step].thread
                if clock.get(thread, -1) < race.first.step:
                    self.races.append(race)
                    for other, when in self._clocks[race.first.step].items():
                        clock[other] = max(clock.get(other, -1), when)
            clock[step.thread] = number
            self._clocks.append(clock)
            latest[step.thread] = number
            for touch in mine:
                seen.setdefault(touch.column, []).append(touch)
