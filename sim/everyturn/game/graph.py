"""What a level's page carries: every state of a small program, and every move from each. Made by explorers only.

Whoever plays walks along it; whether a goal can be reached, and in how many moves, is read off it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T", bound=Hashable)


class PlayStand(NamedTuple):
    """Where a thread or task stands in the code that the player sees, before its next access.

    ``line`` counts from 1 in the text that is shown, 0: not in it; ``first`` and ``last``: the columns of the access in
    that line, both 0 if it takes several. ``variables``: those that matter later, each with its value. ``next``: what
    it does when it goes on; empty: it has ended, as ``ended`` says.
    """

    line: int = 0
    first: int = 0
    last: int = 0
    variables: tuple[tuple[str, str], ...] = ()
    next: str = ""
    ended: str = ""


class PlayMove(NamedTuple):
    """What one choice of the player does: who goes on, what happens in words, the state after it, and, if that reaches
    the goal, what is said of it."""

    who: int
    told: str
    target: int
    wins: str | None


class PlayTable(Generic[T]):
    """Different values, each by its number in the order of arrival."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        """The number of a value, a new one if it has not been seen."""
        return self._numbers.setdefault(value, len(self._numbers))

    def __iter__(self) -> Iterator[T]:
        return iter(self._numbers)


@dataclass
class PlayGraph:
    """All states of a program, 0 the first.

    ``who``: the threads, or who acts from outside. ``objects``: names of what is shared. A state is the number of its
    shared values and, for each of ``who``, of a stand. ``moves``: of each state. ``wins_at_rest``: states in which
    nothing can move and which reach the goal, with what is said of it.
    """

    who: list[str]
    objects: tuple[str, ...]
    shared: PlayTable[tuple[str, ...]] = field(default_factory=PlayTable)
    stands: PlayTable[PlayStand] = field(default_factory=PlayTable)
    states: list[tuple[int, ...]] = field(default_factory=list)
    moves: list[list[PlayMove]] = field(default_factory=list)
    wins_at_rest: dict[int, str] = field(default_factory=dict)

    def shortest(self) -> list[int] | None:
        """The choices, each by its place among the moves, of a shortest way to the goal; none: there is none."""
        came: dict[int, tuple[int, int]] = {0: (-1, -1)}
        open_ = deque([0])
        while open_:
            state = open_.popleft()
            if state in self.wins_at_rest:
                return self._way(came, state)
            for place, move in enumerate(self.moves[state]):
                if move.wins is not None:
                    return [*self._way(came, state), place]
                if move.target not in came:
                    came[move.target] = state, place
                    open_.append(move.target)
        return None

    @staticmethod
    def _way(came: dict[int, tuple[int, int]], state: int) -> list[int]:
        way: list[int] = []
        while state:
            state, place = came[state]
            way.append(place)
        return way[::-1]

    def along(self, choices: Sequence[int]) -> Iterator[tuple[int, PlayMove]]:
        """Each state on the way that ``choices`` make, and the move that is made from it."""
        state = 0
        for place in choices:
            move = self.moves[state][place]
            yield state, move
            state = move.target
