"""Logs of any agent (``everyturn/log/1``, and what is mapped to it) as partial logs of the specification, busy period
by busy period.

A *busy period* is what one session does from idle to idle: it begins with the first line after rest, or after a moment
at which nothing was open, and ends there. Each is a partial log of its own (:mod:`everyturn.logs.events`), so that a
log of any length is matched piece by piece, and sessions do not meet. Where lines were lost, a session is not judged
until its next rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.logs.order import Gap


@dataclass(frozen=True, slots=True)
class BusyPeriod:
    """What one session did from idle to idle: ``lines`` in order, and whether they end at rest."""

    session: str
    lines: tuple[Placed, ...]
    at_rest: bool


@dataclass(slots=True)
class _Open:
    """The busy period of a session that has not ended."""

    lines: list[Placed] = field(default_factory=list)
    prompts: dict[str, str | None] = field(default_factory=dict)
    """Open prompts and their run ids; an ended one stays open while somebody waits."""
    waits: set[str] = field(default_factory=set)
    hosts: dict[str, str] = field(default_factory=dict)
    operations: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    tainted: bool = False
    """The log may have begun in the midst of it; if a line shows that it did, it is lost."""
    lost: bool = False
    """Lines are lost: nothing is collected before rest."""

    @property
    def quiet(self) -> bool:
        return not (self.prompts or self.waits or self.operations)


_OPENING: Final = frozenset({"submit", "cancel_call", "clear_call", "summary_start", "shutdown"})
_OVER: Final = frozenset({"ended", "dropped", "refused"})
_TELLING: Final = frozenset({"told", "notified", "refused"})


class BusyPeriods:
    """Cuts lines, in the order of :class:`everyturn.logs.order.LineOrder`, into busy periods, handed to ``emit`` as
    they end.

    ``skipped``: so many lines were left out because lines before them are lost.
    """

    def __init__(self, header: LogHeader, emit: Callable[[BusyPeriod], None]) -> None:
        self._emit, self._complete = emit, header.complete
        self._sessions: dict[str, _Open] = {}
        self.skipped = self.lines = self.cut = 0
        """And so many busy periods were cut there."""

    def see(self, placed: Placed) -> None:
        """Take in one line."""
        line = placed.line
        self.lines += 1
        session = self._sessions.get(line.session)
        if session is None:
            session = self._sessions[line.session] = _Open(tainted=not self._complete)
        if session.tainted and _continues(session, line):
            self.skipped += len(session.lines)
            session.lines.clear()
            session.lost, session.tainted = True, False
        if session.lost:
            self.skipped += 1
            session.lost = line.kind != "rest"
            return
        if line.kind in _OPENING and session.lines and session.quiet:
            self._end(line.session, at_rest=False)
            session = self._sessions[line.session] = _Open(known=session.known, tainted=session.tainted)
        session.lines.append(placed)
        _follow(session, line)
        if line.kind == "rest":
            self._end(line.session, at_rest=True)

    def _end(self, name: str, *, at_rest: bool) -> None:
        session = self._sessions.pop(name)
        if any(placed.line.kind not in ("note", "rest") for placed in session.lines) or at_rest:
            self._emit(BusyPeriod(name, tuple(session.lines), at_rest))

    def gap(self, gap: Gap) -> None:
        """Lines are lost: what came before is a busy period that was cut off."""
        for name in [gap.session] if gap.session is not None else list(self._sessions):
            if name in self._sessions and self._sessions[name].lines:
                self.cut += 1
                self._end(name, at_rest=False)
            self._sessions[name] = _Open(lost=True)
        self._complete = self._complete and gap.session is not None

    def restart(self, name: str | None) -> None:
        """Another process writes the session's lines, or all: what was open was cut off."""
        for each in list(self._sessions) if name is None else [name]:
            if each in self._sessions:
                self._end(each, at_rest=False)

    def finish(self, *, at_rest: bool = False) -> None:
        """The log stops; ``at_rest``: because nothing can move any more."""
        for name in list(self._sessions):
            lost, last = self._sessions[name].lost, self._sessions[name].lines
            if at_rest and not lost and last:
                last.append(Placed(last[-1].number, LogLine(kind="rest", session=name)))
            self._end(name, at_rest=at_rest)


def _continues(session: _Open, line: LogLine) -> bool:
    """Whether the line is about a prompt or an operation that began before the log."""
    match line.kind:
        case "submit" | "cancel_call" | "clear_call" | "summary_start":
            session.known.add(line.prompt or line.operation or "")
            return False
        case "cancel_return" | "clear_return" | "summary_end":
            return line.operation not in session.known
    return line.prompt is not None and line.prompt not in session.known


def _follow(session: _Open, line: LogLine) -> None:
    """What is open after a line."""
    name = line.prompt or next((each for each, mark in session.prompts.items() if mark == line.run_id), None)
    match line.kind:
        case "submit" if name is not None:
            session.prompts[name] = line.run_id
            session.waits |= {name} if line.run_id is not None else set()
        case "queued" | "started" if name is not None:
            session.prompts.setdefault(name, line.run_id)
        case "folded" if name is not None:
            session.hosts[name] = line.turn or ""
        case "cancel_call" | "clear_call" | "summary_start" | "shutdown":
            session.operations.add(line.operation or "")
        case "cancel_return" | "clear_return" | "summary_end":
            session.operations.discard(line.operation or "")
    if name is None:
        return
    if line.kind in _TELLING or (line.kind == "returned" and line.outcome != "finished"):
        session.waits.discard(name)
    if line.kind in _OVER:
        session.prompts.pop(name, None)
        for folded in [each for each, host in session.hosts.items() if host == name]:
            session.prompts.pop(folded, None)
            del session.hosts[folded]
