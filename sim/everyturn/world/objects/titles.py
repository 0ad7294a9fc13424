"""The titles of a new session that are being generated, each on a thread of its own."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from everyturn.world.declarations import Column, Declaration, Outcomes, Values
from everyturn.world.gate import Port

COLUMN: Final = Column("titles", first=lambda scope: frozenset(), by_entry=True)


@Declaration("titles.start", changes=("titles",))
def _start(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] | {arguments[0]},))]


@Declaration("titles.end", changes=("titles",), blocks=True, waits=True)
def _end(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] - {arguments[0]},))] if arguments[0] in values[0] else []


@Declaration("titles.join", reads=("titles",), blocks=True, waits=True)
def _join(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [] if arguments[0] in values[0] else [(None, values)]


class TitlesPort(Port):
    """:class:`everyturn_impl.ports.Titles` as operations."""

    object = "titles"

    def start(self, prompt: str) -> Coroutine[Any, Any, None]:
        return self._do("start", prompt)

    def join(self, prompt: str) -> Coroutine[Any, Any, None]:
        return self._do("join", prompt)

    def end(self, prompt: str) -> Coroutine[Any, Any, None]:
        """The end of the title's own thread; blocks until it was started."""
        return self._do("end", prompt)
