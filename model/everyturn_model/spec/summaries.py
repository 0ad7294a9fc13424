"""What may happen in a summary, a user's or one within a turn.

Part of the specification (:mod:`everyturn_model.spec`).
"""

from __future__ import annotations

from typing import Any, Final

from everyturn_model.events import (
    Outcome,
    StreamEnd,
    SummaryFailed,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    SummaryStreamStarted,
)
from everyturn_model.spec.actions import Action, Guard, Side
from everyturn_model.spec.prompts import Reach
from everyturn_model.spec.state import OperationKind, State, Summary


def start_summary(state: State, event: SummaryStarted) -> State:
    """The summary is active; one within a turn is reached by what has reached the turn."""
    own = state.of_turn(event.turn)
    exposed = state.cancelling or (own is not None and own.cancel is not Reach.FREE)
    state = state.passed_by(event.thread, None if own is None else own.name)
    return state._replace(summary=Summary(event.summary, event.turn, exposed))


def _asked_for(state: State, event: SummaryStarted) -> bool:
    if event.turn is None:
        return state.open(OperationKind.SUMMARISE)
    own = state.of_turn(event.turn)
    return own is not None and own.full


def _own_name(state: State, turn: str | None) -> str | None:
    own = state.of_turn(turn)
    return None if own is None else own.name


START_SUMMARY = Action(
    "StartSummary",
    Side.SYSTEM,
    SummaryStarted,
    (
        Guard(
            "nothing-else-active",
            "A summary starts only while no turn, except the one that it summarises, and no other summary is active.",
            lambda state, event: state.summary is None and (state.turn is None or state.turn.name == event.turn),
        ),
        Guard(
            "asked-for",
            "A summary is made when a user asks for it, or for a turn that stopped because its context is nearly full.",
            _asked_for,
        ),
        Guard(
            "summary-holds-nothing",
            "A thread does not start a summary while it keeps the completion of another prompt.",
            lambda state, event: state.holds_nothing(event.thread, _own_name(state, event.turn)),
        ),
    ),
    start_summary,
)


def start_summary_stream(state: State, event: SummaryStreamStarted) -> State:
    """The summary streams; one that is made under its turn's own entry is active from now on."""
    if state.summary is not None:
        return state._replace(summary=state.summary._replace(streaming=True))
    state = start_summary(state, SummaryStarted(event.summary, event.thread, event.turn))
    assert state.summary is not None
    return state._replace(summary=state.summary._replace(streaming=True, entered=False))


def _summary_runs(state: State, event: SummaryStreamStarted) -> bool:
    if state.summary is not None:
        return state.summary.name == event.summary and not state.summary.streaming
    own = state.of_turn(event.turn)
    return own is not None and own.full and (state.turn is None or state.turn.name == event.turn)


START_SUMMARY_STREAM = Action(
    "StartSummaryStream",
    Side.SYSTEM,
    SummaryStreamStarted,
    (
        Guard(
            "summary-runs",
            "A summary's stream begins while the summary is active, or within the turn that stopped to be summarised.",
            _summary_runs,
        ),
        Guard(
            "summary-stream-holds-nothing",
            "A thread does not start a summary while it keeps the completion of another prompt.",
            lambda state, event: (
                state.summary is not None or state.holds_nothing(event.thread, _own_name(state, event.turn))
            ),
        ),
    ),
    start_summary_stream,
)


def end_summary_stream(state: State, event: SummaryStreamEnded) -> State:
    """The summary streams no more; one without an entry of its own is over."""
    summary = state.summary
    if summary is None or summary.name != event.summary:
        return state
    return state._replace(summary=summary._replace(streaming=False) if summary.entered else None)


def _summary_active(state: State, event: SummaryStreamEnded) -> bool:
    if state.summary is not None:
        return state.summary.name == event.summary
    return state.turn is not None and state.prompt(state.turn.prompt).full


def _summary_exposed(state: State) -> bool:
    if state.summary is not None:
        return state.summary.exposed
    return state.turn is not None and state.exposed(state.turn.name)


END_SUMMARY_STREAM = Action(
    "EndSummaryStream",
    Side.SYSTEM,
    SummaryStreamEnded,
    (
        Guard(
            "summary-active",
            "A summary's stream ends while the summary, or the turn that it summarises, is active.",
            _summary_active,
        ),
        Guard(
            "summary-reached",
            "A summary's stream ends as cancelled only if a Cancel or a shutdown may have reached it.",
            lambda state, event: event.how is not StreamEnd.CANCELLED or _summary_exposed(state),
        ),
    ),
    end_summary_stream,
)

END_SUMMARY = Action(
    "EndSummary",
    Side.SYSTEM,
    SummaryReleased,
    (
        Guard(
            "summary-over",
            "A summary is released when its stream has ended, or before it has begun.",
            lambda state, event: (
                state.summary is None or state.summary.name != event.summary or not state.summary.streaming
            ),
        ),
    ),
    lambda state, event: (
        state.disturbed()._replace(summary=None)
        if state.summary is not None and state.summary.name == event.summary
        else state
    ),
)


def fail_summary(state: State, event: SummaryFailed) -> State:
    """The turn that was to be summarised ends with the summary's error."""
    outcome = Outcome.CANCELLED if event.cancelled else Outcome.FAILED
    prompt = state.of_turn(event.turn)
    assert prompt is not None
    prompt = prompt._replace(full=False)
    if state.turn is not None and state.turn.name == event.turn:
        state = state.put(prompt)._replace(turn=state.turn._replace(full=False))
        return state.finish(outcome)
    return state.put(prompt._replace(outcome=outcome))


def _summarised(state: State, event: SummaryFailed) -> bool:
    prompt = state.of_turn(event.turn)
    return prompt is not None and prompt.full


FAIL_SUMMARY = Action(
    "FailSummary",
    Side.SYSTEM,
    SummaryFailed,
    (
        Guard(
            "summarised",
            "Only a turn that stopped to be summarised fails with its summary, before it is told or continued.",
            _summarised,
        ),
        Guard(
            "summary-failure-reached",
            "A summary fails because of a Cancel only if a Cancel or a shutdown may have reached the turn.",
            lambda state, event: not event.cancelled or state.exposed(event.turn),
        ),
    ),
    fail_summary,
)


SUMMARY_ACTIONS: Final[tuple[Action[Any], ...]] = (
    START_SUMMARY,
    START_SUMMARY_STREAM,
    END_SUMMARY_STREAM,
    END_SUMMARY,
    FAIL_SUMMARY,
)
"""What the system may do with a summary."""
