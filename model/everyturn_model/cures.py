"""Which hidden steps would have satisfied a guard: what a partial log may have left out, and where.

:func:`cures` answers a refusal; what may have happened before something that needs nothing is in
:mod:`everyturn_model.before`. Both only propose: the guards of the proposed steps are asked in their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from everyturn_model.before import untold_stream
from everyturn_model.drops import dropped, drops
from everyturn_model.entries import Entries, excuses, first_of_those_before
from everyturn_model.events import (
    CancelledOnEntry,
    ClearReturned,
    Completed,
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
from everyturn_model.spec.prompts import Prompt
from everyturn_model.spec.state import OperationKind, Stage, State, Turn
from everyturn_model.ways import Either, Ways, placed

Cure = Callable[[State, Seen, Facts], Iterator[Event | Seen | Either]]
"""Proposes hidden steps; those of another turn than the one that was seen are a :class:`Seen` of their own."""


def cures(guard: str, state: State, want: Seen, facts: Facts) -> Ways:
    """The hidden steps that may bring about what ``guard`` found lacking, the likeliest first."""
    cure = _CURES.get(guard)
    return () if cure is None else placed(want, cure(state, want, facts))


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


def _end(state: State, prompt: Prompt, facts: Facts) -> Iterator[Event | Seen | Either]:
    """What may have ended a prompt unseen: a Cancel while its turn was prepared; before that a ClearQueue, too."""
    begun = facts.turns.get(prompt.name)
    if not facts.lacks.fates:
        yield from dropped(prompt, facts)
    elif prompt.phase is Phase.TURN and prompt.turn is not None:
        yield StepFailed(prompt.turn, FailureCause.CANCELLED)
    elif begun is not None and prompt.phase in (Phase.LIVE, Phase.TAKEN):
        message: Any = begun.event
        yield begun._replace(event=StepFailed(message.turn, FailureCause.CANCELLED))
    else:
        yield from dropped(prompt, facts)


def _ended(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen | Either]:
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
        yield _fails(event)


def _fails(event: TurnEnded) -> Event:
    """The failure of a prompt that ended without a turn."""
    cancelled = event.outcome is Outcome.CANCELLED
    return ReadFailed(event.prompt, FailureCause.CANCELLED) if cancelled else FailedBeforeTurn(event.prompt)


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
    yield from untold_stream(state, facts)


def _fold(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    assert isinstance(want.event, WasFolded)
    yield Folded(want.event.prompt, want.event.turn, broken=want.event.broken)


def _drop(state: State, want: Seen, facts: Facts) -> Iterator[Either]:
    event = want.event
    assert isinstance(event, WasDropped)
    yield drops(event, facts)


def _became(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen | Either]:
    """Where a drop is told of it comes first, since what is dropped stands in nobody's way."""
    queue = _queue(state, want, facts)
    end = _end(state, state.prompt(_name(want.event)), facts)
    if facts.lacks.fates:
        yield from queue
        yield from end
    else:
        steps = (step for each in end for step in (each if isinstance(each, Either) else (each,)))
        yield Either(step for step in (*steps, *queue) if isinstance(step, Event))


def _failed(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen | Either]:
    yield from _end(state, state.prompt(_name(want.event)), facts)


def _prepare(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    if state.turn is not None and facts.lacks.fates:
        yield StepFailed(state.turn.name, FailureCause.CANCELLED)


def overtaking(state: State, entries: Entries, want: Seen, facts: Facts) -> Ways:
    """What lets a prompt start though another entered the queue before it: that one was dropped, or a Cancel has
    reached it."""
    assert isinstance(want.event, TurnStarted)
    name = first_of_those_before(state, entries, want.event, facts)
    return () if name is None else placed(want, _out_of_line(state, name, entries, facts))


def _out_of_line(state: State, name: str, entries: Entries, facts: Facts) -> Iterator[Event | Either]:
    if facts.may_be_dropped(name):
        yield drops(facts.drop_to_come(name) or WasDropped(name, None, entry=False), facts)
    failure = facts.failure_to_come(name)
    if failure is not None:
        yield _fails(failure)
    for each in state.operations:
        if each.kind is OperationKind.CANCEL and not each.done and name in each.found:
            yield CancelTakesEffect(each.name)
    yield from excuses(name, entries, facts)


def _at_rest(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen | Either]:
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
    kind = OperationKind.CLEAR if isinstance(event, ClearReturned) else OperationKind.CANCEL
    if state.operation(kind, event.operation) is not None:
        yield ClearTakesEffect(event.operation) if kind is OperationKind.CLEAR else CancelTakesEffect(event.operation)


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
    "rest-queue-empty": _at_rest,
    "rest-all-ended": _at_rest,
    "summary-runs": _summary,
    "summary-active": _summary,
    "cancel-effective": _takes_effect,
    "clear-effective": _takes_effect,
}
"""Each guard that a hidden step may satisfy. What no step can satisfy refuses for good."""
