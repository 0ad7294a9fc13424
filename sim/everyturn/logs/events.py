"""What the lines of one busy period of a log tell, in the specification's vocabulary.

A line that stands *before* its step becomes that step, or a call; one that stands *after* it becomes a mark
(:mod:`everyturn_model.marks`), as far as others could have gone on in between. What a line does not say and a later one
does (whether a failed stream was followed by a retry, a round of tools by a summary) is looked up there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn.formats.everyturn_log import LogHeader, LogLine
from everyturn.logs.busy_periods import BusyPeriod
from everyturn.logs.prompt_identities import NamedPrompt, PromptIdentities
from everyturn_model import events as ev
from everyturn_model.marks import (
    UNTOLD_CANCELS,
    EndIsTold,
    Forgotten,
    Lacks,
    RunCalled,
    Seen,
    SubmitCalled,
    SubmitReturned,
    TurnEnded,
    WasDropped,
    WasFolded,
    WasQueued,
)

NEEDED: Final = ("submit", "started", "ended", "folded", "dropped", "told", "cancel_call", "cancel_return")
"""Without these kinds of line a log does not carry enough to be matched."""

_BY: Final = {"turn": ev.Writer.TURN, "fold": ev.Writer.FOLD, "entry": ev.Writer.CANCEL_ON_ENTRY}
_REASONS: Final = {"covered": ev.DropReason.COVERED, "cleared": ev.DropReason.CLEARED}
_HOW: Final = {
    "finished": ev.StreamEnd.FINISHED,
    "tool": ev.StreamEnd.TOOL,
    "failed": ev.StreamEnd.ERROR,
    "cancelled": ev.StreamEnd.CANCELLED,
}
_NEEDS_MESSAGES: Final = frozenset(
    {"messages-written", "prepare-messages-written", "step-messages-written", "rest-all-written"}
)


_TOGETHER: Final = 32
"""So many prompts are submitted between one moment of forgetting and the next."""


def missing_kinds(header: LogHeader) -> list[str]:
    """The needed kinds of line that a log does not have, by its header."""
    return [kind for kind in NEEDED if kind not in header.kinds]


def lacks(header: LogHeader) -> Lacks:
    """What logs with this header do not tell. Who asks for a summary, no log tells; a lost end of a stream is
    inferred."""
    kinds: frozenset[str] = frozenset(header.kinds)
    events: set[type[ev.Event]] = {ev.StreamEnded} | (set() if "stream_start" in kinds else {ev.StreamStarted})
    guards = {"asked-for", *UNTOLD_CANCELS} | (set() if "message" in kinds else _NEEDS_MESSAGES)
    return Lacks(frozenset(events), frozenset(guards | (set() if "shutdown" in kinds else {"closing"})), fates=False)


def of_lines(busy_period: BusyPeriod, header: LogHeader) -> list[Seen]:
    """What the lines of a busy period tell, in their order; places are the lines of the file."""
    return list(_EventsOfLines(busy_period, header).tell())


class _EventsOfLines:
    """Tells the lines of one busy period. What is about a prompt that was not submitted in it is left out."""

    def __init__(self, busy_period: BusyPeriod, header: LogHeader) -> None:
        self.lines = busy_period.lines
        self.kinds: frozenset[str] = frozenset(header.kinds)
        self.ordered = header.ordered
        self.promises = header.promises.promises
        self.identities = PromptIdentities(busy_period.lines)
        self.operations: set[tuple[str, str]] = set()
        self.closing = False
        self.silent: dict[str, None] = {}
        """Prompts of which no further line tells."""
        self.submitted = 0

    def tell(self) -> Iterator[Seen]:
        for index, ((place, line), life) in enumerate(zip(self.lines, self.identities.subjects, strict=True)):
            if life is not None:
                for event in self._submit(line, life) if line.kind == "submit" else self._of_prompt(index, line, life):
                    yield Seen(place, event)
                if index == life.places[-1]:
                    self.silent[life.name] = None
            elif line.prompt is None:
                for event in self._of_session(index, place, line):
                    yield Seen(place, event)

    def _submit(self, line: LogLine, life: NamedPrompt) -> Iterator[ev.Event]:
        """Now and then, those of whom nothing more is told are forgotten as soon as nothing more is owed to them."""
        self.submitted += 1
        if self.submitted % _TOGETHER == 0 and self.silent:
            yield Forgotten(frozenset(self.silent), "message" in self.kinds)
            self.silent = dict.fromkeys([*self.silent][-_TOGETHER:])
        yield SubmitCalled(life.name, line.run_id is not None, True)
        yield RunCalled(life.name)

    def _of_prompt(self, index: int, line: LogLine, life: NamedPrompt) -> Iterator[ev.Event]:
        match line.kind:
            case "submitted":
                yield SubmitReturned(life.name)
            case "refused":
                yield ev.Refused(life.name, busy=self.promises.busy == "refuse")
            case "queued":
                yield ev.Queued(life.name) if self.ordered else WasQueued(life.name)
            case "folded":
                host = self.identities.hosts[index]
                turn = host.turn if host is not None else line.turn or ""
                yield WasFolded(life.name, turn, broken=not self.promises.folds)
            case "dropped":
                entry = None if line.reason is None else line.reason == "entry"
                yield WasDropped(life.name, _REASONS.get(line.reason or ""), entry)
            case "message" | "message_failed":
                yield self._message(index, line, life)
            case "told" | "kept" | "notified" | "returned":
                yield from self._notice(index, line, life)
            case _:
                yield from self._of_turn(index, line, life)

    def _of_turn(self, index: int, line: LogLine, life: NamedPrompt) -> Iterator[ev.Event]:
        place = self.lines[index].number
        match line.kind:
            case "started":
                life.turns, life.running = life.turns + 1, True
                yield ev.TurnStarted(life.turn, life.name, line.thread or f"?{place}")
            case "stream_start":
                yield ev.StreamStarted(life.turn)
            case "stream_end" if "stream_start" in self.kinds:
                yield ev.StreamEnded(life.turn, *self._how(index, line.how or "finished", life))
            case "ended":
                outcome = self._outcome(index, line, life)
                how, full = self._how(index, outcome or ("tool" if self._stops(index, life) else "finished"), life)
                known = None if outcome is None else ev.Outcome(outcome)
                yield TurnEnded(life.name, life.turn if life.turns else None, known, how, full)
                life.running = False

    def _message(self, index: int, line: LogLine, life: NamedPrompt) -> ev.Event:
        """Whose turn the message is for, and, if its write failed, whether a Cancel made it, is told by what comes
        later."""
        host = life.host
        by = _BY[line.by or ("turn" if host is None else "fold")]
        carrier = host if by is ev.Writer.FOLD and host is not None else life
        turn = None if by is ev.Writer.CANCEL_ON_ENTRY else carrier.next_turn
        if line.kind == "message":
            return ev.MessageWritten(life.name, by, turn)
        ending = next((later.outcome for later in self.identities.later(index, carrier) if later.kind == "ended"), None)
        cause = ev.FailureCause.CANCELLED if ending == "cancelled" else ev.FailureCause.STORE
        return ev.MessageFailed(life.name, by, cause, turn)

    def _notice(self, index: int, line: LogLine, life: NamedPrompt) -> Iterator[ev.Event]:
        thread = line.thread or f"?{self.lines[index].number}"
        waits = life.run_id is not None
        match line.kind:
            case "notified":
                yield ev.ErrorNotified(
                    life.name, waits and line.run_id is not None, self._owner(index, line, life) or life.name
                )
            case "returned":
                yield ev.Returned(life.name, line.outcome != "finished")
            case _:
                cancelled, failed = line.outcome == "cancelled", line.outcome == "failed"
                delivered = line.kind == "told"
                if life.turns == 1 and life.running:
                    yield EndIsTold(life.name, known=False)
                owner = self._owner(index, line, life)
                yield ev.Completed(life.name, waits, delivered, cancelled, failed, thread, owner=owner)

    def _owner(self, index: int, line: LogLine, life: NamedPrompt) -> str | None:
        """Whose answer it is; a prompt's own name may stand for an earlier one of the same name."""
        if line.owner is None or line.owner == line.prompt:
            return None if line.owner is None else life.name
        owner = self.identities.owners[index]
        return line.owner if owner is None else owner.name

    # what a line does not say, but a later one --------------------------------------------------------------------

    def _outcome(self, index: int, line: LogLine, life: NamedPrompt) -> str | None:
        """How the turn ended: if the line does not say it, what is told of it next; not if it goes on after a
        summary."""
        if line.outcome is not None:
            return line.outcome
        for later in self.identities.later(index, life):
            if later.kind in ("started", "queued", "dropped"):
                return None
            if later.kind in ("told", "kept", "returned"):
                return later.outcome if not self.identities.summarised(index, life) else None
        return None

    def _how(self, index: int, how: str, life: NamedPrompt) -> tuple[ev.StreamEnd, bool]:
        """How a stream ended: one that failed and was followed by another was refused its credentials."""
        again = any(later.kind in ("started", "stream_start", "queued") for later in self.identities.later(index, life))
        if how == "failed":
            return (ev.StreamEnd.UNAUTHORISED if again else ev.StreamEnd.ERROR), False
        if how == "cancelled":
            return ev.StreamEnd.CANCELLED, False
        return _HOW[how], self.identities.summarised(index, life) or (how == "tool" and self._stops(index, life))

    def _stops(self, index: int, life: NamedPrompt) -> bool:
        """Whether the turn ends after this round of tools, and comes back."""
        kinds = [later.kind for later in self.identities.later(index, life)]
        after = next((kind for kind in kinds if kind in ("stream_start", "ended", "queued", "started")), None)
        return after in ("ended", "queued", "started")

    # sessions -------------------------------------------------------------------------------------------------------

    def _of_session(self, index: int, place: int, line: LogLine) -> Iterator[ev.Event]:
        name = line.operation or ""
        match line.kind:
            case "cancel_call" if self._opens("cancel", name):
                yield ev.CancelCalled(name, ev.SharedData(), self.promises.cancel)
            case "cancel_return" if self._closes("cancel", name):
                yield ev.CancelReturned(name, ev.SharedData())
            case "clear_call" if self._opens("clear", name):
                yield ev.ClearCalled(name)
            case "clear_return" if self._closes("clear", name):
                yield ev.ClearReturned(name)
            case "summary_start" if self._opens("summary", name):
                own = self.identities.hosts[index]
                yield ev.SummaryStarted(name, line.thread or f"?{place}", None if own is None else own.turn)
            case "summary_end" if self._closes("summary", name):
                yield ev.SummaryStreamEnded(name, ev.StreamEnd.FINISHED)
            case "shutdown" if not self.closing:
                self.closing = True
                yield ev.ShutdownBegan()
            case "rest":
                yield from self._rest(line)

    def _opens(self, kind: str, name: str) -> bool:
        new = (kind, name) not in self.operations
        self.operations.add((kind, name))
        return new

    def _closes(self, kind: str, name: str) -> bool:
        known = (kind, name) in self.operations
        self.operations.discard((kind, name))
        return known

    def _rest(self, line: LogLine) -> Iterator[ev.Event]:
        """At rest whatever is submitted is on shared data."""
        for life in {life.name: life for life in self.identities.subjects if life is not None}.values():
            if len(life.places) == 1:
                yield SubmitReturned(life.name)
        left = line.snapshot
        if left is None:
            yield ev.Rest(ev.SharedData())
        else:
            active = "an active entry" if left.busy else None
            yield ev.Rest(ev.SharedData(active, left.queue, left.reservations, left.mark))
