"""The dispatch mutex: who holds it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from everyturn.errors import AgentFault
from everyturn.world.declarations import Column, Concerns, Declaration, Outcomes, Values
from everyturn.world.gate import Port


class NotHeld(AgentFault):
    """A thread unlocks what it does not hold; whoever knows says where it stands."""


COLUMN: Final = Column("mutex", first=lambda scope: None, seen=True, orders=False)


@Declaration("mutex.lock", changes=("mutex",), blocks=True, waits=True)
def _lock(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (thread,))] if values[0] is None else []


@Declaration("mutex.unlock", changes=("mutex",), concerns=Concerns.NOBODY)
def _unlock(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    if values[0] != thread:
        raise NotHeld(
            f"{thread} unlocks the dispatch mutex: expected to hold it, found {values[0] or 'nobody'} holding it"
        )
    return [(None, (None,))]


class MutexPort(Port):
    """:class:`everyturn_impl.ports.Mutex` as operations."""

    object = "mutex"

    def lock(self) -> Coroutine[Any, Any, None]:
        return self._do("lock")

    def unlock(self) -> Coroutine[Any, Any, None]:
        return self._do("unlock")
