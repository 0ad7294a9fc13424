"""What tables say of a run: each step, who could go on, what was seen and violated, and how it ends.

A walk follows tables only; no coroutine is resumed for it (but where tables were never asked before). Whether it is
true is found out by :mod:`everyturn.checking.countercheck.comparing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple, Protocol

from everyturn.verdicts.checker import Finding
from everyturn.world.operations import Operation
from everyturn_model.events import Event

ThreadChoice = tuple[int, int]
"""A thread, and which of the ways that it can go."""
Way = tuple[ThreadChoice, ...]
"""Moves from the initial state, in the names of the tables."""


class Said(NamedTuple):
    """One step: the threads that can go on, the one that does, from which operation to which (none: it ends).

    ``outcomes``: for each operation with several outcomes which one it had. ``waiting``: who waits to be told after it,
    where tables say that. ``known``: the state after it was explored.
    """

    enabled: tuple[int, ...]
    thread: int
    outcomes: tuple[int, ...]
    before: Operation | None
    after: Operation | None
    events: tuple[Event, ...]
    findings: tuple[Finding, ...]
    waiting: frozenset[str] | None = None
    known: bool = True


class Rested(NamedTuple):
    """The end of a run, when nobody can go on: what is seen, and what is violated then."""

    events: tuple[Event, ...]
    findings: tuple[Finding, ...]


class Walk(NamedTuple):
    """A run by the tables; ``rested`` is none if it was left before it came to rest."""

    steps: list[Said]
    rested: Rested | None


class AnotherWay(NamedTuple):
    """A way to a state that was known when it was reached by it, and the state's number."""

    way: Way
    state: int


class WalkTables(Protocol):
    """Tables that runs can be read off."""

    def merged(self, most: int, random: Random) -> list[AnotherWay]:
        """Ways to states that were first reached by others: at most so many, as different as can be."""

    def way(self, state: int) -> Way:
        """The way by which a state was reached first."""

    def walk(self, ways: Sequence[Way], randoms: Sequence[Random], longest: int) -> list[Walk]:
        """For each way the run that follows it and then goes on at random, to rest or for ``longest`` steps more."""
