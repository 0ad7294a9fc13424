"""The frontier of a search by levels: which states are explored, which chunk is next, and where each level begins.

States are numbered in the order in which they are found, so a level is a range of numbers and needs no memory of its
own.
"""

from __future__ import annotations

from typing import Final

CHUNK: Final = 1 << 15
"""The most states that are expanded at once."""
_FEW: Final = 1 << 12
_MUCH: Final = 1.25


class Frontier:
    """Every state below ``done`` is explored; ``levels`` are the numbers at which levels begin, and where the last one
    ends."""

    def __init__(self) -> None:
        self.levels = [0, 1]
        self.done = 0

    def after(self, begun: int, states: int) -> tuple[int, int] | None:
        """The numbers of the states of the chunk that is next when those below ``begun`` are under way or done, of so
        many.

        None if its states are not all known yet. Chunks are the same whatever is known when they are begun: one of a
        level that is not whole yet begins early.
        """
        *_, before, first, end = (0, *self.levels)
        if begun < end:
            return begun, min(begun + _size(first - before), end)
        size = _size(end - first)
        return (begun, begun + size) if self.done < begun and begun + size <= states else None

    @property
    def is_at_level_start(self) -> bool:
        """Whether the last level has begun, and none of its states is explored."""
        return self.done == self.levels[-2]

    @property
    def is_at_level_end(self) -> bool:
        """Whether all states of the last level are explored."""
        return self.done == self.levels[-1]

    @property
    def grows(self) -> bool:
        """Whether the last level is much larger than the fourth before it, so that many more states are to come."""
        levels = self.levels
        if len(levels) < 6:
            return False
        return levels[-1] - levels[-2] > _MUCH * (levels[-5] - levels[-6])

    def begin_level(self, states: int) -> bool:
        """Begin the next level if the last one is explored and more states were found since; whether it did."""
        begins = self.is_at_level_end and self.done < states
        if begins:
            self.levels.append(states)
        return begins

    def guess(self, states: int) -> int | None:
        """A guess of the states still to come, once levels have begun to shrink."""
        if len(self.levels) <= 3:
            return None
        last, before = self.levels[-2] - self.levels[-3], self.levels[-3] - self.levels[-4]
        return int((states - self.levels[-2]) * before / (before - last)) if last < before else None

    def restore(self, levels: list[int], done: int) -> None:
        """Go on from here."""
        self.levels, self.done = list(levels), done


def _size(level: int) -> int:
    """How many states of the level after one of this many are expanded at once: so few that there are several
    chunks."""
    return max(1, min(CHUNK, max(_FEW, level // 4)))
