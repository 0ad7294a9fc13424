"""The active entry: which turn or summary is running."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from everyturn.world.declarations import Column, Declaration, Outcomes, Values
from everyturn.world.gate import Port
from everyturn_impl.calls import Context

COLUMN: Final = Column("active", first=lambda scope: None, seen=True, handed_out=True)


@Declaration("active.get", reads=("active",))
def _get(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0], values)]


@Declaration("active.set", changes=("active",), instead="active.delete makes the session idle")
def _set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (arguments[0],))]


@Declaration("active.delete", changes=("active",))
def _delete(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (None,))]


@Declaration("active.delete_if", changes=("active",))
def _delete_if(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(True, (None,))] if values[0] == arguments[0] else [(False, values)]


@Declaration("active.set_if_idle", changes=("active",))
def _set_if_idle(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(False, values)] if values[0] is not None else [(True, (arguments[0],))]


class ActivePort(Port):
    """:class:`everyturn_impl.ports.Active` as operations."""

    object = "active"

    def get(self) -> Coroutine[Any, Any, Context | None]:
        return self._do("get")

    def set(self, work: Context) -> Coroutine[Any, Any, None]:
        return self._do("set", work)

    def delete(self, work: Context) -> Coroutine[Any, Any, None]:
        return self._do("delete", work)

    def delete_if(self, work: Context) -> Coroutine[Any, Any, bool]:
        return self._do("delete_if", work)

    def set_if_idle(self, work: Context) -> Coroutine[Any, Any, bool]:
        return self._do("set_if_idle", work)
