"""The recordings, ``crush-dispatch-trace/1``, told as an agent's log would tell them.

Each line stands where ``recordings/README.md`` says that its step is sure to lie on the right side of it: a turn has
*started* with its first stream (an in-process one sets ``active`` only after its message) and *ended* with its last. A
turn without a stream has no start, and an end without an outcome. A drop is not told in every case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from everyturn.files.reading import LogFile, ReadingFault
from everyturn.formats.crush_dispatch import read_header, read_runs
from everyturn.formats.crush_lines import (
    AcceptCall,
    AcceptReturn,
    AgentErrorLine,
    CancelCall,
    CancelReturn,
    ClearCall,
    ClearReturn,
    CompletionLine,
    CrushEvent,
    CrushHeader,
    Delivery,
    EndLine,
    RunCall,
    RunReturn,
    StoreFailed,
    StreamEndLine,
    StreamStartLine,
    SummarizeReturn,
    UserMessage,
)
from everyturn.formats.crush_turns import DROPS, Turns
from everyturn.formats.everyturn_log import KINDS, LogHeader, LogLine, LogSnapshot, Placed
from everyturn.world.answers import answered

_HOW: Final = {"finish": "finished", "tool": "tool", "error": "failed", "cancelled": "cancelled"}
_TOLD: Final[Any] = frozenset(KINDS) - {"dropped", "refused", "shutdown"}

Fields = dict[str, Any]


def header_of(header: CrushHeader) -> LogHeader:
    """What the header of a recording would be as that of a log."""
    return LogHeader(agent=header.revision, kinds=_TOLD, sequence="session")


class CrushReader:
    """Reads a recording as a log in which every run is a session."""

    def __init__(self, file: LogFile, fault: Callable[[ReadingFault], None]) -> None:
        self._file = file
        self.header = header_of(read_header(file.path, file.peek()))

    def __iter__(self) -> Iterator[Placed]:
        for run in read_runs(self._file):
            teller, sequence = CrushTranslator(), 0
            for number, event in run.logged:
                for fields in teller.tell(event):
                    place: Fields = {"session": f"run {event.run}", "time": event.t / 1e9, "sequence": sequence}
                    yield Placed(number, LogLine(**fields, **place))
                    sequence += 1


class CrushTranslator:
    """Tells the lines of one run, in order, as the fields of log lines."""

    def __init__(self) -> None:
        self._submitted: set[str] = set()
        self._turns = Turns()
        self._current: dict[str, str] = {}
        """The turn or summary of each thread that has not ended."""
        self._running: set[str] = set()
        self._kept: dict[str, CompletionLine] = {}
        self._fated: set[str] = set()

    def tell(self, event: CrushEvent) -> Iterator[Fields]:
        """The lines that tell of ``event``."""
        self._turns.see(event)
        match event:
            case AcceptCall() | RunCall() | AcceptReturn() | RunReturn():
                yield from self._submission(event)
            case CancelCall(op=op):
                yield {"kind": "cancel_call", "operation": op}
            case CancelReturn(op=op):
                yield {"kind": "cancel_return", "operation": op}
            case ClearCall(op=op):
                yield {"kind": "clear_call", "operation": op}
            case ClearReturn(op=op):
                yield {"kind": "clear_return", "operation": op}
            case SummarizeReturn(op=op):
                yield from self._ends(op)
            case UserMessage() | StoreFailed():
                yield from self._message(event)
            case StreamStartLine() | StreamEndLine():
                yield from self._stream(event)
            case CompletionLine() | Delivery() | AgentErrorLine():
                yield from self._notice(event)
            case EndLine():
                yield {"kind": "rest", "snapshot": LogSnapshot(event.busy, event.queued, event.accepted, event.mark)}

    def _submission(self, event: AcceptCall | RunCall | AcceptReturn | RunReturn) -> Iterator[Fields]:
        prompt = event.prompt
        waits = {} if event.run_id is None else {"run_id": event.run_id}
        match event:
            case AcceptCall() | RunCall() if prompt not in self._submitted:
                self._submitted.add(prompt)
                yield {"kind": "submit", "prompt": prompt} | waits
            case AcceptReturn():
                yield {"kind": "submitted", "prompt": prompt}
            case RunReturn():
                yield from self._ends(prompt)
                yield from self._run_returned(event)

    def _run_returned(self, event: RunReturn) -> Iterator[Fields]:
        prompt, turns = event.prompt, event.turns.split()
        own = not turns or turns[-1] == prompt
        if event.outcome == "busy-queued":
            yield {"kind": "queued", "prompt": prompt}
        elif event.outcome == "cancel-on-entry" and prompt not in self._fated:
            self._fated.add(prompt)
            yield {"kind": "dropped", "prompt": prompt, "reason": "entry"}
        elif event.outcome in ("error", "cancelled") and own:
            outcome = "cancelled" if event.outcome == "cancelled" else "failed"
            if prompt not in self._fated:
                self._fated.add(prompt)
                yield {"kind": "ended", "prompt": prompt, "outcome": outcome}
            if event.mode == "in_process":
                yield {"kind": "returned", "prompt": prompt, "outcome": outcome}

    def _message(self, event: UserMessage | StoreFailed) -> Iterator[Fields]:
        prompt, thread, by = event.prompt, event.thread, event.by
        if by == "turn":
            self._fated.add(prompt)
            yield from self._begins(prompt, thread)
        elif by == "fold":
            host = self._turns.into(event)
            if host is not None:
                self._fated.add(prompt)
                yield {"kind": "folded", "prompt": prompt, "turn": host, "thread": thread}
        elif by == "cancel_on_entry" and prompt not in self._fated:
            self._fated.add(prompt)
            yield {"kind": "dropped", "prompt": prompt, "reason": "entry"}
        kind = "message" if isinstance(event, UserMessage) else "message_failed"
        whose = {"turn": "turn", "fold": "fold", "cancel_on_entry": "entry"}.get(by or "")
        yield {"kind": kind, "prompt": prompt, "thread": thread} | ({"by": whose} if whose else {})

    def _stream(self, event: StreamStartLine | StreamEndLine) -> Iterator[Fields]:
        turn, thread = event.turn, event.thread
        summary = turn.startswith("summary:")
        if isinstance(event, StreamStartLine):
            if self._current.get(thread) != turn:
                yield from self._begins(turn, thread)
            if turn not in self._running:
                self._running.add(turn)
                self._fated.add(turn)
                name = {"operation": turn} if summary else {"prompt": turn}
                yield {"kind": "summary_start" if summary else "started", "thread": thread} | name
            if not summary:
                yield {"kind": "stream_start", "prompt": turn, "thread": thread}
            return
        if not summary:
            yield {"kind": "stream_end", "prompt": turn, "thread": thread, "how": _HOW[event.how]}
        if event.how != "tool":
            yield from self._ends(thread, _HOW[event.how])

    def _begins(self, turn: str, thread: str) -> Iterator[Fields]:
        yield from self._ends(thread)
        self._current[thread] = turn

    def _ends(self, thread: str, outcome: str | None = None) -> Iterator[Fields]:
        turn = self._current.pop(thread, None)
        if turn is None:
            return
        self._running.discard(turn)
        if turn.startswith("summary:"):
            yield {"kind": "summary_end", "operation": turn}
        else:
            said = {} if outcome is None else {"outcome": outcome}
            yield {"kind": "ended", "prompt": turn, "thread": thread} | said

    def _notice(self, event: CompletionLine | Delivery | AgentErrorLine) -> Iterator[Fields]:
        if isinstance(event, AgentErrorLine):
            owner = self._turns.returned.get(event.prompt, event.prompt)
            waits = {} if event.run_id is None else {"run_id": event.run_id}
            yield {"kind": "notified", "prompt": event.prompt, "owner": owner} | waits
            return
        kept = event if isinstance(event, CompletionLine) else self._kept.pop(event.prompt, None)
        thread = event.thread if isinstance(event, CompletionLine) else event.prompt
        if isinstance(event, CompletionLine):
            if event.by in ("turn_end", "handoff") and self._current.get(thread) not in self._turns.streaming:
                yield from self._ends(thread)
            if event.via == "hook":
                self._kept[thread] = event
        subject = self._turns.subject(event)
        if subject is not None:
            yield from self._told(event, kept, thread, subject)

    def _told(
        self, event: CompletionLine | Delivery, kept: CompletionLine | None, thread: str, prompt: str
    ) -> Iterator[Fields]:
        """A completion for ``prompt``; a delivery tells what was kept."""
        if isinstance(event, CompletionLine) and event.by in (*DROPS, "cancel_on_entry") and prompt not in self._fated:
            self._fated.add(prompt)
            yield {"kind": "dropped", "prompt": prompt, "reason": DROPS.get(event.by, "entry")}
        error = None if kept is None else kept.error
        told = {
            "kind": "kept" if isinstance(event, CompletionLine) and event.via == "hook" else "told",
            "prompt": prompt,
            "thread": thread,
            "outcome": "cancelled" if event.cancelled else "finished" if error is None else "failed",
        }
        owner = self._owner(event, prompt)
        yield told | ({} if event.run_id is None else {"run_id": event.run_id}) | ({"owner": owner} if owner else {})

    def _owner(self, event: CompletionLine | Delivery, prompt: str) -> str | None:
        """Whose answer, message or error it is, where that is seen."""
        answer = answered(event.text, prompt)
        if isinstance(event, Delivery):
            return answer
        if event.owner is not None or answer is not None:
            return event.owner or answer
        told_of_turn = event.by in ("turn_end", "handoff") and (event.has_message or event.error is not None)
        return self._turns.last.get(event.thread) if told_of_turn else None
