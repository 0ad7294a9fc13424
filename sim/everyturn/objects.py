"""Shared objects as values: what one operation does, said once for every engine.

The shared state of a world is one value for each column of :data:`COLUMNS`. :func:`apply` takes the values of the
columns that an operation touches and returns every possible ``(result, new values)``: none, the operation is blocked;
several, a choice that belongs to the world (a stream's end, a failing store).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from everyturn.errors import AgentFault
from everyturn.operations import Operation, Raised
from everyturn.scope import Scope
from everyturn_impl.calls import Completion, Context, Fault, Reservation, StepEnd, Stream, StreamResult

COLUMNS: Final[tuple[str, ...]] = (
    "mutex",
    "active",
    "queue",
    "accepting",
    "contexts",
    "store",
    "budget",
    "titles",
    "hooks",
    "threads",
    "closing",
)


class Accepting(NamedTuple):
    """Reservations and mark, which one step may change together: last sequence, open reservations, cancel mark."""

    sequence: int = 0
    open: frozenset[int] = frozenset()
    mark: int = 0


class Store(NamedTuple):
    """What later operations need of the message store: whether it has messages, and the buffered (turn, message)s."""

    messages: bool = True
    buffered: frozenset[tuple[str, str]] = frozenset()


class Budget(NamedTuple):
    """How often the world may still be unkind."""

    errors: int = 0
    tools: int = 0
    failures: int = 0
    refusals: int = 0
    losses: int = 0
    nearly_full: int = 0

    def less(self, name: str) -> Budget:
        """The budget after one use of ``name``."""
        return self._replace(**{name: getattr(self, name) - 1})


Values = tuple[Any, ...]
Outcomes = list[tuple[Any, Values]]
Handler = Callable[[Values, tuple[Any, ...], str], Outcomes]

_HANDLERS: Final[dict[tuple[str, str], tuple[tuple[str, ...], Handler]]] = {}


def initial(scope: Scope) -> Values:
    """The values of all columns when a world of ``scope`` begins."""
    return (
        None,
        None,
        (),
        Accepting(),
        frozenset(),
        Store(messages=not scope.new_session),
        Budget(scope.errors, scope.tools, scope.failures, scope.refusals, scope.losses, scope.nearly_full),
        frozenset(),
        (),
        frozenset(),
        False,
    )


def columns(operation: Operation) -> tuple[str, ...]:
    """The columns that ``operation`` reads or writes. Raises :class:`KeyError` for one that is not known."""
    return _HANDLERS[operation.object, operation.method][0]


def apply(operation: Operation, values: Values, thread: str) -> Outcomes:
    """Every outcome of ``operation`` by ``thread``, given the values of its :func:`columns`."""
    return _HANDLERS[operation.object, operation.method][1](values, operation.arguments, thread)


def _handles(name: str, *touched: str) -> Callable[[Handler], Handler]:
    obj, method = name.split(".")

    def register(handler: Handler) -> Handler:
        _HANDLERS[obj, method] = (touched, handler)
        return handler

    return register


def is_done(cancelled: frozenset[tuple[str, ...]], context: Context | None) -> bool:
    """Whether ``context`` or one above it is among the cancelled paths; a detached one (none) never is."""
    if context is None or not cancelled:
        return False
    return any(context.path[:length] in cancelled for length in range(len(context.path) + 1))


# mutex, active, queue ---------------------------------------------------------------------------------------------


@_handles("mutex.lock", "mutex")
def _lock(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (thread,))] if values[0] is None else []


@_handles("mutex.unlock", "mutex")
def _unlock(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    if values[0] != thread:
        raise AgentFault(
            f"{thread} unlocks the dispatch mutex: expected to hold it, found {values[0] or 'nobody'} holding it"
        )
    return [(None, (None,))]


@_handles("active.get", "active")
@_handles("queue.get", "queue")
@_handles("closing.get", "closing")
def _get(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0], values)]


@_handles("active.set", "active")
@_handles("queue.set", "queue")
def _set(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (arguments[0],))]


@_handles("active.delete", "active")
def _delete_active(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (None,))]


@_handles("active.set_if_idle", "active")
def _set_if_idle(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(False, values)] if values[0] is not None else [(True, (arguments[0],))]


@_handles("queue.delete", "queue")
def _delete_queue(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, ((),))]


@_handles("closing.set", "closing")
def _close(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (True,))]


# reservations and mark --------------------------------------------------------------------------------------------


@_handles("reservations.begin", "accepting")
def _begin(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before: Accepting = values[0]
    sequence = before.sequence + 1
    return [(Reservation(sequence), (Accepting(sequence, before.open | {sequence}, before.mark),))]


@_handles("reservations.close", "accepting")
def _close_reservation(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    before: Accepting = values[0]
    reservation, clears_mark = arguments
    if reservation.sequence not in before.open:
        return [(None, values)]
    still_open = before.open - {reservation.sequence}
    mark = 0 if clears_mark and not still_open else before.mark
    return [(None, (Accepting(before.sequence, still_open, mark),))]


@_handles("reservations.count", "accepting")
def _count(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(len(values[0].open), values)]


@_handles("reservations.look", "accepting")
def _look(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [((len(values[0].open), values[0].sequence), values)]


@_handles("mark.get", "accepting")
def _get_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(values[0].mark, values)]


@_handles("mark.set", "accepting")
def _set_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(mark=arguments[0]),))]


@_handles("mark.delete", "accepting")
def _delete_mark(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(mark=0),))]


# contexts ---------------------------------------------------------------------------------------------------------


@_handles("contexts.cancel", "contexts")
def _cancel(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    cancelled: frozenset[tuple[str, ...]] = values[0]
    if is_done(cancelled, arguments[0]):
        return [(None, values)]
    return [(None, (cancelled | {arguments[0].path},))]


@_handles("contexts.done", "contexts")
def _done(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(is_done(values[0], arguments[0]), values)]


# store ------------------------------------------------------------------------------------------------------------

_STORING: Final = ("contexts", "store", "budget")


def _writing(values: Values, context: Context | None, owner: str | None, result: Any, after: Store) -> Outcomes:
    """A write that leaves the store as it is when it fails."""
    cancelled, store, budget = values
    if is_done(cancelled, context):
        return [(Raised(Fault("cancelled", owner)), values)]
    outcomes: Outcomes = [(result, (cancelled, after, budget))]
    if budget.failures:
        outcomes.append((Raised(Fault("store", owner)), (cancelled, store, budget.less("failures"))))
    return outcomes


@_handles("store.read", *_STORING)
def _read(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, owner = arguments
    return _writing(values, context, owner, values[1].messages, values[1])


@_handles("store.write_user", *_STORING)
def _write_user(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, prompt, _, turn = arguments
    owner = prompt if turn is None else turn.prompt
    return _writing(values, context, owner, None, values[1]._replace(messages=True))


@_handles("store.create_assistant", *_STORING)
def _create_assistant(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, turn, number = arguments
    return _writing(values, context, turn.prompt, f"{turn.name}#{number}", values[1]._replace(messages=True))


def _updating(values: Values, context: Context | None, turn: Context, message: str) -> Outcomes:
    """A write that is buffered when it fails."""
    store = values[1]
    buffered = (turn.name, message)
    written = store._replace(buffered=store.buffered - {buffered})
    kept = store._replace(buffered=store.buffered | {buffered})
    outcomes = _writing(values, context, turn.prompt, None, written)
    return [(result, (after[0], kept, after[2]) if type(result) is Raised else after) for result, after in outcomes]


@_handles("store.finish_step", *_STORING)
def _finish_step(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    turn, message = arguments
    return _updating(values, turn, turn, message)


@_handles("store.finish_turn", *_STORING)
def _finish_turn(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    turn, message = arguments
    return _updating(values, None, turn, message)


@_handles("store.record_cancelled", *_STORING)
def _record_cancelled(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _writing(values, None, arguments[0], None, values[1]._replace(messages=True))


@_handles("store.create_summary", *_STORING)
@_handles("store.finish_summary", *_STORING)
@_handles("store.save_session", *_STORING)
def _summary_write(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    summary = arguments[0]
    return _writing(values, summary, summary.prompt, None, values[1])


@_handles("store.abandon_summary", *_STORING)
def _abandon_summary(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, summary, _ = arguments
    return _writing(values, context, summary.prompt, None, values[1])


@_handles("store.flush", "store")
def _flush(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(buffered=frozenset()),))]


# model ------------------------------------------------------------------------------------------------------------


@_handles("model.ready", "budget")
def _ready(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    outcomes: Outcomes = [(None, values)]
    if values[0].failures:
        outcomes.append((Raised(Fault("not-configured", arguments[0])), (values[0].less("failures"),)))
    return outcomes


@_handles("model.start", "contexts")
def _start_stream(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, prompt, number = arguments
    return [(Stream(context, prompt, number, is_done(values[0], context)), values)]


@_handles("model.end", "contexts", "budget")
def _end_stream(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    stream: Stream = arguments[0]
    cancelled, budget = values
    full = bool(budget.nearly_full) and stream.prompt is not None
    after = budget.less("nearly_full") if full else budget
    if stream.cancelled:
        return [(StreamResult(StepEnd.CANCELLED), (cancelled, after))]
    text = "" if stream.prompt is None else f"answer:{stream.prompt}"
    outcomes: Outcomes = [(StreamResult(StepEnd.FINISHED, text, full), (cancelled, after))]
    if budget.tools and stream.prompt is not None:
        outcomes.append((StreamResult(StepEnd.TOOL, "", full), (cancelled, after.less("tools"))))
    if budget.errors:
        outcomes.append((StreamResult(StepEnd.ERROR), (cancelled, after.less("errors"))))
    if budget.refusals:
        outcomes.append((StreamResult(StepEnd.UNAUTHORISED), (cancelled, after.less("refusals"))))
    if is_done(cancelled, stream.context):
        outcomes.append((StreamResult(StepEnd.CANCELLED), (cancelled, after)))
    return outcomes


# titles, threads --------------------------------------------------------------------------------------------------


@_handles("titles.start", "titles")
def _start_title(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] | {arguments[0]},))]


@_handles("titles.end", "titles")
def _end_title(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] - {arguments[0]},))] if arguments[0] in values[0] else []


@_handles("titles.join", "titles")
def _join_title(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [] if arguments[0] in values[0] else [(None, values)]


@_handles("threads.start", "threads")
def _start_thread(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] | {arguments[0]},))]


@_handles("threads.end", "threads")
def _end_thread(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] - {arguments[0]},))]


@_handles("threads.join_all", "threads")
def _join_threads(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [] if values[0] else [(None, values)]


# completions ------------------------------------------------------------------------------------------------------


@_handles("broker.publish", "budget")
def _publish(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    outcomes: Outcomes = [("delivered", values)]
    if values[0].losses:
        outcomes.append(("lost", (values[0].less("losses"),)))
    return outcomes


@_handles("broker.notify_error")
def _notify_error(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, values)]


@_handles("hooks.keep", "hooks")
def _keep(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    hook, completion = arguments
    others = [pair for pair in values[0] if pair[0] != hook]
    return [(None, (tuple(sorted((*others, (hook, completion)), key=lambda pair: pair[0])),))]


@_handles("hooks.take", "hooks")
def _take(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    kept: Completion | None = None
    for hook, completion in values[0]:
        if hook == arguments[0]:
            kept = completion
    return [(kept, (tuple(pair for pair in values[0] if pair[0] != arguments[0]),))]


# scheduling points ------------------------------------------------------------------------------------------------

_WAITS: Final = frozenset({"mutex.lock", "model.end", "titles.end", "titles.join", "threads.join_all", "threads.start"})


def is_scheduling_point(operation: Operation, scope: Scope, granularity: str) -> bool:
    """Whether other threads may run just before ``operation``.

    With granularity ``access`` every step of ``docs/semantics.md`` 2 is one; with ``await`` only what can block or
    waits for the world. What only its own thread can notice in ``scope`` never is one.
    """
    name = f"{operation.object}.{operation.method}"
    match operation.object:
        case "hooks":
            point = bool(scope.nearly_full)
        case "closing":
            point = bool(scope.shutdown)
        case "threads":
            point = bool(scope.shutdown) or name == "threads.start"
        case "contexts" if operation.method == "done":
            point = bool(scope.shutdown) or operation.arguments[0].prompt is not None
        case "model" if operation.method == "ready":
            point = bool(scope.failures)
        case _:
            point = True
    if granularity == "access" or not point:
        return point
    return name in _WAITS or operation.object == "store" or (name == "broker.publish" and bool(scope.losses))
