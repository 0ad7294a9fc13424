"""Accept reservations and the cancel mark: one column, as one step may change both."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, NamedTuple

from everyturn.world.declarations import Column, Declaration, Outcomes, Values
from everyturn.world.gate import Port
from everyturn_impl.calls import Reservation


class Accepting(NamedTuple):
    """Reservations and mark, which one step may change together: last sequence, open reservations, cancel mark."""

    sequence: int = 0
    open: frozenset[int] = frozenset()
    mark: int = 0


COLUMN: Final = Column("accepting", first=lambda scope: Accepting(), seen=True)


@Declaration("reservations.begin", changes=("accepting",))
def _begin(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before: Accepting = values[0]
    sequence = before.sequence + 1
    return [(Reservation(sequence), (Accepting(sequence, before.open | {sequence}, before.mark),))]


@Declaration("reservations.close", changes=("accepting",))
def _close_reservation(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before: Accepting = values[0]
    reservation, clears_mark = arguments
    if reservation.sequence not in before.open:
        return [(None, values)]
    still_open = before.open - {reservation.sequence}
    mark = 0 if clears_mark and not still_open else before.mark
    return [(None, (Accepting(before.sequence, still_open, mark),))]


@Declaration("reservations.count", reads=("accepting",))
def _count(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(len(values[0].open), values)]


@Declaration("reservations.look", reads=("accepting",))
def _look(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [((len(values[0].open), values[0].sequence), values)]


@Declaration("mark.get", reads=("accepting",))
def _get_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0].mark, values)]


@Declaration("mark.set", changes=("accepting",), instead="mark.delete removes the mark")
def _set_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(mark=arguments[0]),))]


@Declaration("mark.delete", changes=("accepting",))
def _delete_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(mark=0),))]


class ReservationsPort(Port):
    """:class:`everyturn_impl.ports.Reservations` as operations."""

    object = "reservations"

    def begin(self, prompt: str) -> Coroutine[Any, Any, Reservation]:
        return self._do("begin", prompt)

    def close(self, reservation: Reservation, *, clears_mark: bool = True) -> Coroutine[Any, Any, None]:
        return self._do("close", reservation, clears_mark)

    def count(self) -> Coroutine[Any, Any, int]:
        return self._do("count")

    def look(self) -> Coroutine[Any, Any, tuple[int, int]]:
        return self._do("look")


class MarkPort(Port):
    """:class:`everyturn_impl.ports.CancelMark` as operations."""

    object = "mark"

    def get(self) -> Coroutine[Any, Any, int]:
        return self._do("get")

    def set(self, mark: int) -> Coroutine[Any, Any, None]:
        return self._do("set", mark)

    def delete(self) -> Coroutine[Any, Any, None]:
        return self._do("delete")
