"""Programs in general: threads that move from state to state, and the graph of the states that they reach."""

from __future__ import annotations

import time
from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Any, NamedTuple, Protocol

from everyturn.engines.coroutines.exploration import ExplorationProgress, Sight, resident
from everyturn.world import overrun


class ProgramStep(NamedTuple):
    """One transition: the thread that moves, and where to.

    ``choice`` names the operation that has the outcome ``outcome``; a move that the world has no say in needs neither.
    """

    thread: Hashable
    target: Any
    choice: Hashable = None
    outcome: Hashable = None


class Program(Protocol):
    """What is judged. States are hashable values."""

    def initial(self) -> Any:
        """The state before anything has happened."""

    def moves(self, state: Any) -> Iterable[ProgramStep]:
        """Every transition from ``state``; a thread without one is disabled there."""

    def waiting(self, state: Any) -> Collection[str]:
        """Who waits in ``state`` for something that must eventually come."""

    def told(self, state: Any, move: int) -> str:
        """What the move of this number does, in words."""


class Graph:
    """Reachable states by number, breadth first; moves lead to numbers."""

    def __init__(self, program: Program) -> None:
        self.program = program
        first = program.initial()
        self.states = [first]
        self.moves: list[list[ProgramStep]] = []
        self.parents: list[tuple[int, int]] = [(-1, 0)]
        self._numbers = {first: 0}

    @property
    def numbers(self) -> Mapping[Any, int]:
        """The number of each state, in order."""
        return self._numbers

    def explore(self, max_states: int, progress: ExplorationProgress | None, start: float) -> bool:
        """Find every state; whether ``max_states`` were enough."""
        while len(self.moves) < len(self.states):
            number = len(self.moves)
            overrun.check(0)
            moves = []
            for index, move in enumerate(self.program.moves(self.states[number])):
                target = self._numbers.setdefault(move.target, len(self.states))
                if target == len(self.states):
                    self.states.append(move.target)
                    self.parents.append((number, index))
                moves.append(move._replace(target=target))
            self.moves.append(moves)
            if len(self.states) > max_states:
                return False
            if progress is not None and number % 4096 == 0:
                waiting = len(self.states) - len(self.moves)
                progress(Sight(len(self.states), waiting, len(self.path(number)), time.monotonic() - start, resident()))
        return True

    def enabled(self, number: int) -> set[Hashable]:
        """The threads that can move in a state."""
        return {move.thread for move in self.moves[number]}

    def path(self, number: int) -> list[tuple[int, int]]:
        """A shortest way from the initial state, as (state, move)."""
        way = []
        while number:
            number, index = self.parents[number]
            way.append((number, index))
        return way[::-1]
