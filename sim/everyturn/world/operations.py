"""Operations as data: what a dispatcher's accesses become when it awaits a port."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any, Final, NamedTuple

OWN: Final = "own."
"""How the names of a dispatcher's own shared objects begin in operations."""
WAIT: Final = "wait_"
"""How the methods of operations begin that may have to wait, on such an object."""
CALLS: Final = "calls"
"""The object of operations that are the world's own."""


class Operation(NamedTuple):
    """One access to a shared object: its name, the method and the arguments, all comparable by value."""

    object: str
    method: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.object}.{self.method}"


def in_short(operations: Iterable[Operation]) -> str:
    """The names of operations that were made one after the other; those that repeat themselves are counted."""
    runs = ((name, len(list(alike))) for name, alike in groupby(map(str, operations)))
    return " ".join(
        name if often == 1 else f"{name} ×{often}" if often > 2 else f"{name} {name}" for name, often in runs
    )


class Note(NamedTuple):
    """A journal entry: what no operation shows."""

    kind: str
    prompt: str
    detail: str = ""
