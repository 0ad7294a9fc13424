"""Events and marks in the words of a maintainer who reads a log of his agent."""

from __future__ import annotations

from everyturn.runs.event_text import event_text
from everyturn_model import events as ev
from everyturn_model.marks import (
    EndIsTold,
    RunCalled,
    SubmitCalled,
    SubmitReturned,
    TurnEnded,
    WasDropped,
    WasFolded,
    WasQueued,
)
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect


def words(event: ev.Event) -> str:
    """What an event tells, in a clause."""
    return _of_prompt(event) or _of_turn(event) or _of_notice(event) or _of_session(event) or event_text(event)


def _of_prompt(event: ev.Event) -> str | None:
    match event:
        case SubmitCalled(prompt=p, run_id=waits):
            return f"{p} is about to be submitted" + ("; a client waits for it" if waits else "")
        case SubmitReturned(prompt=p):
            return f"{p} has been submitted"
        case RunCalled(prompt=p):
            return f"the agent takes {p}"
        case WasQueued(prompt=p):
            return f"{p} was put into the queue"
        case WasFolded(prompt=p, turn=turn):
            return f"{p} was folded into turn {turn}"
        case WasDropped(prompt=p, entry=entry):
            return f"{p} was {'cancelled before its turn' if entry else 'dropped'}"
        case ev.Submitted(prompt=p):
            return f"{p} is there"
        case ev.Refused(prompt=p):
            return f"{p} is refused"
        case ev.Queued(prompt=p):
            return f"{p} enters the queue"
        case ev.TakenOut(prompt=p):
            return f"{p} leaves the queue"
        case ev.Folded(prompt=p, turn=turn):
            return f"turn {turn} folds {p} into its conversation"
        case ev.Dropped(prompt=p, reason=reason):
            return f"{p} is dropped ({reason})"
        case ev.CancelledOnEntry(prompt=p):
            return f"{p} is cancelled before its turn"
        case ev.FailedBeforeTurn(prompt=p):
            return f"{p} fails before its turn"
        case ev.Returned(prompt=p, failed=failed):
            return f"the thread of {p} returns" + (" its error" if failed else "")
    return None


def _of_turn(event: ev.Event) -> str | None:
    match event:
        case ev.TurnStarted(turn=turn, prompt=p, thread=thread):
            again = f" (turn {turn})" if turn != p else ""
            elsewhere = f" (thread {thread})" if thread not in (p, "") and not thread.startswith("?") else ""
            return f"the turn of {p} begins{again}{elsewhere}"
        case ev.MessageWritten(prompt=p, by=by):
            how = {ev.Writer.FOLD: ", as one more message of the running turn"}.get(by, "")
            return f"the message of {p} is stored{how}"
        case ev.MessageFailed(prompt=p, stored=stored):
            return f"the message of {p} {'is stored although its write failed' if stored else 'cannot be stored'}"
        case ev.ReadFailed(prompt=p):
            return f"the session cannot be read for {p}"
        case ev.StepPrepared(turn=turn):
            return f"turn {turn} prepares a step"
        case ev.StepFailed(turn=turn, cause=cause):
            return f"turn {turn} cannot prepare its step ({cause})"
        case ev.StreamStarted(turn=turn):
            return f"the model is asked in turn {turn}"
        case ev.StreamEnded(turn=turn, how=how):
            return f"the answer in turn {turn} ends: {how}"
        case TurnEnded(prompt=p, outcome=outcome):
            return f"the turn of {p} has ended" + (f": {outcome}" if outcome else "")
        case ev.FinalStored(turn=turn):
            return f"the answer of turn {turn} is stored"
        case ev.FinalFailed(turn=turn):
            return f"the answer of turn {turn} cannot be stored"
        case ev.TurnReleased(turn=turn):
            return f"turn {turn} gives up the session: it is idle"
    return None


def _of_notice(event: ev.Event) -> str | None:
    match event:
        case ev.Completed(prompt=p, delivered=True):
            return f"the client of {p} is told: {event.tells}"
        case ev.Completed(prompt=p, thread=thread):
            return f"the completion of {p} ({event.tells}) is kept (thread {thread})"
        case EndIsTold(prompt=p):
            return f"the client of {p} is about to be told how it ended"
        case ev.ErrorNotified(prompt=p, owner=owner, lost=lost):
            error = "an error" if owner in (None, p) else f"an error of {owner}"
            return f"the client of {p} is told of {error}" + (", but the notification is lost" if lost else "")
    return None


def _of_session(event: ev.Event) -> str | None:
    match event:
        case ev.CancelCalled(operation=name):
            return f"Cancel is called ({name})"
        case CancelTakesEffect(operation=name):
            return f"{name} has reached everything that it found"
        case ev.CancelReturned(operation=name):
            return f"{name} returns"
        case ev.ContextCancelled(context=name):
            return f"the context of {name or 'the workspace'} is cancelled"
        case ev.DataChanged(thread=name):
            return f"{name} changes shared data"
        case ev.ClearCalled(operation=name):
            return f"ClearQueue is called ({name})"
        case ClearTakesEffect(operation=name):
            return f"{name} has reached everything that it found"
        case ev.ClearReturned(operation=name):
            return f"{name} returns"
        case ev.SummariseCalled(operation=name):
            return f"a summary is asked for ({name})"
        case ev.SummariseReturned(operation=name):
            return f"{name} returns"
        case ev.SummaryStarted(summary=name):
            return f"{_summary(name)} begins"
        case ev.SummaryStreamStarted(summary=name):
            return f"the model is asked for {_summary(name)}"
        case ev.SummaryStreamEnded(summary=name):
            return f"the answer for {_summary(name)} ends"
        case ev.SummaryReleased(summary=name):
            return f"{_summary(name)} gives up the session: it is idle"
        case ev.SummaryFailed(turn=turn):
            return f"the summary of turn {turn} fails"
        case ev.ShutdownBegan():
            return "the workspace begins to shut down"
        case ev.Rest():
            return "rest: nothing can move any more"
    return None


def _summary(name: str) -> str:
    return f"the summary {name.removeprefix('summary:')}"
