"""What an onlooker sees: events derived from operations, and from the journal only what no operation shows.

An agent cannot testify for itself: that a turn began, a prompt was queued or a completion delivered is read off the
operation that did it. The journal adds which calls a drain folded or dropped, who was cancelled on entry, and that a
turn's own summary failed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final, NamedTuple

from everyturn.world.answers import answered
from everyturn.world.objects import BY_NAME, COLUMNS, OPERATIONS, Accepting, Values, columns
from everyturn.world.operations import Note, Operation
from everyturn.world.results import Committed, fault_of
from everyturn_impl.calls import Call, Completion, Context, Fault, StepEnd
from everyturn_model import events as ev


class Step(NamedTuple):
    """One operation that was made: by whom, what came of it, and the touched columns before and after."""

    thread: str
    operation: Operation
    result: Any
    before: Values
    after: Values
    notes: tuple[Note, ...] = ()


Reader = Callable[[Step], Iterator[ev.Event]]
_READERS: Final[dict[str, Reader]] = {}
"""Operation → what it shows."""


def observe(step: Step) -> tuple[ev.Event, ...]:
    """The events that ``step`` shows, in order: those of the operation, then those of the journal."""
    reader = _READERS.get(str(step.operation))
    if reader is None and not step.notes:
        return ()
    shown = () if reader is None else tuple(reader(step))
    noted = tuple(event for note in step.notes for event in _noted(note, step))
    return tuple(dict.fromkeys((*shown, *noted)))


def is_read(operation: Operation) -> bool:
    """Whether something may be seen of ``operation`` itself."""
    return str(operation) in _READERS


SHARED_DATA: Final = tuple(name for name, column in BY_NAME.items() if column.seen)
"""The columns that an onlooker sees of the session's shared data; :func:`shared_data` looks at no others."""


def shared_data(values: Values) -> ev.SharedData:
    """The session's shared data, as invariants look at it."""
    row = {name: value for name, value in zip(COLUMNS, values, strict=True) if name in SHARED_DATA}
    accepting: Accepting = row["accepting"]
    return ev.SharedData(
        active=None if row["active"] is None else row["active"].name,
        queue=tuple(call.prompt for call in row["queue"]),
        reservations=len(accepting.open),
        mark=accepting.mark,
        mutex=row["mutex"],
    )


def changed(step: Step) -> Iterator[ev.DataChanged]:
    """That a step changed what threads share, but for the mutex, which is let go of anyhow."""
    before, after = ev.SharedData(), ev.SharedData()
    own: list[str] = []
    for column, old, new in zip(columns(step.operation), step.before, step.after, strict=True):
        if column == "own":
            values = dict(old)
            own += [name for name, value in new if value != values[name]]
        elif column in SHARED_DATA and old != new:
            before, after = _with(before, column, old), _with(after, column, new)
    before, after = replace(before, mutex=None), replace(after, mutex=None)
    if own or before != after:
        yield ev.DataChanged(step.thread, before, after, tuple(own))


def _with(shared: ev.SharedData, column: str, value: Any) -> ev.SharedData:
    """``shared``, with what an onlooker sees of one column."""
    seen = shared_data(tuple(value if name == column else _NOTHING.get(name) for name in COLUMNS))
    names = ("reservations", "mark") if column == "accepting" else (column,)
    return replace(shared, **{name: getattr(seen, name) for name in names})


_NOTHING: Final[dict[str, Any]] = {"queue": (), "accepting": Accepting()}
"""Columns of shared data in which there is nothing; in the others it is none."""


def _noted(note: Note, step: Step) -> Iterator[ev.Event]:
    match note.kind:
        case "emptied" if step.operation.object == "queue":
            for call in step.before[0]:
                yield ev.Dropped(call.prompt, ev.DropReason(note.detail))
        case "folded":
            yield ev.Folded(note.prompt, note.detail)
        case "dropped":
            yield ev.Dropped(note.prompt, ev.DropReason(note.detail))
        case "cancelled_on_entry":
            yield ev.CancelledOnEntry(note.prompt)
        case "summary_failed":
            yield ev.SummaryFailed(note.prompt, cancelled=note.detail == "cancelled")


def _reads(*names: str) -> Callable[[Reader], Reader]:
    def register(reader: Reader) -> Reader:
        for name in names:
            assert tuple(name.split(".")) in OPERATIONS, f"{name}: expected an operation that is declared"
            _READERS[name] = reader
        return reader

    return register


def is_summary(context: Context) -> bool:
    """Whether a context is a summary's."""
    return context.path[-1].startswith("summary")


def _turn_above(summary: Context) -> str | None:
    """The turn that a summary was made within, none for a user's."""
    return None if summary.prompt is None else "/".join(summary.path[1:-1])


@_reads("active.set", "active.set_if_idle")
def _active_set(step: Step) -> Iterator[ev.Event]:
    if step.result is False:
        return
    work: Context = step.operation.arguments[0]
    if is_summary(work):
        yield ev.SummaryStarted(work.name, step.thread, _turn_above(work))
    else:
        yield ev.TurnStarted(work.name, work.prompt or "", step.thread)


@_reads("active.delete", "active.delete_if")
def _active_deleted(step: Step) -> Iterator[ev.Event]:
    work: Context = step.operation.arguments[0]
    yield ev.SummaryReleased(work.name) if is_summary(work) else ev.TurnReleased(work.name)


@_reads("contexts.cancel")
def _context_cancelled(step: Step) -> Iterator[ev.Event]:
    yield ev.ContextCancelled(step.operation.arguments[0].name)


@_reads("queue.set", "queue.delete", "queue.compare_and_set")
def _queue_changed(step: Step) -> Iterator[ev.Event]:
    before: tuple[Call, ...] = step.before[0]
    after: tuple[Call, ...] = step.after[0]
    clears = step.thread.startswith(("cancel", "clear", "shutdown"))
    for call in before:
        if call not in after:
            yield ev.TakenOut(call.prompt)
            if clears:
                yield ev.Dropped(call.prompt, ev.DropReason.CLEARED)
    for call in after:
        if call not in before:
            yield ev.Queued(call.prompt)


def _cause(fault: Fault) -> ev.FailureCause:
    return ev.FailureCause.CANCELLED if fault.kind == "cancelled" else ev.FailureCause.STORE


@_reads("store.read")
def _read(step: Step) -> Iterator[ev.Event]:
    context, owner = step.operation.arguments
    reads_for_a_turn = "/" not in owner and context.prompt != owner
    fault = fault_of(step.result)
    if fault is not None and reads_for_a_turn:
        yield ev.ReadFailed(owner, _cause(fault))


@_reads("store.write_user")
def _user_written(step: Step) -> Iterator[ev.Event]:
    _, prompt, by, turn = step.operation.arguments
    name = None if turn is None else turn.name
    fault = fault_of(step.result)
    if fault is not None:
        stored = type(step.result) is Committed
        yield ev.MessageFailed(prompt, ev.Writer(by), _cause(fault), name, stored=stored)
    else:
        yield ev.MessageWritten(prompt, ev.Writer(by), name)


@_reads("store.create_assistant")
def _assistant_created(step: Step) -> Iterator[ev.Event]:
    turn: Context = step.operation.arguments[1]
    fault = fault_of(step.result)
    if fault is not None:
        yield ev.StepFailed(turn.name, _cause(fault))
    else:
        yield ev.StepPrepared(turn.name, step.result)


@_reads("store.finish_step", "store.finish_turn")
def _final_written(step: Step) -> Iterator[ev.Event]:
    turn, message = step.operation.arguments
    fault = fault_of(step.result)
    if fault is not None:
        decides = step.operation.method == "finish_turn"
        yield ev.FinalFailed(turn.name, message, _cause(fault), decides)
    else:
        yield ev.FinalStored(turn.name, message)


@_reads("store.flush", "store.flush_under")
def _flushed(step: Step) -> Iterator[ev.Event]:
    for turn, message in sorted(step.before[-1].buffered - step.after[-1].buffered):
        yield ev.FinalStored(turn, message)


@_reads("model.ready")
def _not_ready(step: Step) -> Iterator[ev.Event]:
    if fault_of(step.result) is not None:
        yield ev.FailedBeforeTurn(step.operation.arguments[0])


@_reads("model.start")
def _stream_started(step: Step) -> Iterator[ev.Event]:
    work: Context = step.result.context
    if is_summary(work):
        yield ev.SummaryStreamStarted(work.name, step.thread, _turn_above(work))
    else:
        yield ev.StreamStarted(work.name, step.result.cancelled)


_HOW: Final = {
    StepEnd.FINISHED: ev.StreamEnd.FINISHED,
    StepEnd.TOOL: ev.StreamEnd.TOOL,
    StepEnd.ERROR: ev.StreamEnd.ERROR,
    StepEnd.UNAUTHORISED: ev.StreamEnd.UNAUTHORISED,
    StepEnd.CANCELLED: ev.StreamEnd.CANCELLED,
}


@_reads("model.end")
def _stream_ended(step: Step) -> Iterator[ev.Event]:
    stream = step.operation.arguments[0]
    how = _HOW[step.result.how]
    if is_summary(stream.context):
        yield ev.SummaryStreamEnded(stream.context.name, how)
    else:
        yield ev.StreamEnded(stream.context.name, how, step.result.full)


def _addressee(completion: Completion) -> str:
    """Who is told: whose run id it carries, whatever prompt it says it is about. Without run id nobody waits for it.

    A world numbers prompts and run ids alike: r1 is the run id of p1.
    """
    run_id = completion.run_id
    return completion.prompt if run_id is None else re.sub(r"\Ar(?=\d+\Z)", "p", run_id)


def _completed(step: Step, completion: Completion, *, delivered: bool) -> ev.Completed:
    prompt = _addressee(completion)
    return ev.Completed(
        prompt=prompt,
        run_id=completion.run_id is not None,
        delivered=delivered,
        cancelled=completion.cancelled,
        error=completion.fault is not None and completion.fault.kind != "cancelled",
        thread=step.thread,
        message=completion.message,
        owner=answered(completion.text, prompt),
        error_owner=None if completion.fault is None else completion.fault.owner,
        lost=step.result == "lost",
    )


@_reads("broker.publish")
def _published(step: Step) -> Iterator[ev.Event]:
    yield _completed(step, step.operation.arguments[0], delivered=True)


@_reads("hooks.keep")
def _kept(step: Step) -> Iterator[ev.Event]:
    yield _completed(step, step.operation.arguments[1], delivered=False)


@_reads("broker.notify_error")
def _notified(step: Step) -> Iterator[ev.Event]:
    prompt, fault, run_id = step.operation.arguments
    yield ev.ErrorNotified(prompt, run_id, fault.owner, lost=step.result == "lost")
