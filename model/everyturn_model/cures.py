"""Which hidden steps would have satisfied a guard: what a partial log may have left out, and where.

:func:`cures` answers a refusal; :func:`options` names what may have happened before something that needs nothing. Both
only propose: the guards of the proposed steps are asked in their turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from everyturn_model.events import (
    CancelledOnEntry,
    CancelReturned,
    ClearReturned,
    Completed,
    Dropped,
    DropReason,
    Event,
    FailureCause,
    Folded,
    MessageFailed,
    MessageWritten,
    Outcome,
    Queued,
    Rest,
    Returned,
    StepFailed,
    Submitted,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.lifecycle import Phase
from everyturn_model.spec import BY_EVENT
from everyturn_model.spec.actions import Action, CancelTakesEffect, ClearTakesEffect, Guard, Side
from everyturn_model.spec.prompts import Prompt, Reach
from everyturn_model.spec.state import Kind, State

# what only a partial log tells ------------------------------------------------------------------------------------------


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
class SummaryStreamStarted(Event):
    """The summary's stream begins: the summary is active."""

    summary: str


class Seen(NamedTuple):
    """Something that a partial log tells. ``place``: where, for people; ``prompt`` and ``thread``: whose turn, who runs it."""

    place: int
    event: Event
    prompt: str | None = None
    thread: str | None = None


def _same(state: State, event: Event) -> State:
    return state


def _mark(name: str, event: type[Event], *guards: Guard[Any]) -> Action[Any]:
    return Action(name, Side.SYSTEM, event, guards, _same)


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
    SummaryStreamStarted: _mark(
        "StartSummaryStream",
        SummaryStreamStarted,
        Guard(
            "summary-runs",
            "A summary's stream begins while the summary is active.",
            lambda state, event: state.summary is not None and state.summary.name == event.summary,
        ),
    ),
}


def watched(event: Event) -> Action[Any]:
    """The action that something seen, or hidden, tells of."""
    return _MARKS.get(type(event)) or BY_EVENT[type(event)]


class Facts:
    """What the log itself says up to the place just read: which calls are open, which streams are over, what is to come."""

    def __init__(self, seen: Sequence[Seen]) -> None:
        self._seen = seen
        self.called: dict[str, Submitted] = {}
        self.running: set[str] = set()
        self.streamed: set[str] = set()
        self._begins: dict[str, int] = {}
        self._folds: dict[str, tuple[int, Seen]] = {}
        self._summaries: list[tuple[int, Seen]] = []
        self.turns: dict[str, Seen] = {}
        for index, each in enumerate(seen):
            match each.event:
                case MessageWritten(prompt=prompt, by=Writer.FOLD) | MessageFailed(prompt=prompt, by=Writer.FOLD):
                    self._folds[prompt] = (index, each)
                    self._begins[prompt] = index
                case MessageWritten(prompt=prompt) | MessageFailed(prompt=prompt):
                    self._begins[prompt] = index
                case SummaryStreamStarted(summary) | SummaryStreamEnded(summary):
                    started = SummaryStarted(summary, each.thread or "", None)
                    self._summaries.append((index, each._replace(event=started)))
        self.now = 0

    def see(self, index: int) -> None:
        """Enter what stands at ``index``. A Run that was seen to return before it can queue nothing any more."""
        before = self._seen[self.now].event
        if isinstance(before, Returned) and index > self.now:
            self.running.discard(before.prompt)
        self.now = index
        match self._seen[index].event:
            case SubmitCalled(prompt, run_id, accepted):
                self.called[prompt] = Submitted(prompt, run_id, accepted)
            case RunCalled(prompt):
                self.running.add(prompt)
            case MessageWritten(prompt=prompt, by=Writer.TURN, turn=str()):
                self.turns[prompt] = self._seen[index]
            case SummaryStreamEnded(summary=summary):
                self.streamed.add(summary)
            case _:
                pass

    def will_begin(self, prompt: str) -> bool:
        """Whether the prompt's message is still to come, for a turn of its own or another."""
        return self._begins.get(prompt, -1) > self.now

    def summary_to_come(self) -> Seen | None:
        """The start of the summary whose stream is the next to be told of."""
        return next((started for index, started in self._summaries if index > self.now), None)

    def fold_to_come(self, prompt: str) -> Seen | None:
        """The write of the folded prompt's message, if it is still to come."""
        index, seen = self._folds.get(prompt, (-1, None))
        return seen if index > self.now else None


# cures ------------------------------------------------------------------------------------------------------------------

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
        write = facts.fold_to_come(prompt.name)
        if write is not None and write.prompt is not None and prompt.phase is Phase.QUEUED:
            yield write._replace(event=Folded(prompt.name, write.prompt))


def _options(state: State, event: Event, facts: Facts) -> Iterator[Event | Seen]:
    match event:
        case CancelTakesEffect():
            yield from _folds(state, facts)
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
        case Queued(prompt=prompt_name):
            for name in sorted(facts.running - {prompt_name}):
                other = state.prompt(name)
                if other.phase in (Phase.NEW, Phase.LIVE) and facts.called[name].run_id:
                    yield Queued(name)


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
    if state.turn is not None:
        yield TurnReleased(state.turn.name)
    if state.summary is not None and state.summary.name in facts.streamed:
        yield SummaryReleased(state.summary.name)


def _start(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    """The turn that must be active."""
    turn: str = getattr(want.event, "turn", None) or ""
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
        case Writer.CANCEL_ON_ENTRY:
            yield CancelledOnEntry(event.prompt)


def _end(state: State, prompt: Prompt, facts: Facts) -> Iterator[Event | Seen]:
    """What may have ended a prompt unseen: a Cancel while its turn was prepared; before that a ClearQueue, too."""
    begun = facts.turns.get(prompt.name)
    if prompt.phase is Phase.TURN and prompt.turn is not None:
        yield StepFailed(prompt.turn, FailureCause.CANCELLED)
    elif begun is not None and prompt.phase in (Phase.LIVE, Phase.TAKEN):
        message: Any = begun.event
        yield begun._replace(event=StepFailed(message.turn, FailureCause.CANCELLED))
    elif prompt.phase in (Phase.NEW, Phase.LIVE, Phase.QUEUED, Phase.TAKEN):
        yield Dropped(prompt.name, DropReason.COVERED)
        yield Dropped(prompt.name, DropReason.CLEARED)
        yield CancelledOnEntry(prompt.name)


def _ended(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    if isinstance(want.event, Completed) and want.event.tells is not Outcome.CANCELLED:
        return
    yield from _end(state, state.prompt(_name(want.event)), facts)


def _became(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    yield from _queue(state, want, facts)
    yield from _end(state, state.prompt(_name(want.event)), facts)


def _failed(state: State, want: Seen, facts: Facts) -> Iterator[Event | Seen]:
    yield from _end(state, state.prompt(_name(want.event)), facts)


def _prepare(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    if state.turn is not None:
        yield StepFailed(state.turn.name, FailureCause.CANCELLED)


def _ahead(state: State, want: Seen, facts: Facts) -> Iterator[Event]:
    """Those before it in the queue may have been dropped."""
    for name in sorted(state.prompt(_name(want.event)).ahead):
        prompt = state.prompt(name)
        if prompt.waiting and prompt.cancel is not Reach.DOOMED:
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
