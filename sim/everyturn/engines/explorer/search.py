"""What every exhaustive search offers, whichever way it goes about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from everyturn.engines.coroutines.transitions import Transitions
from everyturn_model.events import Event


class Search(Protocol):
    """An exhaustive search of one world."""

    @property
    def transitions(self) -> Transitions:
        """The world's steps, one by one, worked out in this process when they are asked for."""

    @property
    def explored(self) -> Transitions:
        """The steps that the exploration rests on; made again here, if another process has made them."""

    @property
    def events(self) -> Iterator[Event]:
        """Every event that was seen."""

    @property
    def peak_elsewhere(self) -> int:
        """The most bytes of memory that other processes ever held for it."""

    def round(self) -> str | None:
        """Where threads can go round for ever, in words; none if every run ends. Asked when the exploration is
        complete."""

    def close(self) -> None:
        """End other processes, if there are any."""
