"""What only a partial log tells: marks, that is bounds of hidden steps, in the shape of actions without effect.

A line of a log stands before or after the step that it tells of. One that stands *after* becomes a mark whose guard
says what must have happened by then, so that the step itself may be put anywhere before. :class:`Lacks` says what else
a kind of log leaves open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from everyturn_model.events import DropReason, Event, Outcome, StreamEnd
from everyturn_model.lifecycle import Fate, Phase
from everyturn_model.spec import BY_EVENT
from everyturn_model.spec.actions import Action, Guard, Side
from everyturn_model.spec.prompts import Prompt, Told
from everyturn_model.spec.state import Stage, State


@dataclass(frozen=True, slots=True)
class SubmitCalled(Event):
    """From now on the prompt may be submitted."""

    prompt: str
    run_id: bool
    accepted: bool


@dataclass(frozen=True, slots=True)
class SubmitReturned(Event):
    """The prompt has been submitted."""

    prompt: str


@dataclass(frozen=True, slots=True)
class RunCalled(Event):
    """From now on, until its thread returns, the prompt may enter the queue."""

    prompt: str


@dataclass(frozen=True, slots=True)
class WasQueued(Event):
    """The prompt has been in the queue."""

    prompt: str


@dataclass(frozen=True, slots=True)
class WasFolded(Event):
    """The prompt has been folded into the turn. ``broken``: the session promises that nobody is folded."""

    prompt: str
    turn: str
    broken: bool = False


@dataclass(frozen=True, slots=True)
class WasDropped(Event):
    """The prompt has been dropped, or cancelled on entry (``entry``). Why a prompt was dropped may be unknown."""

    prompt: str
    reason: DropReason | None = None
    entry: bool | None = None


@dataclass(frozen=True, slots=True)
class TurnEnded(Event):
    """How the prompt's latest turn ended is known; without a turn, that the prompt failed before it.

    ``outcome`` is none if the line does not say it. ``how`` and ``full`` are those of the turn's last stream, for a log
    that does not tell of streams.
    """

    prompt: str
    turn: str | None
    outcome: Outcome | None
    how: StreamEnd
    full: bool = False


@dataclass(frozen=True, slots=True)
class EndIsTold(Event):
    """Somebody is about to be told how the prompt ended; ``known``: whether the log has told that it did."""

    prompt: str
    known: bool


@dataclass(frozen=True, slots=True)
class Forgotten(Event):
    """The log says no more about these prompts: those to whom nothing is owed need not be remembered.

    ``messages``: whether the log tells of user messages, so that theirs must have been stored.
    """

    prompts: frozenset[str]
    messages: bool


@dataclass(frozen=True, slots=True)
class Found(Event):
    """Hidden: the prompt had been submitted when this Cancel was called, and so when any later one was.

    What follows from it is known to :mod:`everyturn_model.entries`.
    """

    prompt: str
    operation: str


class Seen(NamedTuple):
    """Something that a partial log tells. ``place``: where, for people; ``prompt`` and ``thread``: whose turn, who runs
    it."""

    place: int
    event: Event
    prompt: str | None = None
    thread: str | None = None


class Lacks(NamedTuple):
    """What a log does not tell: ``events`` that no line stands for, and ``guards`` that ask for more than the log
    shows.

    ``fates``: nor who was dropped, nor how a turn ended, unless something else shows it. ``steps``: whether it lacks
    any step but the effects of Cancel and ClearQueue.
    """

    events: frozenset[type[Event]] = frozenset()
    guards: frozenset[str] = frozenset()
    fates: bool = True
    steps: bool = True


UNTOLD_CANCELS: Final = frozenset({"cancel-reaches"})
"""Guards that ask what a Cancel has reached, of which no log of an agent tells."""


def _same(state: State, event: Event) -> State:
    return state


def _forget(state: State, event: Forgotten) -> State:
    """The state without those who pass every guard of rest for good."""
    kept = (each for each in state.prompts if each.name not in event.prompts or not _done(each, event))
    return state._replace(prompts=tuple(kept))


def _done(prompt: Prompt, event: Forgotten) -> bool:
    told = not prompt.run_id or prompt.told is Told.REACHED or prompt.notified
    stored = bool(prompt.written) or prompt.excused or prompt.fate in (Fate.DROPPED, Fate.FAILED)
    over = prompt.outcome is not None and not prompt.unfinished and prompt.phase is not Phase.TURN
    return over and told and (stored or not event.messages)


def _mark(name: str, event: type[Event], *guards: Guard[Any]) -> Action[Any]:
    return Action(name, Side.SYSTEM, event, guards, _same)


def _was_dropped(state: State, event: WasDropped) -> bool:
    phase = state.prompt(event.prompt).phase
    if event.entry is None:
        return phase in (Phase.DROPPED, Phase.CANCELLED_ON_ENTRY)
    return phase is (Phase.CANCELLED_ON_ENTRY if event.entry else Phase.DROPPED)


def _has_ended(state: State, event: TurnEnded) -> bool:
    turn = state.turn
    if event.outcome is None:
        return turn is None or turn.name != event.turn or turn.stage is Stage.OVER or turn.full
    return state.ending(state.prompt(event.prompt)) is event.outcome


_MARKS: Final[dict[type[Event], Action[Any]]] = {
    SubmitCalled: _mark("SubmitCalled", SubmitCalled),
    RunCalled: _mark("RunCalled", RunCalled),
    SubmitReturned: _mark(
        "SubmitReturned",
        SubmitReturned,
        Guard(
            "submitted",
            "A submission returns when the prompt was submitted.",
            lambda state, event: state.prompt(event.prompt).phase is not Phase.NEW,
        ),
    ),
    WasQueued: _mark(
        "WasQueued",
        WasQueued,
        Guard(
            "has-been-queued",
            "A call comes back as queued when its prompt was put into the queue.",
            lambda state, event: state.prompt(event.prompt).queued,
        ),
    ),
    WasFolded: _mark(
        "WasFolded",
        WasFolded,
        Guard(
            "has-been-folded",
            "A prompt is said to be folded when a turn has taken it in.",
            lambda state, event: state.prompt(event.prompt).phase is Phase.FOLDED,
        ),
    ),
    WasDropped: _mark(
        "WasDropped",
        WasDropped,
        Guard("has-been-dropped", "A prompt is said to be dropped when it left the queue for good.", _was_dropped),
    ),
    TurnEnded: _mark(
        "TurnEnded",
        TurnEnded,
        Guard("has-ended", "A turn is said to have ended as its last stream or its preparation did.", _has_ended),
    ),
    Found: Action("Found", Side.ENVIRONMENT, Found, (), _same),
    Forgotten: Action("Forget", Side.ENVIRONMENT, Forgotten, (), _forget),
    EndIsTold: _mark(
        "EndIsTold",
        EndIsTold,
        Guard(
            "end-known",
            "Nobody is told of a turn's end before it is known how the turn ended.",
            lambda state, event: event.known,
        ),
    ),
}


def watched(event: Event) -> Action[Any]:
    """The action that something seen, or hidden, tells of."""
    return _MARKS.get(type(event)) or BY_EVENT[type(event)]
