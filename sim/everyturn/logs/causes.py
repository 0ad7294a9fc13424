"""What tells causes apart that one rule refuses: each is mended at another place of the agent.

A cause is a guard and *how* it was broken, in words without names: what had become of the prompt, what held the
session, what was told and what was true. It is as fine as what a log shows; two causes that are one place in the
agent's code may remain two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Final, NamedTuple

from everyturn.logs.conforming import RunMatch, standing
from everyturn_model import events as ev
from everyturn_model.events import DropReason, StreamEnd
from everyturn_model.marks import EndIsTold
from everyturn_model.spec.state import State

_ENDED: Final = {
    StreamEnd.FINISHED: "whose turn finished",
    StreamEnd.CANCELLED: "whose turn was cancelled",
    StreamEnd.ERROR: "whose turn failed",
    StreamEnd.UNAUTHORISED: "whose turn failed",
}

_DROPPED: Final = {
    DropReason.COVERED: "which was dropped",
    DropReason.CLEARED: "which was cleared",
}


class RefusalCause(NamedTuple):
    """Why a run was refused: the guard, how it was broken, and of which prompts that is said."""

    guard: str
    how: str
    prompts: tuple[str, ...] = ()


def causes(run: RunMatch) -> tuple[RefusalCause, ...]:
    """Why a refused run was refused first: one cause, or several if clients are left alone for different reasons."""
    refused = run.matched.refusals[0]
    state = refused.states[0]
    event: Any = refused.needed[0].event
    names = tuple(standing(refused.guard, state))
    if refused.guard in ("rest-all-told", "rest-all-ended"):
        fates = {name: became(run, name) for name in names}
        return tuple(
            RefusalCause(refused.guard, how, tuple(name for name in names if fates[name] == how))
            for how in dict.fromkeys(fates.values())
        )
    if refused.guard == "told-once":
        return (RefusalCause(refused.guard, became(run, event.prompt), names),)
    if refused.guard == "rest-queue-empty":
        return (RefusalCause(refused.guard, f"{seen_in_queue(event)} {left_by(run, state)}", names),)
    broken: Callable[[Any, State], str] = _HOW.get(refused.guard, _kind)
    return (RefusalCause(refused.guard, broken(event, state), names),)


def became(run: RunMatch, prompt: str) -> str:
    """What became of a prompt, as far as the explanation of its run says, as a relative clause.

    A turn hands over if a thread that is named after a prompt goes on with another one's turn; a thread that runs
    everybody's turns does nothing else.
    """
    said = "of which nothing became"
    own = {each.name for refused in run.matched.refusals[:1] for each in refused.states[0].prompts}
    turns: dict[str, str] = {}
    over = handed = False
    for step in run.matched.explanation:
        match step.event:
            case ev.TurnStarted(turn=turn, prompt=name, thread=thread) if name == prompt:
                turns[turn], over, handed = thread, False, False
            case ev.TurnStarted(thread=thread) if over and thread in own.intersection(turns.values()):
                handed = True
            case ev.StreamEnded(turn=turn, how=how) if turn in turns and how in _ENDED:
                said, over = _ENDED[how], True
            case ev.StepFailed(turn=turn, cause=cause) if turn in turns:
                said, over = _failed(cause, guessed=step.hidden), True
            case event:
                said = _fate(event, prompt) or said
    return f"{said} and handed over" if handed else said


def _failed(cause: ev.FailureCause, *, guessed: bool) -> str:
    """How a turn ended whose preparation failed; if no line tells that it was the preparation, how it ended is all that
    is known."""
    if not guessed:
        return "whose turn could not be prepared"
    return _ENDED[StreamEnd.CANCELLED if cause is ev.FailureCause.CANCELLED else StreamEnd.ERROR]


def _fate(event: ev.Event, prompt: str) -> str | None:
    """What an event says for good of a prompt that has no turn of its own."""
    match event:
        case ev.Folded(prompt=name) if name == prompt:
            return "which was folded"
        case ev.Dropped(prompt=name, reason=reason) if name == prompt:
            return _DROPPED[reason]
        case ev.CancelledOnEntry(prompt=name) if name == prompt:
            return "which was cancelled before its turn"
        case ev.FailedBeforeTurn(prompt=name) | ev.ReadFailed(prompt=name) if name == prompt:
            return "which failed before its turn"
    return None


def left_by(run: RunMatch, state: State) -> str:
    """Who held the session last, and how that ended; it should have looked at the queue."""
    last: str | None = None
    for step in run.matched.explanation:
        match step.event:
            case ev.TurnReleased(turn=turn):
                owner = state.of_turn(turn)
                ending = None if owner is None else state.ending(owner)
                last = "after a turn that has ended" if ending is None else f"after a turn that {_PAST[ending]}"
            case ev.SummaryReleased():
                last = "after a summary"
    return last or "although no turn was active"


_PAST: Final = {
    ev.Outcome.FINISHED: "finished",
    ev.Outcome.FAILED: "failed",
    ev.Outcome.CANCELLED: "was cancelled",
}


def seen_in_queue(event: ev.Event) -> str:
    """Whether the snapshot at rest shows a queue; without one, a prompt is known only to have entered it."""
    shown = isinstance(event, ev.Rest) and bool(event.shared.queue)
    return "still in the queue" if shown else "entered the queue and, as far as any line tells, never left it"


def _kind(event: ev.Event, state: State) -> str:
    """For guards without a rule of their own: which kinds of thing the refused step is about."""
    fields = (getattr(event, name) for name in event.__dataclass_fields__)
    return " ".join([type(event).__name__, *(str(each) for each in fields if isinstance(each, Enum))])


def _active(event: ev.Event, state: State) -> str:
    """What was active: a turn or a summary."""
    return "a turn" if state.turn is not None else "a summary"


def _told(event: Any, state: State) -> str:
    """What was told, and what was true."""
    if isinstance(event, EndIsTold):
        return f"an end that no line tells, {state.ending(state.prompt(event.prompt))}"
    return f"{event.tells}, {state.ending(state.prompt(event.prompt))}"


def _whose(event: Any, state: State) -> str:
    """Whether an answer or an error is somebody else's."""
    return "an answer" if event.owner not in (None, event.prompt) else "an error"


def _left_over(event: Any, state: State) -> str:
    """What is left over."""
    shared: ev.SharedData = event.shared
    left: Iterable[str] = (
        name for name in ("active", "queue", "reservations", "mark", "mutex") if getattr(shared, name)
    )
    return ", ".join(left)


_HOW: Final[dict[str, Callable[[Any, State], str]]] = {
    "nothing-active": _active,
    "nothing-else-active": _active,
    "rest-nothing-active": _active,
    "true-outcome": _told,
    "ended": _told,
    "end-known": _told,
    "own-answer": _whose,
    "rest-clean": _left_over,
}
"""How each of these guards is broken, from the step that it refuses and the state in which it does."""
