"""Room for documents that are held in memory until they are whole: too long a one is refused before memory is full."""

from __future__ import annotations

from typing import Final

from everyturn.errors import UsageError

LIMIT: Final = 64_000_000
"""Longer documents of this kind are not written, in characters: nothing shows them, and vector clocks grow as a
square."""


class Room:
    """Counts what one document takes; ``what`` it is stands in the error."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._left = LIMIT

    def take(self, piece: str) -> str:
        """The same piece. Raises :class:`UsageError` if the document gets too long."""
        self._left -= len(piece)
        if self._left < 0:
            raise UsageError(
                f"{self._what}: expected a document of at most {LIMIT:,} characters; found a longer log: convert a "
                f"part of it"
            )
        return piece
