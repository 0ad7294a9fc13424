"""What of a run an onlooker without access to shared data sees: partial logs, as the specification's vocabulary tells
them.

A recording of a real agent becomes one line by line; a run of our own by leaving out what such an agent does not log
(:data:`HIDDEN`). The places of a recording are the lines of its file, those of a run are its events, counted from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from everyturn.formats import crush_lines as line
from everyturn.formats.crush_dispatch import RecordedRun
from everyturn.formats.crush_turns import DROPS, Turns
from everyturn.world.answers import answered
from everyturn_model import events as ev
from everyturn_model.marks import RunCalled, Seen, SubmitCalled, SubmitReturned, WasQueued

SUMMARY: Final = "summary:"
"""A summary's turn is called this and its operation."""

_BY: Final = {
    "turn": ev.Writer.TURN,
    "fold": ev.Writer.FOLD,
    "cancel_on_entry": ev.Writer.CANCEL_ON_ENTRY,
}
_HOW: Final = {
    "finish": ev.StreamEnd.FINISHED,
    "tool": ev.StreamEnd.TOOL,
    "error": ev.StreamEnd.ERROR,
    "cancelled": ev.StreamEnd.CANCELLED,
}

HIDDEN: Final = (
    ev.Submitted,
    ev.Queued,
    ev.TakenOut,
    ev.Folded,
    ev.Dropped,
    ev.CancelledOnEntry,
    ev.TurnStarted,
    ev.TurnReleased,
    ev.StepPrepared,
    ev.FinalStored,
    ev.FinalFailed,
    ev.SummaryStarted,
    ev.SummaryReleased,
    ev.ContextCancelled,
    ev.DataChanged,
)
"""What a recording does not tell, or only by what follows from it."""


def of_recording(run: RecordedRun) -> list[Seen]:
    """What the lines of a recorded run tell, in their order. A turn has the name of its prompt."""
    turns = Turns()
    scenario = {each.id: each for each in run.begin.scenario.prompts}
    kept: dict[str, line.CompletionLine] = {}
    seen: list[Seen] = []
    for number, event in run.logged:
        turns.see(event)
        if isinstance(event, line.CompletionLine) and event.via == "hook":
            kept[event.thread] = event
        match event:
            case line.AcceptCall(prompt=prompt):
                seen.append(Seen(number, SubmitCalled(prompt, scenario[prompt].waits, True)))
            case line.RunCall(prompt=prompt, mode=mode):
                if mode == "in_process":
                    seen.append(Seen(number, SubmitCalled(prompt, scenario[prompt].waits, False)))
                seen.append(Seen(number, RunCalled(prompt)))
            case line.RunReturn():
                seen += _returned(number, event)
            case line.CompletionLine() | line.Delivery():
                seen += _told(number, event, turns, kept)
            case line.AgentErrorLine(prompt=prompt, run_id=run_id):
                owner = turns.returned.get(prompt, prompt)
                seen.append(Seen(number, ev.ErrorNotified(prompt, run_id is not None, owner)))
            case line.UserMessage() | line.StoreFailed():
                seen += _message(number, event, turns)
            case line.StreamStartLine() | line.StreamEndLine():
                seen.append(_stream(number, event))
            case _:
                seen += _operation(number, event)
    return seen


def _returned(number: int, event: line.RunReturn) -> Iterator[Seen]:
    turns = event.turns.split()
    own = not turns or turns[-1] == event.prompt
    if event.outcome == "busy-queued":
        yield Seen(number, WasQueued(event.prompt))
    failed = own and event.outcome in ("error", "cancelled")
    yield Seen(number, ev.Returned(event.prompt, failed), event.prompt, event.prompt)


def _told(
    number: int, event: line.CompletionLine | line.Delivery, turns: Turns, kept: dict[str, line.CompletionLine]
) -> Iterator[Seen]:
    """A completion without run id names nobody. A delivery's error is that of the completion that was kept."""
    delivered = isinstance(event, line.Delivery) or event.via == "broker"
    thread = event.prompt if isinstance(event, line.Delivery) else event.thread
    told = kept.pop(thread, None) if isinstance(event, line.Delivery) else event
    subject = turns.subject(event)
    if event.run_id is None or subject is None:
        return
    fault = None if told is None else told.error
    current = turns.last.get(thread)
    dropped = told is None or told.by in DROPS or told.by == "cancel_on_entry"
    owner = answered(event.text, subject)
    yield Seen(
        number,
        ev.Completed(
            subject,
            True,
            delivered,
            event.cancelled,
            fault is not None and not event.cancelled,
            thread,
            owner=owner or None,
            error_owner=None if fault is None or dropped or current is None or delivered else current,
        ),
        subject,
        thread,
    )


def _message(number: int, event: line.UserMessage | line.StoreFailed, turns: Turns) -> Iterator[Seen]:
    by = _BY.get(event.by or "")
    if by is None:
        return
    host = None if by is ev.Writer.CANCEL_ON_ENTRY else turns.carrier(event.prompt)
    if isinstance(event, line.UserMessage):
        yield Seen(number, ev.MessageWritten(event.prompt, by, host), host, event.thread)
    else:
        yield Seen(number, ev.MessageFailed(event.prompt, by, _cause(), host), host, event.thread)


def _cause() -> ev.FailureCause:
    """A recording's store fails only because of a Cancel."""
    return ev.FailureCause.CANCELLED


def _stream(number: int, event: line.StreamStartLine | line.StreamEndLine) -> Seen:
    summary = event.turn.startswith(SUMMARY)
    told: ev.Event
    if isinstance(event, line.StreamStartLine):
        told = ev.SummaryStreamStarted(event.turn, event.thread) if summary else ev.StreamStarted(event.turn)
    else:
        how = _HOW[event.how]
        told = ev.SummaryStreamEnded(event.turn, how) if summary else ev.StreamEnded(event.turn, how)
    return Seen(number, told, None if summary else event.turn, event.thread)


def _operation(number: int, event: line.CrushEvent) -> Iterator[Seen]:
    told: ev.Event
    match event:
        case line.AcceptReturn(prompt=prompt):
            told = SubmitReturned(prompt)
        case line.CancelCall(op=name):
            told = ev.CancelCalled(name, ev.SharedData())
        case line.CancelReturn(op=name):
            told = ev.CancelReturned(name, ev.SharedData())
        case line.ClearCall(op=name):
            told = ev.ClearCalled(name)
        case line.ClearReturn(op=name):
            told = ev.ClearReturned(name)
        case line.SummarizeCall(op=name):
            told = ev.SummariseCalled(name)
        case line.SummarizeReturn(op=name):
            told = ev.SummariseReturned(name)
        case line.EndLine():
            active = "an active entry" if event.busy else None
            told = ev.Rest(ev.SharedData(active, event.queued, event.accepted, event.mark))
        case _:
            return
    yield Seen(number, told)


def of_events(events: Iterable[ev.Event]) -> list[Seen]:
    """What an onlooker would have seen of a run of our own."""
    told = list(events)
    turns: dict[str, tuple[str | None, str]] = {}
    for each in told:
        match each:
            case ev.TurnStarted(turn=turn, prompt=prompt, thread=thread):
                turns[turn] = (prompt, thread)
            case ev.SummaryStarted(summary=summary, thread=thread):
                turns[summary] = (None, thread)
    seen: list[Seen] = []
    queued: set[str] = set()
    for place, event in enumerate(told, 1):
        if isinstance(event, ev.Queued):
            queued.add(event.prompt)
        elif isinstance(event, ev.Returned) and event.prompt in queued:
            seen += (Seen(place, WasQueued(event.prompt)), Seen(place, event))
        elif isinstance(event, ev.Submitted):
            seen.append(Seen(place, SubmitCalled(event.prompt, event.run_id, event.accepted)))
            seen.append(Seen(place, RunCalled(event.prompt)))
            if event.accepted:
                seen.append(Seen(place, SubmitReturned(event.prompt)))
        elif isinstance(event, ev.Completed):
            seen.append(Seen(place, replace(event, message=None), event.prompt, event.thread))
        elif not _is_hidden(event):
            carrier = getattr(event, "turn", None) or getattr(event, "summary", None)
            seen.append(Seen(place, event, *turns.get(carrier or "", (None, None))))
    return seen


def _is_hidden(event: ev.Event) -> bool:
    by_cancel = getattr(event, "cause", None) is ev.FailureCause.CANCELLED
    return isinstance(event, HIDDEN) or (by_cancel and isinstance(event, ev.StepFailed | ev.ReadFailed))
