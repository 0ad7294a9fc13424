"""Whom a notice reaches: what the monitors of notices both have to know."""

from __future__ import annotations

from everyturn_model.events import Completed, ErrorNotified
from everyturn_model.lifecycle import Ledger


def waited_for(event: Completed | ErrorNotified, ledger: Ledger) -> bool:
    """Whether somebody waits for the run id that the notice carries; one that nobody was given tells nobody."""
    life = ledger.get(event.prompt)
    return event.run_id and life is not None and life.run_id
