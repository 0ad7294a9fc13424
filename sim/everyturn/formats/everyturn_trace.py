"""Our own traces, ``everyturn/trace/1``, told as an agent's log would tell them.

A trace shows every step, so that each line stands exactly at its step. A log has lines for less than a trace has
events; what an outsider cannot see is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from everyturn.files.reading import LogFile, ReadingFault, quote
from everyturn.formats.everyturn_log import KINDS, LogHeader, LogLine, LogSnapshot, Placed
from everyturn.runs import trace
from everyturn_model.events import (
    CancelCalled,
    CancelledOnEntry,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Completed,
    Dropped,
    DropReason,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    ReadFailed,
    Refused,
    Rest,
    Returned,
    ShutdownBegan,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    SummaryStreamStarted,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.lifecycle import Ledger, Phase

_HOW: Final = {
    StreamEnd.FINISHED: "finished",
    StreamEnd.TOOL: "tool",
    StreamEnd.ERROR: "failed",
    StreamEnd.UNAUTHORISED: "failed",
    StreamEnd.CANCELLED: "cancelled",
}
_BY: Final = {Writer.TURN: "turn", Writer.FOLD: "fold", Writer.CANCEL_ON_ENTRY: "entry"}
_REASONS: Final = {DropReason.COVERED: "covered", DropReason.CLEARED: "cleared"}

Fields = dict[str, Any]


class TraceReader:
    """Reads a trace as a log of one session. It is read as a whole, since it is of one run."""

    def __init__(self, file: LogFile, fault: Callable[[ReadingFault], None]) -> None:
        self._path, self._fault = file.path, fault
        self._trace = trace.of(file)
        kinds: Any = frozenset(KINDS)
        self.header = LogHeader(agent=self._trace.header.revision, kinds=kinds, sequence="session", ordered=True)

    def __iter__(self) -> Iterator[Placed]:
        teller = TraceTranslator()
        session, sequence = f"run {self._trace.header.run}", 0
        for number, line in enumerate(self._trace.lines, start=2):
            if line.kind == "step":
                continue
            try:
                told = list(teller.tell(trace.event_of(line)))
            except NeverStarted as error:
                self._fault(ReadingFault(self._path, number, "an event of a turn that has begun", quote(str(error))))
                continue
            for fields in told:
                yield Placed(number, _line(fields | {"session": session, "time": line.time, "sequence": sequence}))
                sequence += 1


def _line(fields: Fields) -> LogLine:
    return LogLine(**fields)


class NeverStarted(Exception):
    """An event is about a turn that did not begin; its name."""


class TraceTranslator:
    """Tells the events of one run, in order, as the fields of log lines."""

    def __init__(self) -> None:
        self._ledger = Ledger()
        self._turns: dict[str, str] = {}
        self._ended: set[str] = set()
        self._full: set[str] = set()
        """Turns that stopped for a summary, which may still fail them."""
        self._summaries: set[str] = set()
        self._streams: set[str] = set()
        """Summaries that have an entry of their own, and those that are known by their streams only."""

    def tell(self, event: Event) -> Iterator[Fields]:
        """The lines that tell of ``event``; most of the time one or none."""
        self._ledger = self._ledger.step(event)
        match event:
            case Submitted() | Refused() | Queued() | Dropped() | CancelledOnEntry() | FailedBeforeTurn() | Returned():
                yield from self._of_prompt(event)
            case TurnStarted() | StreamStarted() | StreamEnded() | TurnReleased() | Folded():
                yield from self._of_turn(event)
            case MessageWritten(prompt=prompt, by=by):
                life = self._ledger.get(prompt)
                if life is None or not life.continued:
                    yield {"kind": "message", "prompt": prompt, "by": _BY[by]}
            case MessageFailed(prompt=prompt, by=by):
                yield {"kind": "message_failed", "prompt": prompt, "by": _BY[by]}
                yield from self._failed_early(prompt)
            case ReadFailed(prompt=prompt):
                yield from self._failed_early(prompt)
            case Completed() | ErrorNotified():
                yield from self._notice(event)
            case _:
                yield from self._of_session(event)

    def _turn(self, name: str) -> str:
        """The prompt of a turn."""
        if name not in self._turns:
            raise NeverStarted(name)
        return self._turns[name]

    def _failed_early(self, prompt: str) -> Iterator[Fields]:
        """Step 2 failed, before a turn had begun."""
        life = self._ledger.get(prompt)
        if life is not None and life.phase is Phase.FAILED and life.settled is not None:
            yield {"kind": "ended", "prompt": prompt, "outcome": str(life.settled)}

    def _of_prompt(self, event: Event) -> Iterator[Fields]:
        match event:
            case Submitted(prompt=prompt, run_id=waits):
                yield {"kind": "submit", "prompt": prompt} | ({"run_id": prompt} if waits else {})
                yield {"kind": "submitted", "prompt": prompt}
            case Refused(prompt=prompt):
                yield {"kind": "refused", "prompt": prompt}
            case Queued(prompt=prompt):
                yield {"kind": "queued", "prompt": prompt}
            case Dropped(prompt=prompt, reason=reason):
                yield {"kind": "dropped", "prompt": prompt, "reason": _REASONS[reason]}
            case CancelledOnEntry(prompt=prompt):
                yield {"kind": "dropped", "prompt": prompt, "reason": "entry"}
            case FailedBeforeTurn(prompt=prompt):
                yield {"kind": "ended", "prompt": prompt, "outcome": "failed"}
            case Returned(prompt=prompt, failed=True):
                yield {"kind": "returned", "prompt": prompt, "outcome": "failed"}

    def _of_turn(self, event: Event) -> Iterator[Fields]:
        match event:
            case TurnStarted(turn=turn, prompt=prompt, thread=thread):
                self._turns[turn] = prompt
                yield {"kind": "started", "prompt": prompt, "thread": thread}
            case StreamStarted(turn=turn):
                yield {"kind": "stream_start", "prompt": self._turn(turn)}
            case StreamEnded(turn=turn, how=how, full=full):
                self._full |= {turn} if full else set()
                yield {"kind": "stream_end", "prompt": self._turn(turn), "how": _HOW[how]}
            case TurnReleased(turn=turn):
                self._turn(turn)
                yield from self._ends(turn, known=False)
            case Folded(prompt=prompt, turn=turn):
                yield {"kind": "folded", "prompt": prompt, "turn": self._turn(turn)}

    def _ends(self, name: str, *, known: bool) -> Iterator[Fields]:
        """A turn ends with its release, or, if its outcome is ``known``, before somebody is told of it."""
        prompt = self._turns.get(name)
        life = None if prompt is None else self._ledger.get(prompt)
        turn = None if life is None else next((each for each in life.turns if each.name == name), None)
        if turn is None or name in self._ended or (known and turn.ending is None):
            return
        self._ended.add(name)
        outcome = {} if turn.ending is None or name in self._full else {"outcome": str(turn.ending)}
        yield {"kind": "ended", "prompt": prompt, "thread": turn.thread} | outcome

    def _notice(self, event: Completed | ErrorNotified) -> Iterator[Fields]:
        waits = {"run_id": event.prompt} if event.run_id else {}
        if isinstance(event, ErrorNotified):
            yield {"kind": "notified", "prompt": event.prompt} | waits | ({"owner": event.owner} if event.owner else {})
            return
        named = self._ledger.of_message(event.message)
        life = self._ledger.get(event.prompt)
        if life is not None and life.turns:
            yield from self._ends(life.turns[-1].name, known=True)
        owner = event.error_owner or event.owner or (None if named is None else named[0].prompt)
        yield (
            {
                "kind": "told" if event.delivered else "kept",
                "prompt": event.prompt,
                "outcome": str(event.tells),
                "thread": event.thread,
            }
            | waits
            | ({"owner": owner} if owner else {})
        )

    def _of_session(self, event: Event) -> Iterator[Fields]:
        match event:
            case CancelCalled(operation=operation):
                yield {"kind": "cancel_call", "operation": operation}
            case CancelReturned(operation=operation):
                yield {"kind": "cancel_return", "operation": operation}
            case ClearCalled(operation=operation):
                yield {"kind": "clear_call", "operation": operation}
            case ClearReturned(operation=operation):
                yield {"kind": "clear_return", "operation": operation}
            case SummaryStarted(summary=summary, thread=thread, turn=turn):
                self._summaries.add(summary)
                own = {} if turn is None else {"turn": self._turn(turn)}
                yield {"kind": "summary_start", "operation": summary, "thread": thread} | own
            case SummaryStreamStarted(summary=summary, thread=thread, turn=str(turn)) if summary not in self._summaries:
                self._streams.add(summary)
                yield {"kind": "summary_start", "operation": summary, "thread": thread, "turn": self._turn(turn)}
            case SummaryStreamEnded(summary=summary) if summary in self._streams:
                yield {"kind": "summary_end", "operation": summary}
            case SummaryReleased(summary=summary):
                yield {"kind": "summary_end", "operation": summary}
            case ShutdownBegan():
                yield {"kind": "shutdown"}
            case Rest(shared=shared):
                found = LogSnapshot(shared.active is not None, shared.queue, shared.reservations, shared.mark)
                yield {"kind": "rest", "snapshot": found}
