"""Pieces of runs, put together by cases of the specification."""

from __future__ import annotations

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    Completed,
    ContextCancelled,
    Event,
    FailureCause,
    MessageWritten,
    Queued,
    SharedData,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummariseCalled,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect

Log = tuple[Event, ...]

CLEAN = SharedData()
CALL = CancelCalled("c", CLEAN)
EFFECT = CancelTakesEffect("c")
BACK = CancelReturned("c", CLEAN)
CANCEL: Log = (CALL, EFFECT, BACK)
REACHED: Log = (CALL, ContextCancelled("p.1"), EFFECT, BACK)
"""A Cancel that cancels the context of p's turn."""

CLEAR: Log = (ClearCalled("q"), ClearTakesEffect("q"))
ASK = SummariseCalled("s")
STORE, BY_CANCEL = FailureCause.STORE, FailureCause.CANCELLED


def new(prompt: str, *, run_id: bool = True) -> Submitted:
    return Submitted(prompt, run_id=run_id, accepted=True)


def start(prompt: str, number: int = 1, thread: str | None = None) -> TurnStarted:
    return TurnStarted(f"{prompt}.{number}", prompt, thread or prompt)


def wrote(prompt: str, by: Writer = Writer.TURN) -> MessageWritten:
    return MessageWritten(prompt, by)


def ends(how: StreamEnd, prompt: str = "p", number: int = 1, *, full: bool = False) -> StreamEnded:
    return StreamEnded(f"{prompt}.{number}", how, full)


def told(
    prompt: str = "p",
    *,
    cancelled: bool = False,
    error: bool = False,
    message: str | None = None,
    kept: bool = False,
    owner: str | None = None,
    thread: str = "clerk",
) -> Completed:
    return Completed(prompt, True, not kept, cancelled, error, thread, message, owner)


def queued(prompt: str, *, run_id: bool = True) -> Log:
    return (new(prompt, run_id=run_id), Queued(prompt))


def taken(prompt: str, *, run_id: bool = True) -> Log:
    return (*queued(prompt, run_id=run_id), TakenOut(prompt))


def begun(prompt: str = "p") -> Log:
    return (new(prompt), start(prompt), wrote(prompt))


def streams(prompt: str = "p") -> Log:
    return (*begun(prompt), StreamStarted(f"{prompt}.1"))


def ended(how: StreamEnd = StreamEnd.FINISHED, prompt: str = "p") -> Log:
    return (*streams(prompt), ends(how, prompt))


def over(how: StreamEnd = StreamEnd.FINISHED, prompt: str = "p") -> Log:
    return (*ended(how, prompt), TurnReleased(f"{prompt}.1"))


FULL: Log = (*streams(), ends(StreamEnd.TOOL, full=True), TurnReleased("p.1"))
"""A turn that was left to be summarised, with work to do."""

FINISHED, TOOL, ERROR = StreamEnd.FINISHED, StreamEnd.TOOL, StreamEnd.ERROR
CANCELLED, UNAUTHORISED = StreamEnd.CANCELLED, StreamEnd.UNAUTHORISED
