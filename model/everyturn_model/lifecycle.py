"""The life of one prompt, as a table, and the ledger that follows all prompts of a run through it.

Rules of the table:

1. A prompt is new until it is submitted, and then live until its fate is decided.
2. A live prompt is refused, queued, cancelled on entry, started, or fails before its turn.
3. A queued prompt can only be taken out; a prompt that was taken out is started, folded, dropped, cancelled on entry,
   or queued again. Whoever takes it out and does nothing loses it.
4. A turn that was left may come back: its prompt is queued again (the rest of a summarised turn, a retry that found the
   session busy) or started again (a retry). Whatever becomes of it then, its fate stays *started*.
5. Everything else is a step that no correct dispatcher makes. The table does not know it, the phase stays as it was;
   what it breaks is for the invariants to say, which look at the *fates* that a prompt has collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from everyturn_model.events import (
    CancelledOnEntry,
    Completed,
    Dropped,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    FailureCause,
    Folded,
    MessageFailed,
    MessageWritten,
    Outcome,
    Queued,
    ReadFailed,
    Refused,
    Returned,
    StepFailed,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummaryFailed,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)


class Phase(StrEnum):
    """Where a prompt stands."""

    NEW = "new"
    LIVE = "live"
    QUEUED = "queued"
    TAKEN = "taken"
    TURN = "turn"
    LEFT = "left"
    FOLDED = "folded"
    DROPPED = "dropped"
    CANCELLED_ON_ENTRY = "cancelled on entry"
    FAILED = "failed before its turn"
    REFUSED = "refused"


LIFE: Final[dict[tuple[Phase, type[Event]], Phase]] = {
    (Phase.NEW, Submitted): Phase.LIVE,
    (Phase.LIVE, Refused): Phase.REFUSED,
    (Phase.LIVE, Queued): Phase.QUEUED,
    (Phase.LIVE, TurnStarted): Phase.TURN,
    (Phase.LIVE, CancelledOnEntry): Phase.CANCELLED_ON_ENTRY,
    (Phase.LIVE, FailedBeforeTurn): Phase.FAILED,
    (Phase.QUEUED, TakenOut): Phase.TAKEN,
    (Phase.TAKEN, TurnStarted): Phase.TURN,
    (Phase.TAKEN, Folded): Phase.FOLDED,
    (Phase.TAKEN, Dropped): Phase.DROPPED,
    (Phase.TAKEN, CancelledOnEntry): Phase.CANCELLED_ON_ENTRY,
    (Phase.TAKEN, FailedBeforeTurn): Phase.FAILED,
    (Phase.TAKEN, Queued): Phase.QUEUED,
    (Phase.TURN, TurnReleased): Phase.LEFT,
    (Phase.LEFT, Queued): Phase.QUEUED,
    (Phase.LEFT, TurnStarted): Phase.TURN,
}
"""Phase and kind of event → next phase. The diagram in the documentation is drawn from this table."""


class Fate(StrEnum):
    """What became of a prompt. One that was not refused has exactly one, in the end."""

    REFUSED = "refused"
    STARTED = "started"
    FOLDED = "folded"
    CANCELLED_ON_ENTRY = "cancelled on entry"
    DROPPED = "dropped"
    FAILED = "failed before its turn"


FATES: Final[dict[type[Event], Fate]] = {
    Refused: Fate.REFUSED,
    TurnStarted: Fate.STARTED,
    Folded: Fate.FOLDED,
    CancelledOnEntry: Fate.CANCELLED_ON_ENTRY,
    Dropped: Fate.DROPPED,
    FailedBeforeTurn: Fate.FAILED,
}
"""The event that decides each fate."""

_CAUSES: Final = {FailureCause.CANCELLED: Outcome.CANCELLED, FailureCause.STORE: Outcome.FAILED}
_ENDS: Final = {
    StreamEnd.FINISHED: Outcome.FINISHED,
    StreamEnd.ERROR: Outcome.FAILED,
    StreamEnd.UNAUTHORISED: Outcome.FAILED,
    StreamEnd.CANCELLED: Outcome.CANCELLED,
    StreamEnd.TOOL: None,
}


class Execution(NamedTuple):
    """One execution of a prompt: the thread that runs it, its latest assistant message, how it ended.

    ``earlier``: the assistant messages of its earlier steps.
    ``retryable``: the credentials were refused, so that the prompt's own thread may try again.
    """

    name: str
    thread: str
    message: str | None = None
    ending: Outcome | None = None
    retryable: bool = False
    earlier: frozenset[str] = frozenset()


class Life(NamedTuple):
    """What is known of one prompt.

    ``turns``: its executions so far; ``host``: the turn it was folded into; ``settled``: how it ended without a turn,
    or after its last one. ``written``: how often its user message was stored (2: twice or more); ``excused``: a write
    of it failed. ``continued``: it stopped for a summary, so that what is written from then on is a new message.
    ``notices``: what the first two completions for it that were given to the broker said; ``reached``: one of them was
    not given up; ``notified``: an error notification or its own return told its error; ``returned``: the thread that
    submitted it has ended.
    """

    prompt: str
    run_id: bool
    phase: Phase = Phase.LIVE
    fates: frozenset[Fate] = frozenset()
    turns: tuple[Execution, ...] = ()
    host: str | None = None
    settled: Outcome | None = None
    written: int = 0
    excused: bool = False
    continued: bool = False
    notices: tuple[Outcome, ...] = ()
    reached: bool = False
    notified: bool = False
    returned: bool = False

    @property
    def told(self) -> int:
        """How many completions for it were given to the broker (2: two or more)."""
        return len(self.notices)

    @property
    def thread(self) -> str | None:
        """The thread that runs its latest turn."""
        return self.turns[-1].thread if self.turns else None

    @property
    def ending(self) -> Outcome | None:
        """How it ended, as far as is known: without a turn, or by its latest one."""
        return self.settled or (self.turns[-1].ending if self.turns else None)

    @property
    def over(self) -> bool:
        """Whether the prompt has ended: no turn, continuation or retry of it is to come (a folded one asks its
        host)."""
        if self.phase is Phase.LEFT:
            return self.ending is not None and not (self.turns[-1].retryable and not self.returned)
        return self.phase in _OVER


_OVER: Final = frozenset({Phase.DROPPED, Phase.CANCELLED_ON_ENTRY, Phase.FAILED, Phase.REFUSED})


@dataclass(frozen=True, slots=True)
class Ledger:
    """The lives of all prompts that were submitted so far, ordered by their names. Immutable."""

    lives: tuple[Life, ...] = ()

    def __iter__(self) -> Iterator[Life]:
        """All lives."""
        return iter(self.lives)

    def get(self, prompt: str) -> Life | None:
        """The life of ``prompt``, none before it was submitted."""
        for life in self.lives:
            if life.prompt == prompt:
                return life
        return None

    def of_turn(self, turn: str) -> Life | None:
        """The life that has the turn ``turn``."""
        for life in self.lives:
            if any(each.name == turn for each in life.turns):
                return life
        return None

    def of_message(self, message: str | None) -> tuple[Life, Execution] | None:
        """The life and the turn whose assistant message is ``message``."""
        for life in self.lives:
            for turn in life.turns:
                if message is not None and (turn.message == message or message in turn.earlier):
                    return life, turn
        return None

    def folded_into(self, turn: str) -> tuple[Life, ...]:
        """The lives that were folded into ``turn``."""
        return tuple(life for life in self.lives if life.host == turn)

    def is_over(self, life: Life) -> bool:
        """Whether the prompt has ended; a folded prompt ends with its host."""
        if life.phase is Phase.FOLDED and life.host is not None:
            host = self.of_turn(life.host)
            return host is None or host.over
        return life.over

    def ending(self, life: Life) -> Outcome | None:
        """How the prompt ended; a folded prompt takes the ending of its host's turn."""
        if life.phase is Phase.FOLDED and life.host is not None:
            host = self.of_turn(life.host)
            return None if host is None else next(turn.ending for turn in host.turns if turn.name == life.host)
        return life.ending

    def step(self, event: Event) -> Ledger:
        """The ledger after ``event``."""
        if isinstance(event, Submitted):
            life = Life(event.prompt, event.run_id)
            return Ledger(tuple(sorted((*self.lives, life), key=lambda each: each.prompt)))
        if isinstance(event, MessageFailed) and event.by is Writer.FOLD and event.turn is not None:
            return self._follow(event)._follow(StepFailed(event.turn, event.cause))
        return self._follow(event)

    def _follow(self, event: Event) -> Ledger:
        life_before = self._subject(event)
        if life_before is None:
            return self
        life = follow(life_before, event)
        if life == life_before:
            return self
        return Ledger(tuple(life if each is life_before else each for each in self.lives))

    def _subject(self, event: Event) -> Life | None:
        turn = getattr(event, "turn", None)
        prompt = getattr(event, "prompt", None)
        if prompt is not None:
            return self.get(prompt)
        return None if turn is None else self.of_turn(turn)


def follow(life: Life, event: Event) -> Life:
    """The life of a prompt after an event that concerns it."""
    kind = type(event)
    fate = FATES.get(kind)
    returns = bool(life.turns) and life.phase is Phase.TAKEN
    if fate is not None and not returns:
        life = life._replace(fates=life.fates | {fate})
    if not (isinstance(event, TurnReleased) and event.turn != life.turns[-1].name):
        life = life._replace(phase=LIFE.get((life.phase, kind), life.phase))
    return _details(life, event)


def _details(life: Life, event: Event) -> Life:
    """The part of :func:`follow` that is no phase and no fate."""
    match event:
        case TurnStarted(turn=name, thread=thread):
            return life._replace(turns=(*life.turns, Execution(name, thread)), settled=None)
        case Folded(turn=host):
            return life._replace(host=host)
        case Dropped() | CancelledOnEntry() if life.phase in _OVER:
            return life._replace(settled=Outcome.CANCELLED)
        case FailedBeforeTurn():
            return life._replace(settled=Outcome.FAILED)
        case MessageWritten():
            return _written(life)
        case Completed(delivered=True, lost=lost, run_id=run_id) if run_id or not life.run_id:
            notices = (*life.notices, event.tells)[:2]
            return life._replace(notices=notices, reached=life.reached or not lost)
        case ErrorNotified(owner=owner, lost=False):
            return life._replace(notified=life.notified or owner == life.prompt)
        case Returned(failed=failed):
            return life._replace(returned=True, notified=life.notified or failed)
        case ReadFailed(cause=cause):
            return _failed_early(life, cause)
        case MessageFailed(cause=cause, by=by, stored=stored):
            life = (_written(life) if stored else life)._replace(excused=True)
            return _failed_early(life, cause) if by is Writer.TURN else life
        case StepPrepared() | StepFailed() | StreamStarted() | StreamEnded() | SummaryFailed():
            turns = tuple(_turn(turn, event) if turn.name == event.turn else turn for turn in life.turns)
            full = isinstance(event, StreamEnded) and event.full
            return life._replace(turns=turns, continued=life.continued or full)
        case _:
            return life


def _written(life: Life) -> Life:
    """The user message is stored once more; what a continuation writes is a new one."""
    return life if life.continued else life._replace(written=min(2, life.written + 1))


def _turn(turn: Execution, event: StepPrepared | StepFailed | StreamStarted | StreamEnded | SummaryFailed) -> Execution:
    """A turn after something happened in it."""
    match event:
        case StepPrepared(message=message):
            earlier = turn.earlier if turn.message is None else turn.earlier | {turn.message}
            return turn._replace(message=message, earlier=earlier - {message})
        case StreamStarted():
            return turn._replace(ending=None, retryable=False)
        case StreamEnded(how=how):
            return turn._replace(ending=_ENDS[how], retryable=how is StreamEnd.UNAUTHORISED)
        case StepFailed(cause=cause):
            return turn._replace(ending=turn.ending or _CAUSES[cause])
        case SummaryFailed(cancelled=cancelled):
            return turn._replace(ending=Outcome.CANCELLED if cancelled else Outcome.FAILED)


def _failed_early(life: Life, cause: FailureCause) -> Life:
    """Step 2 failed: before its turn, if that has not begun; else in its latest turn."""
    if life.phase in (Phase.LIVE, Phase.TAKEN):
        fates = life.fates if life.turns else life.fates | {Fate.FAILED}
        return life._replace(phase=Phase.FAILED, fates=fates, settled=_CAUSES[cause])
    if not life.turns:
        return life
    latest = life.turns[-1]
    return life._replace(turns=(*life.turns[:-1], latest._replace(ending=latest.ending or _CAUSES[cause])))
