"""Judges of what becomes a turn: no-fold-of-run-id, one-turn, in-order."""

from __future__ import annotations

from tests.sim.referee.ledger import Ledger, Life

from everyturn.formats.crush_lines import (
    AgentErrorLine,
    CompletionLine,
    CrushEvent,
    Delivery,
    RunCall,
    RunReturn,
    StoreFailed,
    StreamEndLine,
    StreamStartLine,
    SummarizeCall,
    SummarizeReturn,
    UserMessage,
)
from everyturn_model.invariants.in_order import IN_ORDER
from everyturn_model.invariants.no_fold_of_run_id import NO_FOLD_OF_RUN_ID
from everyturn_model.invariants.one_turn import ONE_TURN


class NoFoldOfRunId:
    """A prompt with run id is folded; that the write of its message then failed changes nothing."""

    name = NO_FOLD_OF_RUN_ID.name

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        if isinstance(event, UserMessage | StoreFailed) and event.by == "fold":
            life = ledger.lives[event.prompt]
            if life.waits:
                host = "another prompt" if life.host is None else life.host.owner
                return f"{life.prompt} has a run id and was folded into the turn of {host}"
        return None


class OneTurn:
    """A stream starts on one thread while a turn or summary of another thread is between its streams' start and end.

    ``active`` is set before a turn's first stream and deleted after its last, so streams overlap only if turns do. A
    turn that is between two steps still runs. What overlaps without streams cannot be seen.
    """

    name = ONE_TURN.name

    def __init__(self) -> None:
        self._running: set[str] = set()

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        self._running = {name for name in self._running if not ledger.turns[name].over}
        if not isinstance(event, StreamStartLine):
            return None
        others = [name for name in sorted(self._running) if ledger.turns[name].thread != event.thread]
        self._running.add(event.turn)
        if others:
            return f"a stream of {event.turn} started while the turn of {', '.join(others)} was running"
        return None


class InOrder:
    """Of two prompts with run id that surely queued one after the other, the later one surely started its turn earlier.

    ``p`` queued before ``q`` if ``p``'s ``Run`` returned, queued, before ``q``'s was called. A turn began after the
    line of its thread that precedes its user message and, whichever way it set ``active``, before the line that follows
    it.
    """

    name = IN_ORDER.name

    def __init__(self) -> None:
        self._latest: dict[str, int] = {}
        self._beginning: dict[str, str] = {}
        self._began: dict[str, int] = {}

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        thread = _thread(event)
        if thread is None:
            return None
        if thread in self._beginning:
            self._began.setdefault(self._beginning.pop(thread), event.seq)
        before, self._latest[thread] = self._latest.get(thread), event.seq
        if not isinstance(event, UserMessage) or event.by != "turn":
            return None
        life = ledger.lives[event.prompt]
        if not life.waits or life.prompt in self._began:
            return None
        self._beginning[thread] = life.prompt
        return None if before is None else self._overtaken(life, before, ledger)

    def _overtaken(self, life: Life, not_before: int, ledger: Ledger) -> str | None:
        if life.queued is None:
            return None
        for other, began in self._began.items():
            later = ledger.lives[other]
            queued_later = later.queued is not None and (later.run_called or 0) > life.queued
            if queued_later and began < not_before:
                return f"{other} was queued after {life.prompt} and started its turn before it"
        return None


def _thread(event: CrushEvent) -> str | None:
    """The thread whose step the line tells of. The server's reservations are on no thread of a prompt."""
    match event:
        case UserMessage() | StoreFailed() | StreamStartLine() | StreamEndLine() | CompletionLine():
            return event.thread
        case RunCall() | RunReturn() | Delivery() | AgentErrorLine():
            return event.prompt
        case SummarizeCall() | SummarizeReturn():
            return event.op
    return None
