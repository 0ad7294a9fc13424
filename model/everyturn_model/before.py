"""Which hidden steps may have happened before something that needs none, and which must have.

A step that the log has yet to tell of, and that is not possible later, is *due*: not to take it forbids more. Others
are options: both ways are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn_model.drops import dropped
from everyturn_model.events import (
    CancelledOnEntry,
    CancelReturned,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    Folded,
    Queued,
    ReadFailed,
    Returned,
    StepFailed,
    StreamStarted,
    TakenOut,
    TurnReleased,
    TurnStarted,
)
from everyturn_model.facts import Facts
from everyturn_model.lifecycle import Phase
from everyturn_model.marks import Seen
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.state import OpenOperation, OperationKind, Stage, State
from everyturn_model.ways import Either, Ways, placed

_MAY_BE_FOLDED: Final = (Phase.NEW, Phase.LIVE, Phase.QUEUED, Phase.TAKEN)


def options(state: State, want: Seen, facts: Facts) -> Ways:
    """The hidden steps that may have happened before ``want``, which does not need them, and not later."""
    return placed(want, _options(state, want.event, facts))


def due(state: State, want: Seen, facts: Facts) -> Ways:
    """The hidden steps that must have happened before ``want`` if they can have: they are still to be told, and not
    possible later."""
    return placed(want, _due(state, want.event, facts))


def _folds(state: State, cancel: OpenOperation, facts: Facts) -> Iterator[Seen]:
    """A drain had decided to fold before the Cancel reached prompt or host; the write of the message is still to
    come."""
    for name in sorted(facts.called):
        fold = facts.fold_to_come(name)
        host = fold.prompt if fold is not None and state.turn is None else state.turn and state.turn.prompt
        if fold is not None and cancel.found & {name, host} and state.prompt(name).phase in _MAY_BE_FOLDED:
            yield fold


def _folds_into(turn: str, state: State, facts: Facts) -> Iterator[Seen]:
    """What is said later to have been folded into a turn, before it can be folded no more."""
    for name in sorted(facts.called):
        fold = facts.fold_to_come(name)
        if fold is not None and fold.event == Folded(name, turn) and state.runs(turn, Stage.PREPARING):
            yield fold


def _due(state: State, event: Event, facts: Facts) -> Iterator[Event | Seen | Either]:
    match event:
        case StreamStarted(turn=turn) if "messages-written" in facts.lacks.guards:
            yield from _folds_into(turn, state, facts)
        case TurnReleased(turn=turn) | StepFailed(turn=turn):
            yield from _folds_into(turn, state, facts)
        case ReadFailed(prompt=name) if state.turn is not None and state.turn.prompt == name:
            yield from _folds_into(state.turn.name, state, facts)
        case CancelTakesEffect(operation=name):
            cancel = state.operation(OperationKind.CANCEL, name)
            if cancel is not None:
                yield from _folds(state, cancel, facts)
        case ClearTakesEffect(operation=name):
            clear = state.operation(OperationKind.CLEAR, name)
            for name in sorted(clear.found if clear is not None else ()):
                if state.prompt(name).phase is Phase.QUEUED and facts.will_begin(name):
                    yield TakenOut(name)
        case Returned(prompt=name) if not facts.lacks.fates and state.prompt(name).phase is Phase.NEW:
            yield from dropped(state.prompt(name), facts)
        case TurnStarted(prompt=name):
            if facts.starts_once(name):
                yield from _queued_before(state, name, facts)
        case CancelledOnEntry(prompt=name) | FailedBeforeTurn(prompt=name):
            yield from _queued_before(state, name, facts)


def _queued_before(state: State, name: str, facts: Facts) -> Iterator[Event]:
    if state.prompt(name).phase is Phase.LIVE and facts.will_be_queued(name):
        yield Queued(name)


def _options(state: State, event: Event, facts: Facts) -> Iterator[Event | Seen | Either]:
    match event:
        case CancelTakesEffect():
            yield from untold_stream(state, facts)
        case CancelReturned():
            summary = facts.summary_to_come()
            if summary is not None and state.summary is None and state.open(OperationKind.SUMMARISE):
                yield summary
        case Returned(prompt=name) | ErrorNotified(prompt=name):
            if state.prompt(name).phase is Phase.NEW and name in facts.called:
                yield facts.called[name]
        case TurnStarted(prompt=name):
            yield from _queued_before(state, name, facts)


def untold_stream(state: State, facts: Facts) -> Iterator[Event]:
    """A stream of which no line tells may have begun by now."""
    if StreamStarted in facts.lacks.events and state.turn is not None and state.turn.stage is Stage.PREPARING:
        yield StreamStarted(state.turn.name)
