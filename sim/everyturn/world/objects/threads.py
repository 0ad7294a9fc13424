"""The server's threads that have begun and not ended."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from everyturn.world.declarations import Column, Concerns, Declaration, Noticed, Outcomes, Values, whole
from everyturn.world.gate import Port

COLUMN: Final = Column("threads", first=lambda scope: frozenset(), by_entry=True)


@Declaration("threads.start", changes=("threads",), waits=True, concerns=Concerns.NOBODY)
def _start(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] | {arguments[0]},))]


@Declaration(
    "threads.end",
    changes=("threads",),
    noticed=Noticed(("shutdown",)),
    entries=whole,
    commutes=True,
    concerns=Concerns.NOBODY,
)
def _end(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] - {arguments[0]},))]


@Declaration("threads.join_all", reads=("threads",), blocks=True, waits=True, entries=whole)
def _join_all(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [] if values[0] else [(None, values)]


class ThreadsPort(Port):
    """:class:`everyturn_impl.ports.Threads` as operations."""

    object = "threads"

    def start(self, name: str) -> Coroutine[Any, Any, None]:
        return self._do("start", name)

    def end(self, name: str) -> Coroutine[Any, Any, None]:
        """A server thread counts itself as ended."""
        return self._do("end", name)

    def join_all(self) -> Coroutine[Any, Any, None]:
        return self._do("join_all")
