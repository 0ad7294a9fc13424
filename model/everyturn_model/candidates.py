"""Everything that might happen next at small bounds, right or wrong: what exploration offers to the specification.

Nothing here decides; the guards do. Only the bounds of the environment are kept here: how many operations, errors and
failures there may be. Names are made up from those of the prompts: a turn is ``p1.1``, its message ``m-p1.1``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    CancelCalled,
    CancelledOnEntry,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Completed,
    ContextCancelled,
    Dropped,
    DropReason,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    FailureCause,
    FinalFailed,
    FinalStored,
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    ReadFailed,
    Refused,
    Rest,
    Returned,
    SharedData,
    ShutdownBegan,
    StepFailed,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummariseCalled,
    SummariseReturned,
    SummaryFailed,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    SummaryStreamStarted,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.lifecycle import Phase
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.prompts import Prompt
from everyturn_model.spec.state import OperationKind, State

WORKER: Final = "worker"
"""The thread that runs prompts from the queue; prompts that never waited run on their own."""

CLERK: Final = "clerk"
"""A thread that runs nothing and may tell of everything."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much the environment may still do. ``prompts``: who may be submitted, ``"A"``, ``"a"``, ``"I"`` or ``"i"``.

    The numbers are those of a scope: ``tools`` rounds, ``errors`` and ``unauthorised`` errors of streams, ``failures``
    of the store, ``full`` times a context that is nearly full. ``kept``: completions may go to a hook first.
    ``returns``: it is told when a prompt's thread ends. ``interrupted``: a Cancel may make store operations fail.
    ``shutdown``: the workspace may close.
    """

    prompts: str = "AA"
    cancels: int = 0
    clears: int = 0
    summaries: int = 0
    tools: int = 0
    errors: int = 0
    unauthorised: int = 0
    failures: int = 0
    full: int = 0
    kept: bool = False
    returns: bool = False
    interrupted: bool = False
    shutdown: bool = False

    def submissions(self) -> Iterator[Submitted]:
        """The submissions that ``prompts`` stands for: ``p1`` is the first."""
        for number, kind in enumerate(self.prompts, 1):
            yield Submitted(f"p{number}", run_id=kind.isupper(), accepted=kind in "Aa")


def candidates(state: State, bounds: Bounds) -> Iterator[tuple[Event, Bounds]]:
    """Every event that might come next, with what is left of the bounds after it; the guards have not been asked."""
    for event in _free(state, bounds):
        yield event, bounds
    yield from _operations(bounds)
    yield from _stream_ends(state, bounds)
    if bounds.failures:
        less = replace(bounds, failures=bounds.failures - 1)
        for event in _failures(state, FailureCause.STORE):
            yield event, less
    if bounds.shutdown:
        yield ShutdownBegan(), replace(bounds, shutdown=False)


def _free(state: State, bounds: Bounds) -> Iterator[Event]:
    known = {prompt.name for prompt in state.prompts}
    yield from (each for each in bounds.submissions() if each.prompt not in known)
    for prompt in state.prompts:
        yield from _fates(state, prompt)
        yield from _notices(state, prompt, bounds)
        yield from _stored(prompt)
    if state.turn is not None:
        yield from _turn(state.turn.name)
    yield from _summary(state)
    yield from _effects(state)
    if bounds.interrupted:
        yield from _failures(state, FailureCause.CANCELLED)
    yield Rest(SharedData())


def next_turn(prompt: Prompt) -> str:
    """The name of the turn that the prompt would get now."""
    number = 0 if prompt.turn is None else int(prompt.turn.rpartition(".")[2])
    return f"{prompt.name}.{number + 1}"


def _fates(state: State, prompt: Prompt) -> Iterator[Event]:
    name = prompt.name
    if prompt.phase is not Phase.QUEUED:
        yield Queued(name)
    else:
        yield TakenOut(name)
    if prompt.outcome is None:
        yield from (Dropped(name, reason) for reason in DropReason)
        yield CancelledOnEntry(name)
        yield Refused(name)
        yield MessageWritten(name, Writer.TURN, prompt.turn)
        if state.turn is not None:
            yield Folded(name, state.turn.name)
    yield from (MessageWritten(name, by) for by in (Writer.FOLD, Writer.CANCEL_ON_ENTRY))
    yield TurnStarted(next_turn(prompt), name, WORKER if prompt.queued else name)


def _notices(state: State, prompt: Prompt, bounds: Bounds) -> Iterator[Event]:
    name, run_id = prompt.name, prompt.run_id
    if run_id:
        threads = (WORKER if prompt.queued else name, CLERK)
        message = None if prompt.turn is None else f"m-{prompt.turn}"
        for thread in threads:
            for cancelled, error in ((False, False), (False, True), (True, False), (True, True)):
                yield Completed(name, True, True, cancelled, error, thread, message)
                if message is not None and (cancelled or error or message not in prompt.made):
                    yield Completed(name, True, True, cancelled, error, thread)
                if bounds.kept and thread != CLERK:
                    yield Completed(name, True, False, cancelled, error, thread, message)
        for other in state.prompts:
            if other is not prompt:
                yield Completed(name, True, True, False, False, CLERK, message, other.name)
    yield ErrorNotified(name, run_id, name)
    if bounds.returns and not prompt.returned:
        yield Returned(name)
        yield Returned(name, failed=True)


def _stored(prompt: Prompt) -> Iterator[Event]:
    if prompt.turn is not None and prompt.unstored is not None:
        yield FinalStored(prompt.turn, prompt.unstored)


def _turn(turn: str) -> Iterator[Event]:
    yield StepPrepared(turn, f"m-{turn}")
    yield StreamStarted(turn)
    yield StreamStarted(turn, cancelled=True)
    yield StreamEnded(turn, StreamEnd.FINISHED)
    yield StreamEnded(turn, StreamEnd.CANCELLED)
    yield StepFailed(turn, FailureCause.CANCELLED)
    yield TurnReleased(turn)


def _stream_ends(state: State, bounds: Bounds) -> Iterator[tuple[Event, Bounds]]:
    if state.turn is None:
        return
    turn = state.turn.name
    if bounds.tools:
        yield StreamEnded(turn, StreamEnd.TOOL), replace(bounds, tools=bounds.tools - 1)
    if bounds.errors:
        yield StreamEnded(turn, StreamEnd.ERROR), replace(bounds, errors=bounds.errors - 1)
    if bounds.unauthorised:
        yield StreamEnded(turn, StreamEnd.UNAUTHORISED), replace(bounds, unauthorised=bounds.unauthorised - 1)
    if bounds.full:
        less = replace(bounds, full=bounds.full - 1)
        yield StreamEnded(turn, StreamEnd.FINISHED, full=True), less
        if bounds.tools:
            yield StreamEnded(turn, StreamEnd.TOOL, full=True), replace(less, tools=less.tools - 1)


_SUMMARY_ENDS: Final = (StreamEnd.FINISHED, StreamEnd.CANCELLED)


def _summary(state: State) -> Iterator[Event]:
    if state.summary is not None:
        yield SummaryStreamStarted(state.summary.name, CLERK, state.summary.turn)
        yield from (SummaryStreamEnded(state.summary.name, how) for how in _SUMMARY_ENDS)
        yield SummaryReleased(state.summary.name)
    for operation in state.operations:
        if operation.kind is OperationKind.SUMMARISE:
            yield SummaryStarted(f"of-{operation.name}", operation.name)
    for prompt in state.prompts:
        if prompt.full and prompt.turn is not None and prompt.thread is not None:
            yield SummaryStarted(f"of-{prompt.turn}", prompt.thread, prompt.turn)
            yield SummaryStreamStarted(f"of-{prompt.turn}", prompt.thread, prompt.turn)
            yield from (SummaryFailed(prompt.turn, cancelled) for cancelled in (False, True))
            yield from (SummaryStreamEnded(f"of-{prompt.turn}", how) for how in _SUMMARY_ENDS)


def _operations(bounds: Bounds) -> Iterator[tuple[Event, Bounds]]:
    if bounds.cancels:
        yield CancelCalled(f"cancel{bounds.cancels}", SharedData()), replace(bounds, cancels=bounds.cancels - 1)
    if bounds.clears:
        yield ClearCalled(f"clear{bounds.clears}"), replace(bounds, clears=bounds.clears - 1)
    if bounds.summaries:
        yield SummariseCalled(f"summarise{bounds.summaries}"), replace(bounds, summaries=bounds.summaries - 1)


def _effects(state: State) -> Iterator[Event]:
    for operation in state.operations:
        name = operation.name
        match operation.kind:
            case OperationKind.CANCEL:
                yield CancelTakesEffect(name)
                active = (each for each in (state.turn, state.summary) if each is not None and each.found)
                yield from (ContextCancelled(each.name) for each in active)
                yield CancelReturned(name, SharedData())
            case OperationKind.CLEAR:
                yield ClearTakesEffect(name)
                yield ClearReturned(name)
            case OperationKind.SUMMARISE:
                yield SummariseReturned(name)


def _failures(state: State, cause: FailureCause) -> Iterator[Event]:
    for prompt in state.prompts:
        yield ReadFailed(prompt.name, cause)
        host = None if state.turn is None else state.turn.name
        turn = next_turn(prompt) if prompt.turn is None else prompt.turn
        for stored in (False, True):
            yield MessageFailed(prompt.name, Writer.TURN, cause, turn, stored=stored)
            yield MessageFailed(prompt.name, Writer.FOLD, cause, host, stored=stored)
            yield MessageFailed(prompt.name, Writer.CANCEL_ON_ENTRY, cause, stored=stored)
        if cause is FailureCause.STORE:
            yield FailedBeforeTurn(prompt.name)
        if prompt.turn is not None and prompt.unstored is not None:
            yield from (FinalFailed(prompt.turn, prompt.unstored, cause, decides) for decides in (False, True))
    if state.turn is not None:
        yield StepFailed(state.turn.name, cause)
