"""What must hold: the fifteen invariants, each a sentence and a monitor.

A monitor is an immutable state and one function. ``step(state, event, ledger)`` returns the next state, or
:class:`Violated` with a sentence that names the prompts; ``ledger`` is what is known of all prompts *after* the event.
The exact meaning of each, and why, is in ``docs/semantics.md``. To add one, write its function and a line in
:data:`INVARIANTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Completed,
    ErrorNotified,
    Event,
    FinalFailed,
    FinalStored,
    Folded,
    Outcome,
    Queued,
    Rest,
    SharedData,
    ShutdownBegan,
    StepPrepared,
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


@dataclass(frozen=True, slots=True)
class Violated:
    """The end of a monitor: what was violated, in a sentence that names the prompts."""

    sentence: str


class Kind(StrEnum):
    """When an invariant is judged."""

    ALWAYS = "always"
    AT_REST = "at rest"
    EVENTUALLY = "eventually"


@dataclass(frozen=True, slots=True)
class Needs:
    """The least that a scope must have for an invariant to be violable at all; below it, it is vacuous."""

    prompts: int = 1
    run_ids: int = 0
    cancels: int = 0
    works: int = 1


Step = Callable[[Any, Event, Ledger], Any]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: ``start`` is the monitor's first state (hashable), ``step`` its transition function."""

    name: str
    sentence: str
    kind: Kind
    step: Step
    start: Hashable = None
    needs: Needs = Needs()


# no hang ----------------------------------------------------------------------------------------------------------


def no_hang(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest, everybody who waits was told."""
    if not isinstance(event, Rest):
        return state
    for life in ledger:
        if life.run_id and Fate.REFUSED not in life.fates and not (life.reached or life.notified):
            return Violated(f"{life.prompt} has a run id, nothing can move any more, and its waiter was never told")
    return state


# no double emit ---------------------------------------------------------------------------------------------------


def no_double_emit(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """One completion for each run id."""
    if isinstance(event, Completed) and event.delivered and event.run_id:
        life = ledger.get(event.prompt)
        if life is not None and life.told > 1:
            return Violated(f"a second completion for {event.prompt}'s run id was given to the broker")
    return state


# no fold of run-id prompts ----------------------------------------------------------------------------------------


def no_fold_of_run_id(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """Who has a run id gets a turn of its own."""
    if isinstance(event, Folded):
        life = ledger.get(event.prompt)
        if life is not None and life.run_id:
            return Violated(f"{event.prompt} has a run id and was folded into turn {event.turn}")
    return state


# one turn at a time -----------------------------------------------------------------------------------------------


def one_turn(running: frozenset[str], event: Event, ledger: Ledger) -> frozenset[str] | Violated:
    """Begins and ends of turns and summaries do not overlap, except a turn and its own summary."""
    match event:
        case TurnStarted(turn=begun):
            others = running
        case SummaryStarted(summary=begun, turn=turn):
            others = running - {turn}
        case TurnReleased(turn=ended) | SummaryReleased(summary=ended):
            return running - {ended}
        case _:
            return running
    if others:
        return Violated(f"{begun} began while {', '.join(sorted(others))} had not ended")
    return running | {begun}


# no lost cancel ---------------------------------------------------------------------------------------------------


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


# no poisoned prompt -----------------------------------------------------------------------------------------------


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


# nothing lost -----------------------------------------------------------------------------------------------------


_WRITES: Final = frozenset({Fate.STARTED, Fate.FOLDED, Fate.CANCELLED_ON_ENTRY})


def nothing_lost(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest, every prompt has one fate, and its message is stored once where the fate asks for it."""
    if not isinstance(event, Rest):
        return state
    for life in ledger:
        if Fate.REFUSED in life.fates:
            continue
        if not life.fates:
            return Violated(f"{life.prompt} was accepted, and nothing became of it")
        if len(life.fates) > 1:
            return Violated(f"{life.prompt} has more than one fate: {', '.join(sorted(life.fates))}")
        if life.fates & _WRITES:
            spared = life.excused or ledger.ending(life) is Outcome.CANCELLED
            if life.written > 1:
                return Violated(f"the user message of {life.prompt} is stored more than once")
            if life.written < 1 and not spared:
                return Violated(f"the user message of {life.prompt} ({', '.join(life.fates)}) is not stored")
    return state


# in order ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """``waited``: prompts with run id in the order of their first entry into the queue; ``started``: those with a turn."""

    waited: tuple[str, ...] = ()
    started: frozenset[str] = frozenset()


def in_order(line: Line, event: Event, ledger: Ledger) -> Line | Violated:
    """Who entered the queue first starts first."""
    match event:
        case Queued(prompt=prompt):
            life = ledger.get(prompt)
            if life is not None and life.run_id and life.turn is None and prompt not in line.waited:
                return replace(line, waited=(*line.waited, prompt))
        case TurnStarted(prompt=prompt) if prompt in line.waited and prompt not in line.started:
            later = [each for each in line.waited[line.waited.index(prompt) :] if each in line.started]
            if later:
                return Violated(f"{later[0]} entered the queue after {prompt} and started before it")
            return replace(line, started=line.started | {prompt})
    return line


# right owner ------------------------------------------------------------------------------------------------------


def right_owner(
    messages: frozenset[tuple[str, str]], event: Event, ledger: Ledger
) -> frozenset[tuple[str, str]] | Violated:
    """A completion speaks of its own prompt's turn. ``messages``: assistant messages and whose turn they are of."""
    match event:
        case StepPrepared(turn=turn, message=message):
            life = ledger.of_turn(turn)
            return messages if life is None else messages | {(message, life.prompt)}
        case Completed(prompt=prompt, run_id=True, message=message, owner=owner, error_owner=error_owner):
            named = next((whose for each, whose in messages if each == message), None)
            for what, whose in (("answer", owner), ("error", error_owner), ("message", named)):
                if whose is not None and whose != prompt:
                    return Violated(f"a completion for {prompt} carries the {what} of {whose}")
        case ErrorNotified(prompt=prompt, run_id=True, owner=owner) if owner != prompt:
            return Violated(f"an error notification for {prompt} tells the error of {owner}")
    return messages


# clean rest -------------------------------------------------------------------------------------------------------


def clean_rest(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest nothing is left over."""
    if not isinstance(event, Rest):
        return state
    shared = event.shared
    left = [
        text
        for wrong, text in (
            (shared.active is not None, f"{shared.active} is still active"),
            (bool(shared.queue), f"{', '.join(shared.queue)} still queued"),
            (shared.reservations > 0, f"{shared.reservations} reservation(s) open"),
            (shared.mark > 0, f"a cancel mark of {shared.mark}"),
            (shared.mutex is not None, f"the dispatch mutex held by {shared.mutex}"),
        )
        if wrong
    ]
    return Violated(f"nothing can move any more, and left over: {'; '.join(left)}") if left else state


# idle cancel ------------------------------------------------------------------------------------------------------


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


# no deadlock ------------------------------------------------------------------------------------------------------


def no_deadlock(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest no thread waits."""
    if isinstance(event, Rest) and event.blocked:
        return Violated(f"nothing can move any more, and {', '.join(event.blocked)} still wait(s)")
    return state


# prompt notice ----------------------------------------------------------------------------------------------------


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
        case Completed(prompt=prompt, run_id=True, delivered=False, thread=thread):
            return replace(state, held=state.held | {(prompt, thread)})
        case Completed(prompt=prompt, delivered=True, thread=thread):
            if (prompt, thread) in state.passed:
                return Violated(f"{prompt} was told only after {thread} had begun another turn")
            return replace(state, held=frozenset(pair for pair in state.held if pair[0] != prompt))
        case TurnStarted(turn=begun, prompt=prompt, thread=thread):
            return _pass(state, ledger, begun, prompt, thread)
        case SummaryStarted(summary=begun, turn=turn, thread=thread):
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
        if life.run_id and life.thread == thread and life.prompt != own and life.over and life.turn and not life.told
    }
    again = {pair for pair in state.passed if pair[0] == own}
    return replace(state, passed=(state.passed - again) | owed)


# true outcome -----------------------------------------------------------------------------------------------------


def true_outcome(closing: bool, event: Event, ledger: Ledger) -> bool | Violated:
    """A completion says how it really ended."""
    if isinstance(event, ShutdownBegan):
        return True
    if not isinstance(event, Completed):
        return closing
    life = ledger.get(event.prompt)
    ending = None if life is None else ledger.ending(life)
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


# state before notice ----------------------------------------------------------------------------------------------


def state_before_notice(unstored: frozenset[str], event: Event, ledger: Ledger) -> frozenset[str] | Violated:
    """What a completion names is in the store before."""
    match event:
        case StepPrepared(message=message) | FinalFailed(message=message):
            return unstored | {message}
        case FinalStored(message=message):
            return unstored - {message}
        case Completed(prompt=prompt, message=message) if message in unstored:
            return Violated(f"the completion of {prompt} was published before the message it names was stored")
    return unstored


INVARIANTS: Final[tuple[Invariant, ...]] = (
    Invariant(
        "no-hang",
        "Every submitted prompt with run id that was not refused is told of its end.",
        Kind.AT_REST,
        no_hang,
        needs=Needs(run_ids=1),
    ),
    Invariant(
        "no-double-emit",
        "There is at most one completion for each run id.",
        Kind.ALWAYS,
        no_double_emit,
        needs=Needs(run_ids=1),
    ),
    Invariant(
        "no-fold-of-run-id",
        "A prompt with run id is never folded into another prompt's turn.",
        Kind.ALWAYS,
        no_fold_of_run_id,
        needs=Needs(prompts=2, run_ids=1),
    ),
    Invariant(
        "one-turn",
        "At most one turn or summary is active in a session.",
        Kind.ALWAYS,
        one_turn,
        frozenset(),
        Needs(works=2),
    ),
    Invariant(
        "no-lost-cancel",
        "A prompt that was there when a Cancel began does not finish by a stream that started after it returned.",
        Kind.ALWAYS,
        no_lost_cancel,
        Dooms(),
        Needs(cancels=1),
    ),
    Invariant(
        "no-poisoned-prompt",
        "A prompt that was submitted after every Cancel had returned does not end as cancelled.",
        Kind.ALWAYS,
        no_poisoned_prompt,
        Untouched(),
        Needs(cancels=1),
    ),
    Invariant(
        "nothing-lost",
        "Every prompt that was not refused has exactly one fate, and its message is stored once.",
        Kind.AT_REST,
        nothing_lost,
    ),
    Invariant(
        "in-order",
        "Calls with run id start their turns in the order in which they entered the queue.",
        Kind.ALWAYS,
        in_order,
        Line(),
        Needs(run_ids=2, works=3),
    ),
    Invariant(
        "right-owner",
        "A completion carries the text, message and error of its own prompt's turn.",
        Kind.ALWAYS,
        right_owner,
        frozenset(),
        Needs(run_ids=1, works=2),
    ),
    Invariant(
        "clean-rest",
        "When nothing can move, nothing is active, queued, reserved, marked or held.",
        Kind.AT_REST,
        clean_rest,
    ),
    Invariant(
        "idle-cancel",
        "A Cancel that finds the session idle changes nothing.",
        Kind.ALWAYS,
        idle_cancel,
        Idle(),
        Needs(cancels=1),
    ),
    Invariant("no-deadlock", "No thread waits for ever.", Kind.AT_REST, no_deadlock),
    Invariant(
        "prompt-notice",
        "A completion is not held back behind another prompt's turn.",
        Kind.ALWAYS,
        prompt_notice,
        Holding(),
        Needs(run_ids=1, works=2),
    ),
    Invariant(
        "true-outcome",
        "A completion says how the turn really ended.",
        Kind.ALWAYS,
        true_outcome,
        start=False,
    ),
    Invariant(
        "state-before-notice",
        "The message that a completion names is stored before the completion is published.",
        Kind.ALWAYS,
        state_before_notice,
        frozenset(),
    ),
)
"""The fifteen, in the order of ``docs/protocol.md``."""

BY_NAME: Final[dict[str, Invariant]] = {invariant.name: invariant for invariant in INVARIANTS}

MISSION: Final[tuple[str, ...]] = ("no-hang", "no-double-emit", "no-fold-of-run-id")
"""The three that the project was founded for."""
