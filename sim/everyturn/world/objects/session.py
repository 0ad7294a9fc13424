"""The session's own shared data: mutex, active entry, queue, reservations and mark, contexts."""

from __future__ import annotations

from typing import Any

from everyturn.errors import AgentFault
from everyturn.world.objects.table import Accepting, Outcomes, Values, handles, is_done
from everyturn_impl.calls import Reservation

# mutex, active, queue ---------------------------------------------------------------------------------------------


@handles("mutex.lock", "mutex")
def _lock(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (thread,))] if values[0] is None else []


@handles("mutex.unlock", "mutex")
def _unlock(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    if values[0] != thread:
        raise AgentFault(
            f"{thread} unlocks the dispatch mutex: expected to hold it, found {values[0] or 'nobody'} holding it"
        )
    return [(None, (None,))]


@handles("active.get", "active")
@handles("queue.get", "queue")
@handles("closing.get", "closing")
def _get(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0], values)]


@handles("active.set", "active")
@handles("queue.set", "queue")
def _set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (arguments[0],))]


@handles("active.delete", "active")
def _delete_active(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (None,))]


@handles("active.set_if_idle", "active")
def _set_if_idle(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(False, values)] if values[0] is not None else [(True, (arguments[0],))]


@handles("queue.delete", "queue")
def _delete_queue(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, ((),))]


@handles("queue.compare_and_set", "queue")
def _compare_and_set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before, after = arguments
    return [(True, (after,))] if values[0] == before else [(False, values)]


@handles("calls.accepted")
@handles("calls.returned")
def _call(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, values)]


@handles("closing.set", "closing")
def _close(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (True,))]


# reservations and mark --------------------------------------------------------------------------------------------


@handles("reservations.begin", "accepting")
def _begin(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before: Accepting = values[0]
    sequence = before.sequence + 1
    return [(Reservation(sequence), (Accepting(sequence, before.open | {sequence}, before.mark),))]


@handles("reservations.close", "accepting")
def _close_reservation(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before: Accepting = values[0]
    reservation, clears_mark = arguments
    if reservation.sequence not in before.open:
        return [(None, values)]
    still_open = before.open - {reservation.sequence}
    mark = 0 if clears_mark and not still_open else before.mark
    return [(None, (Accepting(before.sequence, still_open, mark),))]


@handles("reservations.count", "accepting")
def _count(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(len(values[0].open), values)]


@handles("reservations.look", "accepting")
def _look(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [((len(values[0].open), values[0].sequence), values)]


@handles("mark.get", "accepting")
def _get_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0].mark, values)]


@handles("mark.set", "accepting")
def _set_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(mark=arguments[0]),))]


@handles("mark.delete", "accepting")
def _delete_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(mark=0),))]


# contexts ---------------------------------------------------------------------------------------------------------


@handles("contexts.cancel", "contexts")
def _cancel(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    cancelled: frozenset[tuple[str, ...]] = values[0]
    if is_done(cancelled, arguments[0]):
        return [(None, values)]
    return [(None, (cancelled | {arguments[0].path},))]


@handles("contexts.done", "contexts")
def _done(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(is_done(values[0], arguments[0]), values)]
