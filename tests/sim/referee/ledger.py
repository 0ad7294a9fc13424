"""What a recording tells of each prompt, turn and thread, up to the line just read: what all judges need to know.

Only what is sure goes in. A line stands *near* the step that it tells of, so "before" is claimed only where the lines
leave no other order: a call is logged before its steps, a return after them, and the lines of one thread keep the
order of that thread's steps. Places are ``seq`` numbers, which order all lines of a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from everyturn.formats.crush_lines import (
    AcceptCall,
    AcceptReturn,
    AgentErrorLine,
    Begin,
    CancelCall,
    CompletionLine,
    CrushEvent,
    CrushStepEnd,
    Delivery,
    RunCall,
    RunReturn,
    StoreFailed,
    StreamEndLine,
    StreamStartLine,
    SummarizeReturn,
    UserMessage,
)

DROPS = frozenset({"cancel", "clear", "step_drop", "handoff_drop"})
"""Completions by these tell that a queued prompt was dropped."""


@dataclass(slots=True)
class Turn:
    """A turn, or a summary, as far as its messages and streams show it."""

    owner: str
    thread: str
    started: int | None = None
    """Where its latest stream started."""
    how: CrushStepEnd | None = None
    """How its latest stream ended; none while it runs, and before the first."""
    over: bool = False
    store_failed: bool = False
    folded: list[str] = field(default_factory=list)

    @property
    def streaming(self) -> bool:
        """Whether a stream of it runs."""
        return self.started is not None and self.how is None


@dataclass(slots=True)
class Life:
    """What is known of one prompt."""

    prompt: str
    waits: bool
    accepted: bool
    run_id: str | None = None
    called: int | None = None
    """Where its submission began."""
    submitted: bool = False
    """Whether it surely was on shared data: its reservation returned, or its thread showed a later step."""
    run_called: int | None = None
    queued: int | None = None
    """Where it surely was queued: its own ``Run`` returned and said so."""
    turn: Turn | None = None
    host: Turn | None = None
    fates: set[str] = field(default_factory=set)
    written: int = 0
    write_failed: bool = False
    cancelled: bool = False
    """Whether a line about itself tells that it was cancelled or dropped."""
    told: int = 0
    notified: bool = False
    failed: bool = False
    """Whether its own ``Run`` returned its own error."""
    last_turn: str | None = None
    """The last turn that ran within its own ``Run``."""

    @property
    def carrier(self) -> Turn | None:
        """The turn that it ends with: its own, or the one that it was folded into."""
        return self.turn or self.host

    @property
    def ended_cancelled(self) -> bool:
        """Whether it ended as cancelled: by its turn's stream, or else by what was said of it."""
        carrier = self.carrier
        if carrier is not None and carrier.how is not None and carrier.how != "tool":
            return carrier.how == "cancelled"
        return self.cancelled

    @property
    def over(self) -> bool:
        """Whether it has visibly ended."""
        carrier = self.carrier
        return self.cancelled or self.failed or (carrier is not None and carrier.over)


class Ledger:
    """All that is known; :meth:`see` the lines of a run in order."""

    def __init__(self, begin: Begin) -> None:
        self.lives = {each.id: Life(each.id, each.waits, each.accepted) for each in begin.scenario.prompts}
        self.turns: dict[str, Turn] = {}
        self.current: dict[str, Turn] = {}
        """The latest turn or summary of each thread."""
        self.kept: dict[str, CompletionLine] = {}
        """The completion that each coordinator's hook keeps, by the prompt whose coordinator it is."""
        self.cancels = 0
        self._by_run_id: dict[str, Life] = {}

    def see(self, event: CrushEvent) -> None:
        """Enter one line."""
        match event:
            case AcceptCall() | AcceptReturn() | RunCall() | RunReturn():
                self._submission(event)
            case UserMessage() | StoreFailed():
                self._message(event)
            case StreamStartLine() | StreamEndLine():
                self._stream(event)
            case CompletionLine() | Delivery() | AgentErrorLine():
                self._notice(event)
            case CancelCall():
                self.cancels += 1
            case SummarizeReturn(op=thread):
                self._turn_ends(thread)

    def subject(self, event: CompletionLine | Delivery) -> Life | None:
        """The prompt that a completion speaks of: its run id's, else the one whose turn its thread has ended."""
        if event.run_id is not None:
            return self._by_run_id.get(event.run_id)
        if isinstance(event, Delivery):
            return self.lives[event.prompt]
        turn = None if event.by in DROPS else self.current.get(event.thread)
        return None if turn is None else self.lives.get(turn.owner)

    def _submission(self, event: AcceptCall | AcceptReturn | RunCall | RunReturn) -> None:
        life = self.lives[event.prompt]
        if event.run_id is not None:
            life.run_id = event.run_id
            self._by_run_id[event.run_id] = life
        match event:
            case AcceptCall(seq=seq):
                life.called = seq
            case AcceptReturn():
                life.submitted = True
            case RunCall(seq=seq):
                if life.called is None:
                    life.called = seq
                if life.run_called is None:
                    life.run_called = seq
            case RunReturn():
                life.submitted = True
                self._run_returned(life, event)

    def _run_returned(self, life: Life, event: RunReturn) -> None:
        turns = event.turns.split()
        life.last_turn = turns[-1] if turns else None
        own = life.last_turn in (None, life.prompt)
        if event.outcome == "busy-queued":
            life.queued = event.seq
        elif event.outcome == "cancel-on-entry":
            life.cancelled = True
        elif event.outcome in ("error", "cancelled") and own:
            life.failed = True
            life.cancelled |= event.outcome == "cancelled"
            if not turns and life.host is None and not life.fates:
                life.fates.add("failed before its turn")
        self._turn_ends(life.prompt)

    def _message(self, event: UserMessage | StoreFailed) -> None:
        life = self.lives[event.prompt]
        if event.thread == event.prompt:
            life.submitted = True
        if isinstance(event, StoreFailed):
            life.write_failed = True
            if event.thread in self.current:
                self.current[event.thread].store_failed = True
        else:
            life.written += 1
        match event.by:
            case "turn":
                life.fates.add("started")
                life.turn = self._begin(event.prompt, event.thread)
            case "fold":
                life.fates.add("folded")
                life.host = self.turns.get(event.turn or "") or self.current.get(event.thread)
                if life.host is not None:
                    life.host.folded.append(life.prompt)
            case "cancel_on_entry":
                life.fates.add("cancelled on entry")
                life.cancelled = True

    def _stream(self, event: StreamStartLine | StreamEndLine) -> None:
        turn = self.turns.get(event.turn)
        if turn is None or (isinstance(event, StreamStartLine) and turn.over):
            turn = self._begin(event.turn, event.thread)
            if event.turn in self.lives:
                self.lives[event.turn].turn = turn
                self.lives[event.turn].fates.add("started")
        if isinstance(event, StreamStartLine):
            turn.started, turn.how = event.seq, None
        else:
            turn.how = event.how
            turn.over = event.how != "tool"

    def _notice(self, event: CompletionLine | Delivery | AgentErrorLine) -> None:
        if isinstance(event, AgentErrorLine):
            self.lives[event.prompt].notified = True
            return
        life = self.subject(event)
        if isinstance(event, CompletionLine):
            if event.by in ("turn_end", "handoff"):
                self._turn_ends(event.thread)
            if event.by in DROPS and life is not None:
                life.fates.add("dropped")
            if event.via == "hook":
                self.kept[event.thread] = event
        else:
            self.kept.pop(event.prompt, None)
        if life is None:
            return
        life.cancelled |= event.cancelled
        if isinstance(event, Delivery) or event.via == "broker":
            life.told += 1

    def _begin(self, owner: str, thread: str) -> Turn:
        self._turn_ends(thread)
        turn = Turn(owner, thread)
        self.turns[owner] = self.current[thread] = turn
        return turn

    def _turn_ends(self, thread: str) -> None:
        if thread in self.current:
            self.current[thread].over = True
