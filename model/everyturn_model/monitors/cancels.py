"""What must hold of cancels: none is lost, none hits a later prompt, none disturbs an idle session."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    ContextCancelled,
    DataChanged,
    Event,
    Folded,
    Outcome,
    ShutdownBegan,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummariseCalled,
    SummaryReleased,
    TurnReleased,
    TurnStarted,
)
from everyturn_model.lifecycle import Fate, Ledger, Life, Phase
from everyturn_model.monitor import Invariant, Kind, Needs, Violated
from everyturn_model.monitors.works import NO_WORKS, SEEN, Works
from everyturn_model.own_changes import OwnChanges

# no lost cancel ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Dooms:
    """``pending``: prompts and the Cancels that found them; ``doomed``: prompts whose Cancel has returned.

    ``late``: turns whose present stream started when their prompt, or one folded into them, was doomed, and that prompt.
    ``works``: the turns and summaries under way; ``reached``: those of them whose context was cancelled; ``active``: those
    that have been under way since a Cancel began, and that Cancel.
    """

    pending: frozenset[tuple[str, str]] = frozenset()
    doomed: frozenset[str] = frozenset()
    late: frozenset[tuple[str, str]] = frozenset()
    works: Works = NO_WORKS
    reached: frozenset[str] = frozenset()
    active: frozenset[tuple[str, str]] = frozenset()

    def after(self, event: Event) -> Dooms:
        """What is under way after an event, and what of it was reached."""
        works = self.works.after(event)
        reached = self.reached
        if isinstance(event, ContextCancelled):
            reached |= {work for work in works.under_way if event.reaches(work)}
        active = frozenset(pair for pair in self.active if pair[0] in works.under_way)
        return replace(self, works=works, reached=reached & works.under_way, active=active)


def no_lost_cancel(state: Dooms, event: Event, ledger: Ledger) -> Dooms | Violated:
    """What a Cancel found has ended or was reached when it returns, and does not finish by a stream that starts later."""
    state = state.after(event)
    match event:
        case CancelCalled(promise="nothing"):
            return state
        case CancelCalled(operation=operation, promise=promise):
            found = {(life.prompt, operation) for life in ledger if _promised(life, ledger, promise)}
            active = {(work, operation) for work in state.works.under_way}
            return replace(state, pending=state.pending | found, active=state.active | active)
        case CancelReturned(operation=operation):
            return _returned(state, operation)
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


def _returned(state: Dooms, operation: str) -> Dooms | Violated:
    """A Cancel returns. A turn that prepares a step may yet look at a mark that the Cancel left; a stream never does."""
    found = {work for work, other in state.active if other == operation}
    missed = sorted((found & state.works.streaming) - state.reached)
    if missed:
        return Violated(f"{missed[0]} was active when a Cancel began, and streams on, not cancelled, after it returned")
    hit = {pair for pair in state.pending if pair[1] == operation}
    active = frozenset(pair for pair in state.active if pair[1] != operation)
    return replace(
        state, pending=state.pending - hit, doomed=state.doomed | {prompt for prompt, _ in hit}, active=active
    )


_OF_TURNS: Final = frozenset({Phase.TURN, Phase.FOLDED})
_BEFORE_THE_QUEUE: Final = frozenset({Phase.NEW, Phase.LIVE})


def _promised(life: Life, ledger: Ledger, promise: str) -> bool:
    """Whether a Cancel that promises this ends a prompt that it finds."""
    if ledger.is_over(life):
        return False
    if promise == "turn":
        return life.phase in _OF_TURNS
    return promise != "turn and queue" or life.phase not in _BEFORE_THE_QUEUE


def _carried(ledger: Ledger, turn: str) -> tuple[Life, ...]:
    own = ledger.of_turn(turn)
    return (*(() if own is None else (own,)), *ledger.folded_into(turn))


NO_LOST_CANCEL: Final = Invariant(
    "no-lost-cancel",
    "What was active when a Cancel began has ended or was cancelled when it returned, and no prompt that was there finishes"
    " by a stream that started later.",
    Kind.ALWAYS,
    no_lost_cancel,
    Dooms(),
    Needs(cancels=1),
    sees=(CancelCalled, CancelReturned, ContextCancelled, *SEEN),
)


# no poisoned prompt ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Untouched:
    """``cancelling``, ``clearing``: operations under way; ``prompts``: those that nothing of the kind has met.

    ``spared``: those of them that were queued when a Cancel began which promises to spare the queue.
    """

    cancelling: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    clearing: frozenset[str] = frozenset()
    closing: bool = False
    spared: frozenset[str] = frozenset()


def no_poisoned_prompt(state: Untouched, event: Event, ledger: Ledger) -> Untouched | Violated:
    """A prompt that came after every Cancel does not end as cancelled."""
    match event:
        case Submitted(prompt=prompt):
            if state.cancelling or state.clearing or state.closing:
                return state
            return replace(state, prompts=state.prompts | {prompt})
        case CancelCalled(operation=operation, promise=promise):
            queued = {life.prompt for life in ledger if promise == "turn" and life.phase is Phase.QUEUED}
            spared = state.prompts & queued
            return replace(state, cancelling=state.cancelling | {operation}, prompts=spared, spared=spared)
        case TurnStarted(prompt=prompt) | Folded(prompt=prompt) if state.cancelling:
            return replace(state, prompts=state.prompts - {prompt})
        case CancelReturned(operation=operation):
            return replace(state, cancelling=state.cancelling - {operation})
        case ClearCalled(operation=operation):
            return replace(state, clearing=state.clearing | {operation}, prompts=frozenset())
        case ClearReturned(operation=operation):
            return replace(state, clearing=state.clearing - {operation})
        case ShutdownBegan():
            return replace(state, closing=True, prompts=frozenset())
    over: set[str] = set()
    for prompt in sorted(state.prompts):
        life = ledger.get(prompt)
        if life is not None and (Fate.DROPPED in life.fates or ledger.ending(life) is Outcome.CANCELLED):
            if prompt in state.spared:
                return Violated(f"{prompt} was queued, where Cancel spares it, and yet ended as cancelled")
            return Violated(f"{prompt} was submitted after every Cancel had returned, and yet ended as cancelled")
        if life is not None and ledger.is_over(life):
            over.add(prompt)
    return replace(state, prompts=state.prompts - over) if over else state


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
)
