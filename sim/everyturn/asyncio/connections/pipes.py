"""Bytes on their way in one direction of a connection: in order, and arriving whenever and in pieces as the world
likes.

Nothing is decided before somebody looks. How much has arrived is decided when it is read, any number of the bytes that
are on their way; so is whether a reset has overtaken them.
"""

from __future__ import annotations

from typing import Final

MOST_CUTS: Final = 64
"""Of so many bytes on their way every number may have arrived; of more the first, all but the last, and whole
writes."""


class Pipe:
    """One direction of a connection.

    ``ended``: its writer has said that nothing follows. ``unheard``: its reader is gone, what is written is lost.
    ``reset``: its writer is gone and has been written to, so a reset is on its way; ``overtakes``: the reset may be
    seen before the bytes that are on their way, and in place of the end. ``holds``: bytes written and not read that
    there is room for. ``whole``: writes are not cut.
    """

    def __init__(self, holds: int, *, whole: bool) -> None:
        self.data = b""
        self.holds = holds
        self.whole = whole
        self.writes: list[int] = []
        """Where in ``data`` writes ended, as far as that matters."""
        self.ended = False
        self.unheard = False
        self.reset = False
        self.overtakes = False

    @property
    def room(self) -> int:
        """How many bytes more it takes."""
        return max(0, self.holds - len(self.data))

    @property
    def readable(self) -> bool:
        """Whether something can have arrived: bytes, the end, or a reset."""
        return bool(self.data) or self.ended or self.overtakes

    def write(self, data: bytes) -> None:
        """Send ``data``, for which there is room."""
        if self.unheard:
            return
        self.data += data
        self.writes.append(len(self.data))
        self._forget_writes()

    def sizes(self, most: int) -> list[int]:
        """How many bytes may have arrived, the most first; of those at most ``most`` are read."""
        length = len(self.data)
        if not self.whole and length <= MOST_CUTS:
            return list(range(min(length, most), 0, -1))
        cuts = set(self.writes) | {length}
        if not self.whole:
            before = {0, *self.writes}
            cuts |= {each + 1 for each in before if each < length} | {each - 1 for each in cuts if each > 1}
        return sorted({min(each, most) for each in cuts}, reverse=True)

    @property
    def is_sampled(self) -> bool:
        """Whether :meth:`sizes` leaves some out."""
        return len(self.data) > (1 if self.whole else MOST_CUTS)

    def read(self, size: int) -> bytes:
        """Take so many bytes."""
        taken, self.data = self.data[:size], self.data[size:]
        self.writes = [each - size for each in self.writes if each > size]
        self._forget_writes()
        return taken

    def _forget_writes(self) -> None:
        if not self.whole and len(self.data) <= MOST_CUTS:
            self.writes = []

    def drop(self) -> None:
        """Nobody reads what is on its way, nor what follows."""
        self.unheard = True
        self.data, self.writes = b"", []
