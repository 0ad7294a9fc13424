"""What the threads of a session share, as far as it is seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SharedData:
    """The session's shared data at one moment; ``active`` is the turn or summary that the entry names."""

    active: str | None = None
    queue: tuple[str, ...] = ()
    reservations: int = 0
    mark: int = 0
    mutex: str | None = None
