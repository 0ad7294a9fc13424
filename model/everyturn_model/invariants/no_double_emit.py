"""One completion for each run id."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Completed, Event
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, SessionNeeds, Violated


def no_double_emit(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """One completion for each run id."""
    if isinstance(event, Completed) and event.delivered and event.run_id:
        life = ledger.get(event.prompt)
        if life is not None and life.run_id and life.told > 1:
            return Violated(f"a second completion for {event.prompt}'s run id was given to the broker")
    return state


# in logs
# ---------------------------------------------------------------------------------------------------------------


def told_twice(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """Two completions for one run id."""
    if prompt.run_id is not None and prompt.told > 1:
        return f"a second completion for {prompt.name}'s run id was given to its waiter"
    return None


NO_DOUBLE_EMIT: Final = Invariant(
    "no-double-emit",
    "There is at most one completion for each run id.",
    Kind.ALWAYS,
    no_double_emit,
    needs=Needs(run_ids=1),
    sees=(Completed,),
    log=LogMonitor(frozenset({"told"}), {"told": told_twice}),
    session=SessionNeeds(
        "told by the adapter", "a call returns once; completions that the adapter tells there are none", vacuous=True
    ),
    guards=("told-once",),
    mutant="NoDoubleEmit",
)
