"""A Cancel that has nothing to cancel disturbs nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    DataChanged,
    Event,
    Submitted,
    SummariseCalled,
    SummaryReleased,
    TurnReleased,
    TurnStarted,
)
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.monitor import NotShown
from everyturn_model.monitor import Invariant, Kind, Needs, Violated
from everyturn_model.own_changes import OwnChanges
from everyturn_model.works import NO_WORKS, SEEN, Works


@dataclass(frozen=True, slots=True)
class Idle:
    """``works``: the turns and summaries under way; ``watched``: Cancels that found the session idle."""

    works: Works = NO_WORKS
    watched: tuple[OwnChanges, ...] = ()


def idle_cancel(state: Idle, event: Event, ledger: Ledger) -> Idle | Violated:
    """A Cancel that has nothing to cancel leaves shared data as it found it; what others write meanwhile is theirs."""
    works = state.works.after(event)
    match event:
        case CancelCalled(operation=operation, shared=shared):
            if works.under_way or shared.reservations or not all(ledger.is_over(life) for life in ledger):
                return state
            return replace(state, watched=tuple(sorted((*state.watched, OwnChanges(operation)))))
        case DataChanged():
            return replace(state, watched=tuple(own.after(event) for own in state.watched))
        case CancelReturned(operation=operation, shared=shared):
            left = {part for own in state.watched if own.operation == operation for part in own.left(shared)}
            if left:
                return Violated(f"a Cancel in an idle session changed shared data: {', '.join(sorted(left))}")
            return replace(state, watched=tuple(own for own in state.watched if own.operation != operation))
        case Submitted() | TurnStarted() | SummariseCalled() | TurnReleased() | SummaryReleased():
            return Idle(works)
    return replace(state, works=works)


IDLE_CANCEL: Final = Invariant(
    "idle-cancel",
    "A Cancel that finds the session idle changes nothing.",
    Kind.ALWAYS,
    idle_cancel,
    Idle(),
    Needs(cancels=1),
    sees=(CancelCalled, CancelReturned, DataChanged, Submitted, SummariseCalled, *SEEN),
    log=NotShown("the log does not show the shared data before and after a Cancel"),
    guards=("idle-unchanged",),
    mutant="IdleCancel",
)
