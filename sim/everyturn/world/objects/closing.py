"""Whether the workspace is closing."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from everyturn.world.declarations import Column, Declaration, Noticed, Outcomes, Values, whole
from everyturn.world.gate import Port

COLUMN: Final = Column("closing", first=lambda scope: False)


@Declaration("closing.get", reads=("closing",), noticed=Noticed(("shutdown",)), entries=whole, begins=False)
def _get(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0], values)]


@Declaration("closing.set", changes=("closing",), noticed=Noticed(("shutdown",)), entries=whole, commutes=True)
def _set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (True,))]


class ClosingPort(Port):
    """:class:`everyturn_impl.ports.Closing` as operations."""

    object = "closing"

    def get(self) -> Coroutine[Any, Any, bool]:
        return self._do("get")

    def set(self) -> Coroutine[Any, Any, None]:
        return self._do("set")
