"""The way to each state: from which one it was found first, and by which move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.explorer.numbering import KeyNumbers


class Predecessors:
    """For each state but the first, its predecessor and the number of the move that led from there, in the order of
    finding."""

    def __init__(self) -> None:
        self._count = 1
        self._parents: NDArray[np.uint32] = np.zeros(1024, np.uint32)
        self._moves: NDArray[np.uint16] = np.zeros(1024, np.uint16)

    @property
    def parents(self) -> NDArray[np.uint32]:
        """The number of each state's predecessor."""
        return self._parents[: self._count]

    @property
    def moves(self) -> NDArray[np.uint16]:
        """The number of the move that led to each state."""
        return self._moves[: self._count]

    @property
    def nbytes(self) -> int:
        """Bytes of memory in use."""
        return self.parents.nbytes + self.moves.nbytes

    def add(self, states: int, parents: KeyNumbers, moves: KeyNumbers) -> None:
        """Where the last ones of so many states come from: those that are new."""
        self._count = states
        self.reserve(states)
        self._parents[states - len(parents) : states] = parents
        self._moves[states - len(moves) : states] = moves

    @property
    def arrays(self) -> tuple[NDArray[np.uint32], NDArray[np.uint16]]:
        """Predecessors and moves with the room for more, as compiled loops take them."""
        return self._parents, self._moves

    def reserve(self, states: int) -> None:
        """Make room for so many states."""
        if states > len(self._parents):
            room = max(states, len(self._parents) + len(self._parents) // 2)
            self._parents.resize(room, refcheck=False)
            self._moves.resize(room, refcheck=False)

    def entered(self, states: int) -> None:
        """Compiled loops have entered where states come from: now there are so many."""
        self._count = states

    def path(self, state: int) -> list[tuple[int, int]]:
        """The path by which a state was found, a shortest one: each state on it, and the number of the move that is
        made there."""
        path = []
        while state > 0:
            move, state = int(self._moves[state]), int(self._parents[state])
            path.append((state, move))
        path.reverse()
        return path

    def restore(self, parents: NDArray[np.uint32], moves: NDArray[np.uint16]) -> None:
        """Take over what was known of the first states."""
        self._count = len(parents)
        self._parents, self._moves = (np.require(each, each.dtype, ["C", "W"]) for each in (parents, moves))
