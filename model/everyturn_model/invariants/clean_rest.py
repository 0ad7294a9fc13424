"""At rest nothing is left over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn_model.events import Event, Rest
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Snapshot
from everyturn_model.logs.monitor import Left, LogEvidence, LogMonitor
from everyturn_model.logs.session import LogSession
from everyturn_model.monitor import Invariant, Kind, SessionNeeds, Violated


def clean_rest(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest nothing is left over."""
    if not isinstance(event, Rest):
        return state
    shared = event.shared
    left = [
        text
        for wrong, text in (
            (shared.active is not None, f"{shared.active} is still active"),
            (bool(shared.queue), f"{', '.join(shared.queue)} still queued"),
            (shared.reservations > 0, f"open reservations: {shared.reservations}"),
            (shared.mark > 0, f"a cancel mark of {shared.mark}"),
            (shared.mutex is not None, f"the dispatch mutex held by {shared.mutex}"),
        )
        if wrong
    ]
    return Violated(f"nothing can move any more, and left over: {'; '.join(left)}") if left else state


# in logs
# ---------------------------------------------------------------------------------------------------------------


def left_over(session: LogSession, kinds: frozenset[str], snapshot: Snapshot | None) -> Iterator[Left]:
    """What a snapshot at rest still has."""
    if snapshot is None:
        return
    left = [
        text
        for wrong, text in (
            (snapshot.busy, "an active entry"),
            (bool(snapshot.queue), f"{', '.join(snapshot.queue)} in the queue"),
            (snapshot.reservations > 0, f"open reservations: {snapshot.reservations}"),
            (snapshot.mark > 0, f"a cancel mark of {snapshot.mark}"),
        )
        if wrong
    ]
    if left:
        yield Left(f"nothing can move any more, and left over: {'; '.join(left)}")


def no_snapshots(shown: LogEvidence) -> str | None:
    """What is left over shows only in a snapshot."""
    return None if shown.snapshots else "the log has no snapshots at rest"


CLEAN_REST: Final = Invariant(
    "clean-rest",
    "When nothing can move, nothing is active, queued, reserved, marked or held.",
    Kind.AT_REST,
    clean_rest,
    sees=(Rest,),
    log=LogMonitor(frozenset({"rest"}), at_rest=left_over, silent=no_snapshots),
    session=SessionNeeds("kind queued", "the adapter does not show what the session holds (look)"),
    guards=("rest-clean",),
    mutant="CleanRest",
)
