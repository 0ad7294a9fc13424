"""What must hold of cancels: none is lost, none hits a later prompt, none disturbs an idle session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Event,
    Outcome,
    SharedData,
    ShutdownBegan,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummariseCalled,
    SummaryReleased,
    SummaryStarted,
    TurnReleased,
    TurnStarted,
)
from everyturn_model.lifecycle import Fate, Ledger, Life
from everyturn_model.monitor import Invariant, Kind, Needs, Violated

# no lost cancel ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dooms:
    """``pending``: prompts and the Cancels that found them; ``doomed``: prompts whose Cancel has returned.

    ``late``: turns whose present stream started when their prompt, or one folded into them, was doomed, and that prompt.
    """

    pending: frozenset[tuple[str, str]] = frozenset()
    doomed: frozenset[str] = frozenset()
    late: frozenset[tuple[str, str]] = frozenset()


def no_lost_cancel(state: Dooms, event: Event, ledger: Ledger) -> Dooms | Violated:
    """A prompt that a Cancel found does not end as finished by a stream that started after the Cancel returned."""
    match event:
        case CancelCalled(operation=operation):
            found = {(life.prompt, operation) for life in ledger if not ledger.is_over(life)}
            return replace(state, pending=state.pending | found)
        case CancelReturned(operation=operation):
            hit = {pair for pair in state.pending if pair[1] == operation}
            return replace(state, pending=state.pending - hit, doomed=state.doomed | {prompt for prompt, _ in hit})
        case StreamStarted(turn=turn):
            late = {pair for pair in state.late if pair[0] != turn}
            if state.doomed:
                late |= {(turn, life.prompt) for life in _carried(ledger, turn) if life.prompt in state.doomed}
            return replace(state, late=frozenset(late))
        case StreamEnded(turn=turn, how=StreamEnd.FINISHED):
            for late_turn, prompt in sorted(state.late):
                if late_turn == turn:
                    return Violated(
                        f"{prompt} was there when a Cancel began, and finished by a stream that started after it returned"
                    )
    return state


def _carried(ledger: Ledger, turn: str) -> tuple[Life, ...]:
    own = ledger.of_turn(turn)
    return (*(() if own is None else (own,)), *ledger.folded_into(turn))


NO_LOST_CANCEL: Final = Invariant(
    "no-lost-cancel",
    "A prompt that was there when a Cancel began does not finish by a stream that started after it returned.",
    Kind.ALWAYS,
    no_lost_cancel,
    Dooms(),
    Needs(cancels=1),
    sees=(CancelCalled, CancelReturned, StreamStarted, StreamEnded),
)


# no poisoned prompt ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Untouched:
    """``cancelling``, ``clearing``: operations under way; ``prompts``: those that nothing of the kind has met."""

    cancelling: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    clearing: frozenset[str] = frozenset()
    closing: bool = False


def no_poisoned_prompt(state: Untouched, event: Event, ledger: Ledger) -> Untouched | Violated:
    """A prompt that came after every Cancel does not end as cancelled."""
    match event:
        case Submitted(prompt=prompt):
            if state.cancelling or state.clearing or state.closing:
                return state
            return replace(state, prompts=state.prompts | {prompt})
        case CancelCalled(operation=operation):
            return replace(state, cancelling=state.cancelling | {operation}, prompts=frozenset())
        case CancelReturned(operation=operation):
            return replace(state, cancelling=state.cancelling - {operation})
        case ClearCalled(operation=operation):
            return replace(state, clearing=state.clearing | {operation}, prompts=frozenset())
        case ClearReturned(operation=operation):
            return replace(state, clearing=state.clearing - {operation})
        case ShutdownBegan():
            return replace(state, closing=True, prompts=frozenset())
    for prompt in sorted(state.prompts):
        life = ledger.get(prompt)
        if life is None:
            continue
        if Fate.DROPPED in life.fates or ledger.ending(life) is Outcome.CANCELLED:
            return Violated(f"{prompt} was submitted after every Cancel had returned, and yet ended as cancelled")
        if ledger.is_over(life):
            return replace(state, prompts=state.prompts - {prompt})
    return state


NO_POISONED_PROMPT: Final = Invariant(
    "no-poisoned-prompt",
    "A prompt that was submitted after every Cancel had returned does not end as cancelled.",
    Kind.ALWAYS,
    no_poisoned_prompt,
    Untouched(),
)


# idle cancel -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Idle:
    """``summaries``: summaries and Summarise operations under way; ``watched``: a Cancel in an idle session, and what it found."""

    summaries: frozenset[str] = frozenset()
    watched: tuple[str, SharedData] | None = None


def idle_cancel(state: Idle, event: Event, ledger: Ledger) -> Idle | Violated:
    """A Cancel that has nothing to cancel leaves shared data as it found it."""
    match event:
        case CancelCalled(operation=operation, shared=shared):
            idle = not state.summaries and shared.reservations == 0 and all(ledger.is_over(life) for life in ledger)
            found = replace(shared, mutex=None)
            return replace(state, watched=(operation, found) if idle else None)
        case CancelReturned(operation=operation, shared=shared) if state.watched is not None:
            if operation == state.watched[0]:
                if replace(shared, mutex=None) != state.watched[1]:
                    return Violated("a Cancel in an idle session changed shared data")
                return replace(state, watched=None)
        case SummaryStarted(summary=summary):
            return Idle(state.summaries | {summary})
        case SummaryReleased(summary=summary):
            return replace(state, summaries=state.summaries - {summary}, watched=None)
        case Submitted() | TurnStarted() | SummariseCalled() | TurnReleased():
            return replace(state, watched=None)
    return state


IDLE_CANCEL: Final = Invariant(
    "idle-cancel",
    "A Cancel that finds the session idle changes nothing.",
    Kind.ALWAYS,
    idle_cancel,
    Idle(),
    Needs(cancels=1),
    sees=(
        CancelCalled,
        CancelReturned,
        SummaryStarted,
        SummaryReleased,
        Submitted,
        TurnStarted,
        SummariseCalled,
        TurnReleased,
    ),
)
