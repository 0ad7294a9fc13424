"""Which hidden steps would have satisfied a guard: what a partial log may have left out, and where.

:func:`cures` answers a refusal; :func:`options` names what may have happened before something that needs nothing. Both
only propose: the guards of the proposed steps are asked in their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from everyturn_model.events import (
    CancelledOnEntry,
    CancelReturned,
    ClearReturned,
    Completed,
    Dropped,
    DropReason,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    FailureCause,
    Folded,
    Outcome,
    Queued,
    ReadFailed,
    Rest,
    StepFailed,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    SummaryFailed,
    SummaryReleased,
    SummaryStarted,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.facts import Facts
from everyturn_model.lifecycle import Phase
from everyturn_model.marks import Seen, TurnEnded, WasDropped, WasFolded
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.prompts import Prompt, Reach
from everyturn_model.spec.state import Kind, Stage, State, Turn

Cure = Callable[[State, Seen, Facts], Iterator[Event | Seen]]
"""Proposes hidden steps; those of another turn than the one that was seen are a :class:`Seen` of their own."""


def cures(guard: str, state: State, want: Seen, facts: Facts) -> tuple[Seen, ...]:
    """The hidden steps that may bring about what ``guard`` found lacking, the likeliest first."""
    cure = _CURES.get(guard)
    if cure is None:
        return ()
    return tuple(_placed(want, step) for step in dict.fromkeys(cure(state, want, facts)))


def options(state: State, want: Seen, facts: Facts) -> tuple[Seen, ...]:
    """The hidden steps that may have happened before ``want``, which does not need them, and not later."""
    return tuple(_placed(want, step) for step in _options(state, want.event, facts))


def _placed(want: Seen, step: Event | Seen) -> Seen:
    return step._replace(place=want.place) if isinstance(step, Seen) else want._replace(event=step)


def _folds(state: State, facts: Facts) -> Iterator[Seen]:
    """A drain that had decided to fold before the Cancel took effect; the write of the message is still to come."""
    for prompt in state.prompts:
        fold = facts.fold_to_come(prompt.name)
        if fold is not None and prompt.phase is Phase.QUEUED:
            yield fold


def _options(state: State, event: Event, facts: Facts) -> Iterator[Event | Seen]:
    match event:
        case CancelTakesEffect():
            yield from _folds(state, facts)
            yield from _streams(state, facts)
        case CancelReturned():
            for name, submitted in facts.called.items():
                if state.prompt(name).phase is Phase.NEW:
                    yield submitted
            summary = facts.summary_to_come()
            if summary is not None and state.summary is None and state.open(Kind.SUMMARISE):
                yield summary
        case ClearTakesEffect():
            for name in sorted(facts.running):
                if state.prompt(name).phase in (Phase.NEW, Phase.LIVE):
                    yield Queued(name)
            for prompt in state.prompts:
                if prompt.phase is Phase.QUEUED and prompt.clear is not Reach.FREE and facts.will_begin(prompt.name):
                    yield TakenOut(prompt.name)
        case TurnStarted(prompt=name) | CancelledOnEntry(prompt=name) | FailedBeforeTurn(prompt=name):
            if state.prompt(name).phase is Phase.LIVE and facts.will_be_queued(name):
                yield Queued(name)
        case Queued(prompt=prompt_name) if not facts.queues:
            for name in sorted(facts.running - {prompt_name}):
                other = state.prompt(name)
                if other.phase in (Phase.NEW, Phase.LIVE) and facts.called[name].run_id:
                    yield Queued(name)


def _streams(state: State, facts: Facts) -> Iterator[Event]:
    """A stream of which no line tells may have begun by now."""
    if StreamStarted in facts.lacks.events and state.turn is not None and state.turn.stage is Stage.PREPARING:
        yield StreamStarted(state.turn.name)


def _towards(state: State, name: str, facts: Facts, *, queued: bool) -> Iterator[Event]:
    """The next step in a prompt's life before a turn; ``queued``: by way of the queue."""
    match state.prompt(name).phase:
        case Phase.NEW if name in facts.called:
            yield facts.called[name]
        case Phase.LIVE if queued and name in facts.running:
            yield Queued(name)
        case Phase.QUEUED:
            yield TakenOut(name)


def _life(*, queued: bool) -> Cure:
    def cure(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
        yield from _towards(state, _name(want.event), facts, queued=queued)

    return cure


def _name(event: Any) -> str:
    name: str = event.prompt
    return name


def _idle(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    if state.turn is not None and facts.may_be_released(state.turn.name):
        yield TurnReleased(state.turn.name)
    if state.summary is not None and state.summary.name in facts.streamed:
        yield SummaryReleased(state.summary.name)


def _start(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    """The turn that must be active; if it is, a round of tool calls whose end no line tells."""
    turn: str = getattr(want.event, "turn", None) or ""
    if StreamEnded in facts.lacks.events and state.runs(turn, Stage.STREAMING):
        yield StreamEnded(turn, StreamEnd.TOOL)
    prompt, thread = want.prompt, want.thread
    if prompt is not None and thread is not None and (state.turn is None or state.turn.name != turn):
        yield TurnStarted(turn, prompt, thread)


def _submit(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    if _name(want.event) in facts.called:
        yield facts.called[_name(want.event)]


def _queue(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    if _name(want.event) in facts.running:
        yield Queued(_name(want.event))


def _write(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    event: Any = want.event
    match event.by:
        case Writer.TURN:
            yield from _towards(state, event.prompt, facts, queued=False)
        case Writer.FOLD:
            yield Folded(event.prompt, event.turn or "")
        case Writer.CANCEL_ON_ENTRY if facts.may_be_dropped(event.prompt):
            yield CancelledOnEntry(event.prompt)


def _end(state: State, prompt: Prompt, facts: Facts) -> Iterator[Event | Seen]:
    """What may have ended a prompt unseen: a Cancel while its turn was prepared; before that a ClearQueue, too."""
    begun = facts.turns.get(prompt.name)
    if not facts.lacks.fates:
        yield from _dropped(prompt, facts)
    elif prompt.phase is Phase.TURN and prompt.turn is not None:
        yield StepFailed(prompt.turn, FailureCause.CANCELLED)
    elif begun is not None and prompt.phase in (Phase.LIVE, Phase.TAKEN):
        message: Any = begun.event
        yield begun._replace(event=StepFailed(message.turn, FailureCause.CANCELLED))
    else:
        yield from _dropped(prompt, facts)


def _dropped(prompt: Prompt, facts: Facts) -> Iterator[Event]:
    if prompt.phase in (Phase.NEW, Phase.LIVE, Phase.QUEUED, Phase.TAKEN) and facts.may_be_dropped(prompt.name):
        yield Dropped(prompt.name, DropReason.COVERED)
        yield Dropped(prompt.name, DropReason.CLEARED)
        yield CancelledOnEntry(prompt.name)


def _ended(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    prompt = state.prompt(_name(want.event))
    if prompt.phase is Phase.FOLDED:
        yield from _idle(state, want, facts)
    yield from _untold_summary(state, want, facts)
    if isinstance(want.event, Completed) and want.event.tells is not Outcome.CANCELLED:
        return
    yield from _end(state, prompt, facts)


def _untold_summary(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    """The turn's own summary, of whose failure no line tells, failed."""
    event: Any = want.event
    prompt = state.prompt(event.prompt)
    outcome = Outcome.FAILED if isinstance(event, ErrorNotified) else getattr(event, "tells", None) or event.outcome
    if prompt.full and prompt.turn is not None and outcome in (Outcome.FAILED, Outcome.CANCELLED):
        yield SummaryFailed(prompt.turn, outcome is Outcome.CANCELLED)


def _has_ended(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    """What may have ended a turn that is said to have ended."""
    event = want.event
    assert isinstance(event, TurnEnded)
    yield from _untold_summary(state, want, facts)
    turn = state.turn
    if turn is not None and turn.name == event.turn:
        yield from _turn_ends(turn, event, facts)
    elif state.prompt(event.prompt).phase is Phase.NEW:
        yield from _submit(state, want, facts)
    elif state.prompt(event.prompt).phase in (Phase.LIVE, Phase.QUEUED, Phase.TAKEN):
        cancelled = event.outcome is Outcome.CANCELLED
        yield ReadFailed(event.prompt, FailureCause.CANCELLED) if cancelled else FailedBeforeTurn(event.prompt)


def _turn_ends(turn: Turn, event: TurnEnded, facts: Facts) -> Iterator[Event]:
    if turn.stage is Stage.STREAMING:
        yield StreamEnded(turn.name, event.how, event.full)
    elif turn.stage is Stage.PREPARING and event.outcome in (Outcome.FINISHED, None):
        if StreamStarted in facts.lacks.events:
            yield StreamStarted(turn.name)
    elif turn.stage is Stage.PREPARING:
        cause = FailureCause.CANCELLED if event.outcome is Outcome.CANCELLED else FailureCause.STORE
        yield StepFailed(turn.name, cause)
        yield ReadFailed(event.prompt, cause)


def _stream(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    yield from _streams(state, facts)


def _fold(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    assert isinstance(want.event, WasFolded)
    yield Folded(want.event.prompt, want.event.turn)


def _drop(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    event = want.event
    assert isinstance(event, WasDropped)
    for reason in DropReason:
        if not event.entry and event.reason in (None, reason):
            yield Dropped(event.prompt, reason)
    if event.entry or (event.entry is None and _may_be_on_entry(state.prompt(event.prompt), facts)):
        yield CancelledOnEntry(event.prompt)


def _may_be_on_entry(prompt: Prompt, facts: Facts) -> bool:
    """Whether it explains more that a prompt was cancelled on entry than that it was dropped.

    From the queue on, whatever permits the one permits the other, and of who was dropped less is asked: no message. To try
    both would double the states with each prompt that one Cancel drops.
    """
    return prompt.phase not in (Phase.QUEUED, Phase.TAKEN) or prompt.name in facts.on_entry


def _became(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    yield from _queue(state, want, facts)
    yield from _end(state, state.prompt(_name(want.event)), facts)


def _failed(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    yield from _end(state, state.prompt(_name(want.event)), facts)


def _prepare(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    if state.turn is not None and facts.lacks.fates:
        yield StepFailed(state.turn.name, FailureCause.CANCELLED)


def _ahead(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    """Those before it in the queue may have been dropped."""
    for name in sorted(state.prompt(_name(want.event)).ahead):
        prompt = state.prompt(name)
        if prompt.waiting and prompt.cancel is not Reach.DOOMED and facts.may_be_dropped(name):
            yield Dropped(name, DropReason.COVERED)
            yield Dropped(name, DropReason.CLEARED)


def _at_rest(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    """The first that has not ended may have been dropped, unless the snapshot shows it in the queue."""
    left = want.event.shared.queue if isinstance(want.event, Rest) else ()
    for prompt in state.prompts:
        if prompt.outcome is None and prompt.phase not in (Phase.NEW, Phase.REFUSED) and prompt.name not in left:
            yield from _end(state, prompt, facts)
            return


def _summary(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    event: Any = want.event
    if want.thread is not None:
        own = state.turn.name if state.turn is not None and state.turn.full else None
        yield SummaryStarted(event.summary, want.thread, own)


def _takes_effect(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    event: Any = want.event
    kind = Kind.CLEAR if isinstance(event, ClearReturned) else Kind.CANCEL
    if state.operation(kind, event.operation) is not None:
        yield ClearTakesEffect(event.operation) if kind is Kind.CLEAR else CancelTakesEffect(event.operation)


_CURES: Final[dict[str, Cure]] = {
    "submitted": _submit,
    "has-been-queued": _queue,
    "has-been-folded": _fold,
    "has-been-dropped": _drop,
    "has-ended": _has_ended,
    "life-refuse": _life(queued=False),
    "life-fail": _life(queued=True),
    "read-under-way": _life(queued=True),
    "life-queue": _life(queued=False),
    "life-start": _life(queued=False),
    "life-fold": _life(queued=True),
    "life-drop": _life(queued=True),
    "life-cancel-on-entry": _life(queued=False),
    "nothing-active": _idle,
    "nothing-else-active": _idle,
    "rest-nothing-active": _idle,
    "stream-preparing": _start,
    "host-preparing": _start,
    "step-preparing": _start,
    "write-due": _write,
    "message-due": _write,
    "ended": _ended,
    "true-outcome": _untold_summary,
    "failed-or-told": _untold_summary,
    "streaming": _stream,
    "something-became": _became,
    "own-error": _failed,
    "turn-over": _prepare,
    "first-in-line": _ahead,
    "rest-queue-empty": _at_rest,
    "rest-all-ended": _at_rest,
    "summary-runs": _summary,
    "summary-active": _summary,
    "cancel-effective": _takes_effect,
    "clear-effective": _takes_effect,
}
"""Each guard that a hidden step may satisfy. What no step can satisfy refuses for good."""
