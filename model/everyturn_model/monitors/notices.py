"""What must hold of completions: one each, at once, true, of the right owner, and not before what they name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    Completed,
    ErrorNotified,
    Event,
    FinalFailed,
    FinalStored,
    Outcome,
    ShutdownBegan,
    StepPrepared,
    SummaryStarted,
    SummaryStreamStarted,
    TurnStarted,
)
from everyturn_model.lifecycle import Ledger
from everyturn_model.monitor import Invariant, Kind, Needs, Violated

# no double emit ----------------------------------------------------------------------------------------------------


def no_double_emit(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """One completion for each run id."""
    if isinstance(event, Completed) and event.delivered and event.run_id:
        life = ledger.get(event.prompt)
        if life is not None and life.run_id and life.told > 1:
            return Violated(f"a second completion for {event.prompt}'s run id was given to the broker")
    return state


NO_DOUBLE_EMIT: Final = Invariant(
    "no-double-emit",
    "There is at most one completion for each run id.",
    Kind.ALWAYS,
    no_double_emit,
    needs=Needs(run_ids=1),
    sees=(Completed,),
)


# right owner -------------------------------------------------------------------------------------------------------


def right_owner(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """A completion speaks of its own prompt's turn."""
    if not isinstance(event, Completed | ErrorNotified) or not _waited_for(event, ledger):
        return state
    match event:
        case Completed(prompt=prompt, message=message, owner=owner, error_owner=error_owner):
            named = ledger.of_message(message)
            whose_message = None if named is None else named[0].prompt
            for what, whose in (("answer", owner), ("error", error_owner), ("message", whose_message)):
                if whose is not None and whose != prompt:
                    return Violated(f"a completion for {prompt} carries the {what} of {whose}")
        case ErrorNotified(prompt=prompt, owner=owner) if owner != prompt:
            return Violated(f"an error notification for {prompt} tells the error of {owner}")
    return state


def _waited_for(event: Completed | ErrorNotified, ledger: Ledger) -> bool:
    """Whether somebody waits for the run id that the notice carries; one that nobody was given tells nobody."""
    life = ledger.get(event.prompt)
    return event.run_id and life is not None and life.run_id


RIGHT_OWNER: Final = Invariant(
    "right-owner",
    "A completion carries the text, message and error of its own prompt's turn.",
    Kind.ALWAYS,
    right_owner,
    needs=Needs(run_ids=1),
    sees=(Completed, ErrorNotified),
)


# prompt notice -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Holding:
    """``held``: prompts whose completion lies in a hook, and the thread that will deliver it.

    ``passed``: prompts whose turn had ended, untold, when another turn began on the thread that ran them.
    """

    held: frozenset[tuple[str, str]] = frozenset()
    passed: frozenset[tuple[str, str]] = frozenset()


def prompt_notice(state: Holding, event: Event, ledger: Ledger) -> Holding | Violated:
    """Nobody runs somebody else's turn before telling whom it owes."""
    match event:
        case Completed(prompt=prompt, delivered=False, thread=thread) if _waited_for(event, ledger):
            return replace(state, held=state.held | {(prompt, thread)})
        case Completed(prompt=prompt, delivered=True, thread=thread):
            if (prompt, thread) in state.passed:
                return Violated(f"{prompt} was told only after {thread} had begun another turn")
            return replace(state, held=frozenset(pair for pair in state.held if pair[0] != prompt))
        case TurnStarted(turn=begun, prompt=prompt, thread=thread):
            return _pass(state, ledger, begun, prompt, thread)
        case SummaryStarted() | SummaryStreamStarted():
            begun, turn, thread = event.summary, event.turn, event.thread
            own = None if turn is None else ledger.of_turn(turn)
            return _pass(state, ledger, begun, None if own is None else own.prompt, thread)
    return state


def _pass(state: Holding, ledger: Ledger, begun: str, own: str | None, thread: str) -> Holding | Violated:
    """``thread`` begins the turn or summary ``begun`` of the prompt ``own``."""
    for prompt, holder in sorted(state.held):
        life = ledger.get(prompt)
        if holder == thread and prompt != own and life is not None and life.over:
            return Violated(f"{thread} began {begun} while it still held the completion of {prompt}")
    owed = {
        (life.prompt, thread)
        for life in ledger
        if life.run_id and life.thread == thread and life.prompt != own and life.over and life.turns and not life.told
    }
    again = {pair for pair in state.passed if pair[0] == own}
    return replace(state, passed=(state.passed - again) | owed)


PROMPT_NOTICE: Final = Invariant(
    "prompt-notice",
    "A completion is not held back behind another prompt's turn.",
    Kind.ALWAYS,
    prompt_notice,
    Holding(),
    Needs(run_ids=1),
    sees=(Completed, TurnStarted, SummaryStarted, SummaryStreamStarted),
)


# true outcome ------------------------------------------------------------------------------------------------------


def true_outcome(closing: bool, event: Event, ledger: Ledger) -> bool | Violated:
    """A completion says how it really ended: the turn that it names, or the prompt once that is over."""
    if isinstance(event, ShutdownBegan):
        return True
    if isinstance(event, ErrorNotified):
        return (
            closing
            if _may_have_failed(event, ledger)
            else Violated(f"{event.prompt} finished, and was told of an error")
        )
    if not isinstance(event, Completed):
        return closing
    life = ledger.get(event.prompt)
    named = ledger.of_message(event.message)
    ending = None if life is None else ledger.ending(life)
    if named is not None and not (event.delivered and life is not None and ledger.is_over(life)):
        ending = named[1].ending or named[0].settled
    match ending:
        case Outcome.FINISHED:
            true = not event.error and (closing or not event.cancelled)
        case Outcome.FAILED:
            true = event.error and not event.cancelled
        case Outcome.CANCELLED:
            true = event.cancelled
        case _:
            true = False
    if not true:
        told = "cancelled" if event.cancelled else "failed" if event.error else "finished"
        return Violated(f"{event.prompt} was told as {told} and {'has not ended' if ending is None else ending}")
    return closing


def _may_have_failed(event: ErrorNotified, ledger: Ledger) -> bool:
    """Whether the notice is not of an own error of a prompt that finished, sent to whoever waits for its run id."""
    life = ledger.get(event.prompt)
    own = event.run_id and event.owner == event.prompt
    return not own or life is None or ledger.ending(life) is not Outcome.FINISHED


TRUE_OUTCOME: Final = Invariant(
    "true-outcome",
    "A completion says how the turn really ended, and nobody is told of an error of a prompt that finished.",
    Kind.ALWAYS,
    true_outcome,
    start=False,
    sees=(ShutdownBegan, Completed, ErrorNotified),
)


# state before notice -----------------------------------------------------------------------------------------------


def state_before_notice(unstored: frozenset[str], event: Event, ledger: Ledger) -> frozenset[str] | Violated:
    """What a completion names is in the store before."""
    match event:
        case StepPrepared(message=message) | FinalFailed(message=message):
            return unstored | {message}
        case FinalStored(message=message):
            return unstored - {message}
        case Completed(prompt=prompt, message=message) if message in unstored:
            return Violated(f"the completion of {prompt} was published before the message it names was stored")
        case Completed(prompt=prompt, message=str(message)) if ledger.of_message(message) is None:
            return Violated(f"the completion of {prompt} names a message that was never made: {message}")
    return unstored


STATE_BEFORE_NOTICE: Final = Invariant(
    "state-before-notice",
    "The message that a completion names is stored before the completion is published.",
    Kind.ALWAYS,
    state_before_notice,
    frozenset(),
    sees=(StepPrepared, FinalFailed, FinalStored, Completed),
)
