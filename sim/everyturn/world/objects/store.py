"""The message store: a database that can be slow and can fail."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, NamedTuple

from everyturn.world.declarations import Column, Concerns, Declaration, Noticed, Outcomes, Values
from everyturn.world.gate import Port
from everyturn.world.objects.contexts import is_done, paths_above
from everyturn.world.results import Committed, Raised
from everyturn_impl.calls import Call, Context, Fault, StreamResult


class StoreState(NamedTuple):
    """What later operations need of the message store: whether it has messages, and the buffered (turn, message)s."""

    messages: bool = True
    buffered: frozenset[tuple[str, str]] = frozenset()


COLUMN: Final = Column(
    "store",
    first=lambda scope: StoreState(messages=not scope.new_session),
    parts={"messages": ("new_session",), "buffered": ()},
)

_CALLER: Final = 2
"""How long the path of a caller's context is that only a shutdown cancels; those of turns are longer."""


def _within_a_turn(arguments: tuple[Any, ...]) -> bool:
    return len(arguments[0].path) > _CALLER


_USAGE: Final = Noticed(("failures", "shutdown"), _within_a_turn)
"""What can fail and changes nothing that others see, under a caller's context: like a look at that."""


def _of_a_caller(arguments: tuple[Any, ...]) -> Concerns:
    """A Cancel can cancel the context only if the caller is a turn, which makes a summary."""
    return Concerns.CANCELS if arguments[0] is not None and _within_a_turn(arguments) else Concerns.NOBODY


def _fold(arguments: tuple[Any, ...]) -> Concerns:
    """A folded message is written under its turn's context, which a Cancel can cancel."""
    return Concerns.CANCELS if arguments[2] == "fold" else Concerns.NOBODY


def _writing(values: Values, context: Context | None, owner: str | None, result: Any, after: StoreState) -> Outcomes:
    """A read or a write that leaves the store as it is when it fails."""
    cancelled, store, budget = values
    if is_done(cancelled, context):
        return [(Raised(Fault("cancelled", owner)), values)]
    outcomes: Outcomes = [(result, (cancelled, after, budget))]
    if budget.failures:
        outcomes.append((Raised(Fault("store", owner)), (cancelled, store, budget.less("failures"))))
    return outcomes


def _creating(
    values: Values, context: Context | None, owner: str | None, result: Any, *, counts: bool = False
) -> Outcomes:
    """The write of a new message: one that fails may have been made all the same.

    That makes a difference if there were no messages before, or if it ``counts`` how often this one is stored.
    """
    after = values[1]._replace(messages=True)
    outcomes = _writing(values, context, owner, result, after)
    if counts or not values[1].messages:
        for failed, (cancelled, _, budget) in tuple(outcomes):
            if type(failed) is Raised:
                outcomes.append((Committed("committed", failed.fault), (cancelled, after, budget)))
    return outcomes


@Declaration(
    "store.read", reads=("contexts", "store.messages"), spends=("failures",), waits=True, concerns=_of_a_caller
)
def _read(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, owner = arguments
    return _writing(values, context, owner, values[1].messages, values[1])


@Declaration(
    "store.write_user",
    reads=("contexts",),
    changes=("store.messages",),
    spends=("failures",),
    waits=True,
    concerns=_fold,
)
def _write_user(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, prompt, _, turn = arguments
    owner = prompt if turn is None else turn.prompt
    return _creating(values, context, owner, None, counts=True)


@Declaration(
    "store.create_assistant",
    reads=("contexts",),
    changes=("store.messages",),
    spends=("failures",),
    waits=True,
    concerns=Concerns.CANCELS,
)
def _create_assistant(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, turn, number = arguments
    return _creating(values, context, turn.prompt, f"{turn.name}#{number}")


def _updating(values: Values, context: Context | None, turn: Context, message: str) -> Outcomes:
    """A write that is buffered when it fails."""
    store = values[1]
    buffered = (turn.name, message)
    written = store._replace(buffered=store.buffered - {buffered})
    kept = store._replace(buffered=store.buffered | {buffered})
    outcomes = _writing(values, context, turn.prompt, None, written)
    return [(result, (after[0], kept, after[2]) if type(result) is Raised else after) for result, after in outcomes]


@Declaration(
    "store.read_usage",
    reads=("contexts", "store"),
    spends=("failures",),
    waits=True,
    noticed=_USAGE,
    entries=paths_above,
    concerns=Concerns.CANCELS,
)
@Declaration(
    "store.save_usage",
    reads=("contexts", "store"),
    spends=("failures",),
    waits=True,
    noticed=_USAGE,
    entries=paths_above,
    concerns=Concerns.CANCELS,
)
def _count_usage(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, turn, _ = arguments
    return _writing(values, context, turn.prompt, None, values[1])


@Declaration(
    "store.read_results",
    reads=("contexts", "store"),
    spends=("failures",),
    waits=True,
    noticed=Noticed(("failures",)),
    concerns=Concerns.NOBODY,
)
def _read_results(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _writing(values, None, arguments[0].prompt, None, values[1])


@Declaration(
    "store.finish_step",
    reads=("contexts",),
    changes=("store.buffered",),
    spends=("failures",),
    waits=True,
    concerns=Concerns.CANCELS,
)
def _finish_step(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    turn, message = arguments
    return _updating(values, turn, turn, message)


@Declaration(
    "store.finish_turn",
    reads=("contexts",),
    changes=("store.buffered",),
    spends=("failures",),
    waits=True,
    concerns=Concerns.NOBODY,
)
def _finish_turn(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    turn, message = arguments
    return _updating(values, None, turn, message)


@Declaration(
    "store.record_cancelled",
    reads=("contexts",),
    changes=("store.messages",),
    spends=("failures",),
    waits=True,
    concerns=Concerns.NOBODY,
)
def _record_cancelled(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _creating(values, None, arguments[0], None)


@Declaration(
    "store.create_summary", reads=("contexts", "store"), spends=("failures",), waits=True, concerns=Concerns.CANCELS
)
def _create_summary(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    summary, context = arguments
    return _writing(values, context, summary.prompt, None, values[1])


@Declaration(
    "store.finish_summary", reads=("contexts", "store"), spends=("failures",), waits=True, concerns=Concerns.CANCELS
)
@Declaration(
    "store.save_session", reads=("contexts", "store"), spends=("failures",), waits=True, concerns=Concerns.CANCELS
)
def _summary_write(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    summary = arguments[0]
    return _writing(values, summary, summary.prompt, None, values[1])


@Declaration(
    "store.abandon_summary", reads=("contexts", "store"), spends=("failures",), waits=True, concerns=_of_a_caller
)
def _abandon_summary(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, summary, _ = arguments
    return _writing(values, context, summary.prompt, None, values[1])


@Declaration("store.flush", changes=("store.buffered",), waits=True, concerns=Concerns.NOBODY)
def _flush(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(buffered=frozenset()),))]


@Declaration(
    "store.flush_under", reads=("contexts",), changes=("store.buffered",), waits=True, concerns=Concerns.CANCELS
)
def _flush_under(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    cancelled, store = values
    kept = store.buffered if is_done(cancelled, arguments[0]) else frozenset()
    return [(None, (cancelled, store._replace(buffered=kept)))]


class StorePort(Port):
    """:class:`everyturn_impl.ports.Store` as operations."""

    object = "store"

    def read(self, context: Context, owner: str) -> Coroutine[Any, Any, bool]:
        return self._do("read", context, owner)

    def write_user(
        self, context: Context | None, call: Call, by: str, turn: Context | None
    ) -> Coroutine[Any, Any, None]:
        self._takes("write_user", context, call, by, turn)
        return self._made("write_user", context, call.prompt, by, turn)

    def create_assistant(self, context: Context | None, turn: Context, number: int) -> Coroutine[Any, Any, str]:
        return self._do("create_assistant", context, turn, number)

    def read_usage(self, context: Context, turn: Context, message: str) -> Coroutine[Any, Any, None]:
        return self._do("read_usage", context, turn, message)

    def save_usage(self, context: Context, turn: Context, message: str) -> Coroutine[Any, Any, None]:
        return self._do("save_usage", context, turn, message)

    def finish_step(self, turn: Context, message: str, result: StreamResult) -> Coroutine[Any, Any, None]:
        self._takes("finish_step", turn, message, result)
        return self._made("finish_step", turn, message)

    def read_results(self, turn: Context, message: str) -> Coroutine[Any, Any, None]:
        return self._do("read_results", turn, message)

    def finish_turn(self, turn: Context, message: str, fault: Fault) -> Coroutine[Any, Any, None]:
        self._takes("finish_turn", turn, message, fault)
        return self._made("finish_turn", turn, message)

    def record_cancelled(self, call: Call) -> Coroutine[Any, Any, None]:
        self._takes("record_cancelled", call)
        return self._made("record_cancelled", call.prompt)

    def create_summary(self, summary: Context, context: Context | None = None) -> Coroutine[Any, Any, None]:
        return self._do("create_summary", summary, context)

    def finish_summary(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("finish_summary", summary)

    def save_session(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("save_session", summary)

    def abandon_summary(self, context: Context | None, summary: Context, *, delete: bool) -> Coroutine[Any, Any, None]:
        return self._do("abandon_summary", context, summary, delete)

    def flush(self, owner: str | None) -> Coroutine[Any, Any, None]:
        self._takes("flush", owner)
        return self._made("flush")

    def flush_under(self, context: Context, owner: str | None) -> Coroutine[Any, Any, None]:
        return self._do("flush_under", context)
