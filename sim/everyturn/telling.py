"""What the lines of one stretch of a log tell, in the specification's vocabulary.

A line that stands *before* its step becomes that step, or a call; one that stands *after* it becomes a mark
(:mod:`everyturn_model.marks`), as far as others could have gone on in between. What a line does not say and a later one does
(whether a failed stream was followed by a retry, a round of tools by a summary) is looked up there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from everyturn.formats.everyturn_log import Header, Line
from everyturn.stretches import Stretch
from everyturn_model import events as ev
from everyturn_model.marks import (
    EndIsTold,
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


def missing_kinds(header: Header) -> list[str]:
    """The needed kinds of line that a log does not have, by its header."""
    return [kind for kind in NEEDED if kind not in header.kinds]


def lacks(header: Header) -> Lacks:
    """What logs with this header do not tell. Who asks for a summary, no log tells; a lost end of a stream is inferred."""
    kinds: frozenset[str] = frozenset(header.kinds)
    events: set[type[ev.Event]] = {ev.StreamEnded} | (set() if "stream_start" in kinds else {ev.StreamStarted})
    guards = {"asked-for"} | (set() if "message" in kinds else _NEEDS_MESSAGES)
    return Lacks(frozenset(events), frozenset(guards | (set() if "shutdown" in kinds else {"closing"})), fates=False)


def of_lines(stretch: Stretch, header: Header) -> list[Seen]:
    """What the lines of a stretch tell, in their order; places are the lines of the file."""
    return list(_Telling(stretch, header).tell())


@dataclass(slots=True)
class _Life:
    """One prompt, under a name that no other prompt of the stretch has."""

    name: str
    run_id: str | None
    turns: int = 0
    running: bool = False
    over: bool = False
    sure: bool = False

    @property
    def turn(self) -> str:
        """The name of its latest turn, or of the one that is to come."""
        return self.name if self.turns <= 1 else f"{self.name}/{self.turns}"

    @property
    def next_turn(self) -> str:
        """The name of the turn that is active, or else of the one that is to come."""
        return self.turn if self.running or not self.turns else f"{self.name}/{self.turns + 1}"


class _Telling:
    """Tells the lines of one stretch. What is about a prompt that was not submitted in it is left out."""

    def __init__(self, stretch: Stretch, header: Header) -> None:
        self.lines = stretch.lines
        self.kinds: frozenset[str] = frozenset(header.kinds)
        self.ordered = header.ordered
        self.lives: dict[str, _Life] = {}
        self.by_run_id: dict[str, _Life] = {}
        self.strange = self._strange()
        self.operations: set[tuple[str, str]] = set()
        self.closing = False

    def tell(self) -> Iterator[Seen]:
        for index, (place, line) in enumerate(self.lines):
            if line.kind == "submit":
                yield from self._submit(place, line)
            elif line.prompt is not None or line.kind in ("told", "kept", "notified"):
                life = self._find(line)
                if life is not None:
                    life.sure = True
                    for told in self._of_prompt(index, line, life):
                        yield told if isinstance(told, Seen) else Seen(place, told)
            else:
                for event in self._of_session(place, line):
                    yield Seen(place, event)

    def _strange(self) -> set[str | None]:
        """The prompts that are folded into the turn of one that was not submitted here: of these only a part was seen."""
        submitted: set[str | None] = set()
        strange: set[str | None] = set()
        for _, line in self.lines:
            if line.kind == "submit":
                submitted.add(line.prompt)
            elif line.kind == "folded" and line.turn not in submitted:
                strange.add(line.prompt)
        return strange

    def _find(self, line: Line) -> _Life | None:
        if line.prompt is not None:
            return self.lives.get(line.prompt)
        return self.by_run_id.get(line.run_id or "")

    def _submit(self, place: int, line: Line) -> Iterator[Seen]:
        """A name that was used before is used again once its prompt is over."""
        name = line.prompt or ""
        before = self.lives.get(name)
        if name in self.strange or (before is not None and not before.over):
            return
        number = 1 if before is None else int(before.name.rpartition("#")[2]) + 1 if "#" in before.name else 2
        life = self.lives[name] = _Life(name if before is None else f"{name}#{number}", line.run_id)
        if line.run_id is not None:
            self.by_run_id[line.run_id] = life
        yield Seen(place, SubmitCalled(life.name, line.run_id is not None, True))
        yield Seen(place, RunCalled(life.name))

    def _of_prompt(self, index: int, line: Line, life: _Life) -> Iterator[ev.Event | Seen]:
        match line.kind:
            case "submitted":
                yield SubmitReturned(life.name)
            case "refused":
                life.over = True
                yield ev.Refused(life.name)
            case "queued":
                yield ev.Queued(life.name) if self.ordered else WasQueued(life.name)
            case "folded":
                host = self.lives.get(line.turn or "")
                yield WasFolded(life.name, host.turn if host is not None else line.turn or "")
                life.over = True
            case "dropped":
                entry = None if line.reason is None else line.reason == "entry"
                yield WasDropped(life.name, _REASONS.get(line.reason or ""), entry)
                life.over = True
            case "message" | "message_failed":
                yield self._message(index, line, life)
            case "told" | "kept" | "notified" | "returned":
                yield from self._notice(index, line, life)
            case _:
                yield from self._of_turn(index, line, life)

    def _of_turn(self, index: int, line: Line, life: _Life) -> Iterator[ev.Event]:
        place = self.lines[index].number
        match line.kind:
            case "started":
                life.turns, life.running, life.over = life.turns + 1, True, False
                yield ev.TurnStarted(life.turn, life.name, line.thread or f"?{place}")
            case "stream_start":
                yield ev.StreamStarted(life.turn)
            case "stream_end" if "stream_start" in self.kinds:
                yield ev.StreamEnded(life.turn, *self._how(index, line.how or "finished", life))
            case "ended":
                outcome = self._outcome(index, line, life)
                how, full = self._how(index, outcome or "tool", life)
                known = None if outcome is None else ev.Outcome(outcome)
                yield TurnEnded(life.name, life.turn if life.turns else None, known, how, full)
                life.running, life.over = False, True

    def _message(self, index: int, line: Line, life: _Life) -> ev.Event:
        """Whose turn the message is for, and, if its write failed, whether a Cancel made it, is told by what comes later."""
        host = self._host(life)
        by = _BY[line.by or ("turn" if host is None else "fold")]
        carrier = host if by is ev.Writer.FOLD and host is not None else life
        turn = None if by is ev.Writer.CANCEL_ON_ENTRY else carrier.next_turn
        if line.kind == "message":
            return ev.MessageWritten(life.name, by, turn)
        ending = next((later.outcome for later in self._later(index, carrier) if later.kind == "ended"), None)
        cause = ev.FailureCause.CANCELLED if ending == "cancelled" else ev.FailureCause.STORE
        return ev.MessageFailed(life.name, by, cause, turn)

    def _host(self, life: _Life) -> _Life | None:
        """The prompt into whose turn this one is folded, now or later."""
        for _, line in self.lines:
            if line.kind == "folded" and self.lives.get(line.prompt or "") is life:
                return self.lives.get(line.turn or "")
        return None

    def _notice(self, index: int, line: Line, life: _Life) -> Iterator[ev.Event | Seen]:
        thread = line.thread or f"?{self.lines[index].number}"
        waits = life.run_id is not None
        match line.kind:
            case "notified":
                yield ev.ErrorNotified(
                    life.name, waits and line.run_id is not None, self._owner(line, life) or life.name
                )
            case "returned":
                yield ev.Returned(life.name, line.outcome != "finished")
            case _:
                cancelled, failed = line.outcome == "cancelled", line.outcome == "failed"
                delivered = line.kind == "told"
                if life.turns == 1 and life.running:
                    yield EndIsTold(life.name, known=False)
                owner = self._owner(line, life)
                yield ev.Completed(life.name, waits, delivered, cancelled, failed, thread, owner=owner)

    def _owner(self, line: Line, life: _Life) -> str | None:
        """Whose answer it is; a prompt's own name may stand for an earlier one of the same name."""
        if line.owner is None or line.owner == line.prompt:
            return None if line.owner is None else life.name
        owner = self.lives.get(line.owner)
        return line.owner if owner is None else owner.name

    # what a line does not say, but a later one --------------------------------------------------------------------

    def _later(self, index: int, life: _Life) -> Iterator[Line]:
        return (line for _, line in self.lines[index + 1 :] if self._find(line) is life)

    def _outcome(self, index: int, line: Line, life: _Life) -> str | None:
        """How the turn ended: if the line does not say it, what is told of it next; not if it goes on after a summary."""
        if line.outcome is not None:
            return line.outcome
        for later in self._later(index, life):
            if later.kind in ("started", "queued", "dropped"):
                return None
            if later.kind in ("told", "kept", "returned"):
                return later.outcome if not self._summarised(index, life) else None
        return None

    def _how(self, index: int, how: str, life: _Life) -> tuple[ev.StreamEnd, bool]:
        """How a stream ended: one that failed and was followed by another was refused its credentials."""
        again = any(later.kind in ("started", "stream_start", "queued") for later in self._later(index, life))
        if how == "failed":
            return (ev.StreamEnd.UNAUTHORISED if again else ev.StreamEnd.ERROR), False
        if how == "cancelled":
            return ev.StreamEnd.CANCELLED, False
        return _HOW[how], self._summarised(index, life) or (how == "tool" and self._stops(index, life))

    def _summarised(self, index: int, life: _Life) -> bool:
        """Whether the turn's own summary comes before its next stream."""
        for _, line in self.lines[index + 1 :]:
            own = line.turn is not None and self.lives.get(line.turn) is life
            if line.kind == "summary_start" and own:
                return True
            if line.kind in ("started", "stream_start", "queued") and self._find(line) is life:
                return False
        return False

    def _stops(self, index: int, life: _Life) -> bool:
        """Whether the turn ends after this round of tools, and comes back."""
        kinds = [later.kind for later in self._later(index, life)]
        after = next((kind for kind in kinds if kind in ("stream_start", "ended", "queued", "started")), None)
        return after in ("ended", "queued", "started")

    # sessions -------------------------------------------------------------------------------------------------------

    def _of_session(self, place: int, line: Line) -> Iterator[ev.Event]:
        name = line.operation or ""
        match line.kind:
            case "cancel_call" if self._opens("cancel", name):
                yield ev.CancelCalled(name, ev.SharedData())
            case "cancel_return" if self._closes("cancel", name):
                yield ev.CancelReturned(name, ev.SharedData())
            case "clear_call" if self._opens("clear", name):
                yield ev.ClearCalled(name)
            case "clear_return" if self._closes("clear", name):
                yield ev.ClearReturned(name)
            case "summary_start" if self._opens("summary", name):
                own = None if line.turn is None else self.lives.get(line.turn)
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

    def _rest(self, line: Line) -> Iterator[ev.Event]:
        """At rest whatever is submitted is on shared data."""
        for life in self.lives.values():
            if not life.sure:
                yield SubmitReturned(life.name)
        left = line.snapshot
        if left is None:
            yield ev.Rest(ev.SharedData())
        else:
            active = "an active entry" if left.busy else None
            yield ev.Rest(ev.SharedData(active, left.queue, left.reservations, left.mark))
