"""What a strategy sees of an access that waits: whose it is, what it is called, and what it depends on."""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol


class Footprint(NamedTuple):
    """Which locations an access touches, and which of those it may change: sets of small numbers, as bits."""

    touched: int = 0
    written: int = 0

    def __or__(self, other: tuple[int, ...]) -> Footprint:
        """Both together."""
        return Footprint(self.touched | other[0], self.written | other[1])

    def depends_on(self, other: Footprint) -> bool:
        """Whether exchanging two neighbours with these footprints may make a difference: one writes what both touch."""
        return bool(self.written & other.touched or self.touched & other.written)


NOWHERE: Final = Footprint()
EVERYWHERE: Final = Footprint(1, 1)
"""Of an access that depends on all others that are said to be everywhere."""


class Access(Protocol):
    """One thread's wish to make one access to shared data."""

    @property
    def thread(self) -> int:
        """The thread's number."""
        ...

    @property
    def name(self) -> str:
        """What kind of access it is."""
        ...

    @property
    def footprint(self) -> Footprint:
        """Before it is made, what it may touch. Right afterwards, all that its thread touched until its next one."""
        ...
