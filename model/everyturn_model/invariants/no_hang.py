"""Everybody who waits is told: at rest, nobody waits for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn_model.events import Event, Rest
from everyturn_model.lifecycle import Fate, Ledger
from everyturn_model.logs.line import Snapshot
from everyturn_model.logs.monitor import Left, LogMonitor, still_open
from everyturn_model.logs.session import LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, Violated


def no_hang(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest, everybody who waits was told."""
    if not isinstance(event, Rest):
        return state
    waiting = [life for life in ledger if life.run_id and Fate.REFUSED not in life.fates]
    hanging = [life.prompt for life in waiting if not (life.reached or life.notified)]
    if hanging:
        first, *others = hanging
        besides = f"; nor was that of {', '.join(others)}" if others else ""
        return Violated(f"{first} has a run id, nothing can move any more, and its waiter was never told{besides}")
    return state


# in logs
# ---------------------------------------------------------------------------------------------------------------


def hanging(session: LogSession, kinds: frozenset[str], snapshot: Snapshot | None) -> Iterator[Left]:
    """Waiters who were never told."""
    for prompt in session.prompts.values():
        waits = prompt.run_id is not None and prompt.fate != "refused"
        if waits and not (prompt.told or prompt.notified or prompt.own_error):
            yield Left(f"nothing can move any more, and nobody has told the waiter of {prompt.name}", prompt.name)


NO_HANG: Final = Invariant(
    "no-hang",
    "Every submitted prompt with run id that was not refused is told of its end.",
    Kind.AT_REST,
    no_hang,
    needs=Needs(run_ids=1),
    sees=(Rest,),
    log=LogMonitor(frozenset({"submit", "told", "rest"}), at_rest=hanging, silent=still_open),
    guards=("rest-all-told", "rest-queue-empty"),
    mutant="NoHang",
)
