"""Turns and summaries do not overlap."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Event, StreamStarted, SummaryStarted, TurnStarted
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Violated
from everyturn_model.works import NO_WORKS, SEEN, Works


def one_turn(works: Works, event: Event, ledger: Ledger) -> Works | Violated:
    """Turns and summaries do not overlap, from their begin to their end, except a turn and its own summary."""
    others = works.beside(event)
    if others:
        name = event.turn if isinstance(event, TurnStarted | StreamStarted) else getattr(event, "summary", None)
        began = "began" if isinstance(event, TurnStarted | SummaryStarted) else "streams"
        return Violated(f"{name} {began} while {', '.join(sorted(others))} had not ended")
    return works.after(event)


# in logs
# ---------------------------------------------------------------------------------------------------------------


def turn_overlaps(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """A turn begins while another turn or a summary has begun and not ended."""
    return _overlap(session, prompt.name, line)


def summary_overlaps(session: LogSession, line: Line) -> str | None:
    """A summary begins while another one, or a turn that it is not within, has begun and not ended."""
    return _overlap(session, str(line.operation), line)


def _overlap(session: LogSession, begun: str, line: Line) -> str | None:
    thread = session.running.get(begun)
    if thread is not None and line.thread is not None and thread != line.thread:
        return f"the turn of {begun} began on {line.thread} while one of it was running on {thread}"
    others = [name for name in session.running if name not in (begun, line.turn)]
    if others and session.recorded:
        return f"a stream of {begun} started while the turn of {', '.join(others)} was running"
    return f"the turn of {begun} began while that of {', '.join(others)} was running" if others else None


ONE_TURN: Final = Invariant(
    "one-turn",
    "At most one turn or summary is active in a session.",
    Kind.ALWAYS,
    one_turn,
    NO_WORKS,
    sees=SEEN,
    log=LogMonitor(frozenset({"started", "ended"}), {"started": turn_overlaps}, {"summary_start": summary_overlaps}),
    guards=("nothing-active", "nothing-else-active"),
    mutant="OneTurn",
)
