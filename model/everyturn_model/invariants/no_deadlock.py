"""At rest no thread waits."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Event, Rest
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.monitor import NotShown
from everyturn_model.monitor import Invariant, Kind, SessionNeeds, Violated


def no_deadlock(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest no thread waits."""
    if isinstance(event, Rest) and event.blocked:
        still = "still waits" if len(event.blocked) == 1 else "still wait"
        return Violated(f"nothing can move any more, and {', '.join(event.blocked)} {still}")
    return state


NO_DEADLOCK: Final = Invariant(
    "no-deadlock",
    "No thread waits for ever.",
    Kind.AT_REST,
    no_deadlock,
    sees=(Rest,),
    log=NotShown("the log does not show what a thread waits for"),
    session=SessionNeeds(),
    guards=("rest-nobody-waits",),
    mutant="NoDeadlock",
)
