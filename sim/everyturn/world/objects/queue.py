"""The queue of waiting calls, oldest first."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from everyturn.world.declarations import Column, Declaration, Outcomes, Values
from everyturn.world.gate import Port
from everyturn_impl.calls import Call

COLUMN: Final = Column("queue", first=lambda scope: (), seen=True, handed_out=True)


@Declaration("queue.get", reads=("queue",))
def _get(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0], values)]


@Declaration("queue.set", changes=("queue",), instead="queue.delete empties the queue")
def _set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (arguments[0],))]


@Declaration("queue.delete", changes=("queue",))
def _delete(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, ((),))]


@Declaration("queue.compare_and_set", changes=("queue",))
def _compare_and_set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before, after = arguments
    return [(True, (after,))] if values[0] == before else [(False, values)]


class QueuePort(Port):
    """:class:`everyturn_impl.ports.Queue` as operations."""

    object = "queue"

    def get(self) -> Coroutine[Any, Any, tuple[Call, ...]]:
        return self._do("get")

    def set(self, calls: tuple[Call, ...]) -> Coroutine[Any, Any, None]:
        return self._do("set", calls)

    def delete(self) -> Coroutine[Any, Any, None]:
        return self._do("delete")

    def compare_and_set(self, before: tuple[Call, ...], after: tuple[Call, ...]) -> Coroutine[Any, Any, bool]:
        return self._do("compare_and_set", before, after)
