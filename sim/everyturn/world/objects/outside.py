"""The world around a session: message store, language model, titles, threads, who is told."""

from __future__ import annotations

from typing import Any, Final

from everyturn.world.objects.table import Outcomes, Store, Values, handles, is_done
from everyturn.world.results import Committed, Raised
from everyturn_impl.calls import Completion, Context, Fault, StepEnd, Stream, StreamResult

# store ------------------------------------------------------------------------------------------------------------

_STORING: Final = ("contexts", "store", "budget")


def _writing(values: Values, context: Context | None, owner: str | None, result: Any, after: Store) -> Outcomes:
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


@handles("store.read", *_STORING)
def _read(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, owner = arguments
    return _writing(values, context, owner, values[1].messages, values[1])


@handles("store.write_user", *_STORING)
def _write_user(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, prompt, _, turn = arguments
    owner = prompt if turn is None else turn.prompt
    return _creating(values, context, owner, None, counts=True)


@handles("store.create_assistant", *_STORING)
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


@handles("store.read_usage", *_STORING)
@handles("store.save_usage", *_STORING)
def _count_usage(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, turn, _ = arguments
    return _writing(values, context, turn.prompt, None, values[1])


@handles("store.read_results", *_STORING)
def _read_results(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _writing(values, None, arguments[0].prompt, None, values[1])


@handles("store.finish_step", *_STORING)
def _finish_step(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    turn, message = arguments
    return _updating(values, turn, turn, message)


@handles("store.finish_turn", *_STORING)
def _finish_turn(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    turn, message = arguments
    return _updating(values, None, turn, message)


@handles("store.record_cancelled", *_STORING)
def _record_cancelled(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _creating(values, None, arguments[0], None)


@handles("store.create_summary", *_STORING)
def _create_summary(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    summary, context = arguments
    return _writing(values, context, summary.prompt, None, values[1])


@handles("store.finish_summary", *_STORING)
@handles("store.save_session", *_STORING)
def _summary_write(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    summary = arguments[0]
    return _writing(values, summary, summary.prompt, None, values[1])


@handles("store.abandon_summary", *_STORING)
def _abandon_summary(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, summary, _ = arguments
    return _writing(values, context, summary.prompt, None, values[1])


@handles("store.flush", "store")
def _flush(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0]._replace(buffered=frozenset()),))]


@handles("store.flush_under", "contexts", "store")
def _flush_under(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    cancelled, store = values
    kept = store.buffered if is_done(cancelled, arguments[0]) else frozenset()
    return [(None, (cancelled, store._replace(buffered=kept)))]


# model ------------------------------------------------------------------------------------------------------------


@handles("model.ready", "budget")
def _ready(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    outcomes: Outcomes = [(None, values)]
    if values[0].failures:
        outcomes.append((Raised(Fault("not-configured", arguments[0])), (values[0].less("failures"),)))
    return outcomes


@handles("model.start", "contexts")
def _start_stream(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    context, prompt, number = arguments
    return [(Stream(context, prompt, number, is_done(values[0], context)), values)]


@handles("model.end", "contexts", "budget")
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


@handles("titles.start", "titles")
def _start_title(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] | {arguments[0]},))]


@handles("titles.end", "titles")
def _end_title(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] - {arguments[0]},))] if arguments[0] in values[0] else []


@handles("titles.join", "titles")
def _join_title(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [] if arguments[0] in values[0] else [(None, values)]


@handles("threads.start", "threads")
def _start_thread(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] | {arguments[0]},))]


@handles("threads.end", "threads")
def _end_thread(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, (values[0] - {arguments[0]},))]


@handles("threads.join_all", "threads")
def _join_threads(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [] if values[0] else [(None, values)]


# completions ------------------------------------------------------------------------------------------------------


def _publishing(values: Values, losses: str) -> Outcomes:
    outcomes: Outcomes = [("delivered", values)]
    if getattr(values[0], losses):
        outcomes.append(("lost", (values[0].less(losses),)))
    return outcomes


@handles("broker.publish", "budget")
def _publish(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _publishing(values, "losses")


@handles("broker.notify_error", "budget")
def _notify_error(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return _publishing(values, "notices")


@handles("hooks.keep", "hooks")
def _keep(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    hook, completion = arguments
    others = [pair for pair in values[0] if pair[0] != hook]
    return [(None, (tuple(sorted((*others, (hook, completion)), key=lambda pair: pair[0])),))]


@handles("hooks.take", "hooks")
def _take(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    kept: Completion | None = None
    for hook, completion in values[0]:
        if hook == arguments[0]:
            kept = completion
    return [(kept, (tuple(pair for pair in values[0] if pair[0] != arguments[0]),))]
