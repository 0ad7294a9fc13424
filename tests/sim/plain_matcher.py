"""The plainest matcher of partial logs, to hold the real one against: every hidden step that might be is tried
everywhere.

It knows no cures, no order of trying and merges nothing but equal states: between any two lines it closes the set of
states under all hidden steps that the rest of the log leaves open. Exponential, so for small logs only. It reads logs
of any agent (no hidden starts of turns), and answers whether an explanation exists, not which.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from everyturn_model import events as ev
from everyturn_model import marks
from everyturn_model.lifecycle import Phase
from everyturn_model.marks import Lacks, Seen, watched
from everyturn_model.spec import START
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.state import Stage, State


class TooMany(Exception):
    """There are more states than the plain matcher is patient for."""


def explains(seen: Sequence[Seen], lacks: Lacks, limit: int = 20_000) -> bool:
    """Whether some placing of hidden steps explains the log. Raises :class:`TooMany` above ``limit`` states at once."""
    states = {START}
    for index, each in enumerate(seen):
        states = _closed(states, seen, index, lacks, limit)
        states = {after for state in states if (after := _after(state, each.event, lacks)) is not None}
        if not states:
            return False
    return True


def _closed(states: set[State], seen: Sequence[Seen], index: int, lacks: Lacks, limit: int) -> set[State]:
    steps = list(dict.fromkeys(_steps(seen, index)))
    entries = [step for step in steps if isinstance(step, ev.Queued)]
    steps = [step for step in steps if step not in entries]
    future = [each.event for each in seen[index:]]
    reached, fresh = set(states), list(states)
    while fresh:
        state = fresh.pop()
        back = [each for each in entries if state.prompt(each.prompt).phase is not Phase.TAKEN]
        for event in (*steps, *back, *_of(state, future, lacks)):
            after = _after(state, event, lacks)
            if after is not None and after not in reached:
                reached.add(after)
                fresh.append(after)
                if len(reached) > limit:
                    raise TooMany
    return reached


def _after(state: State, event: ev.Event, lacks: Lacks) -> State | None:
    action = watched(event)
    if all(guard.name in lacks.guards or guard.holds(state, event) for guard in action.guards):
        return action.effect(state, event)
    return None


def _steps(seen: Sequence[Seen], index: int) -> Iterator[ev.Event]:
    """What may happen unseen before what stands at ``index``, in whatever state that permits it."""
    everything = [each.event for each in seen]
    past, future = everything[:index], everything[index:]
    returned = {event.prompt for event in past if isinstance(event, ev.Returned)}
    for event in past:
        match event:
            case marks.SubmitCalled(prompt, run_id, accepted):
                yield ev.Submitted(prompt, run_id, accepted)
            case marks.RunCalled(prompt):
                yield ev.TakenOut(prompt)
                if prompt not in returned and ev.Queued(prompt) not in everything:
                    yield ev.Queued(prompt)
            case marks.TurnEnded(turn=str(turn)):
                yield ev.TurnReleased(turn)
            case ev.SummaryStreamEnded(summary=summary):
                yield ev.SummaryReleased(summary)
            case ev.CancelCalled(operation=operation):
                yield CancelTakesEffect(operation)
            case ev.ClearCalled(operation=operation):
                yield ClearTakesEffect(operation)
    for event in future:
        match event:
            case marks.WasFolded(prompt, turn):
                yield ev.Folded(prompt, turn)
            case ev.MessageWritten(prompt=prompt, by=ev.Writer.FOLD, turn=host):
                yield ev.Folded(prompt, host or "")
            case marks.WasDropped(prompt, reason, entry):
                if not entry:
                    yield from (ev.Dropped(prompt, each) for each in ev.DropReason if reason in (None, each))
                if entry is not False:
                    yield ev.CancelledOnEntry(prompt)


def _of(state: State, future: list[ev.Event], lacks: Lacks) -> Iterator[ev.Event]:
    """What may happen unseen to the active turn, or to a prompt whose end is told of later."""
    turn = state.turn
    if turn is not None and turn.stage is Stage.STREAMING:
        yield ev.StreamEnded(turn.name, ev.StreamEnd.TOOL)
    if turn is not None and ev.StreamStarted in lacks.events:
        yield ev.StreamStarted(turn.name)
    for event in future:
        if isinstance(event, marks.TurnEnded):
            yield from _endings(state, event)
        outcome, prompt = _outcome(event), state.prompt(getattr(event, "prompt", ""))
        if outcome in (ev.Outcome.FAILED, ev.Outcome.CANCELLED) and prompt.full and prompt.turn is not None:
            yield ev.SummaryFailed(prompt.turn, outcome is ev.Outcome.CANCELLED)


def _outcome(event: ev.Event) -> ev.Outcome | None:
    match event:
        case ev.ErrorNotified():
            return ev.Outcome.FAILED
        case ev.Completed():
            return event.tells
        case marks.TurnEnded():
            return event.outcome
    return None


def _endings(state: State, event: marks.TurnEnded) -> Iterator[ev.Event]:
    cancelled = event.outcome is ev.Outcome.CANCELLED
    cause = ev.FailureCause.CANCELLED if cancelled else ev.FailureCause.STORE
    turn = state.turn
    if turn is not None and turn.name == event.turn:
        if turn.stage is Stage.STREAMING:
            yield ev.StreamEnded(turn.name, event.how, event.full)
        elif event.outcome in (ev.Outcome.CANCELLED, ev.Outcome.FAILED):
            yield ev.StepFailed(turn.name, cause)
            yield ev.ReadFailed(event.prompt, cause)
    elif state.prompt(event.prompt).phase in (Phase.LIVE, Phase.TAKEN):
        yield ev.ReadFailed(event.prompt, cause) if cancelled else ev.FailedBeforeTurn(event.prompt)
