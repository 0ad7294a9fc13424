"""What must hold: the fifteen invariants.

Each stands in one place, a function and the sentence that it watches over, in :mod:`everyturn_model.monitors`. The exact
meaning of each, and why, is in ``docs/semantics.md``. To add one, write it there and name it here.
"""

from __future__ import annotations

from typing import Final

from everyturn_model.monitor import Invariant, Kind, Needs, Violated
from everyturn_model.monitors.cancels import IDLE_CANCEL, NO_LOST_CANCEL, NO_POISONED_PROMPT
from everyturn_model.monitors.notices import (
    NO_DOUBLE_EMIT,
    PROMPT_NOTICE,
    RIGHT_OWNER,
    STATE_BEFORE_NOTICE,
    TRUE_OUTCOME,
)
from everyturn_model.monitors.rest import CLEAN_REST, NO_DEADLOCK, NO_HANG, NOTHING_LOST
from everyturn_model.monitors.turns import IN_ORDER, NO_FOLD_OF_RUN_ID, ONE_TURN

__all__ = ["BY_NAME", "INVARIANTS", "MISSION", "Invariant", "Kind", "Needs", "Violated"]

INVARIANTS: Final[tuple[Invariant, ...]] = (
    NO_HANG,
    NO_DOUBLE_EMIT,
    NO_FOLD_OF_RUN_ID,
    ONE_TURN,
    NO_LOST_CANCEL,
    NO_POISONED_PROMPT,
    NOTHING_LOST,
    IN_ORDER,
    RIGHT_OWNER,
    CLEAN_REST,
    IDLE_CANCEL,
    NO_DEADLOCK,
    PROMPT_NOTICE,
    TRUE_OUTCOME,
    STATE_BEFORE_NOTICE,
)
"""The fifteen, in the order of ``docs/protocol.md``."""

BY_NAME: Final[dict[str, Invariant]] = {invariant.name: invariant for invariant in INVARIANTS}

MISSION: Final[tuple[str, ...]] = ("no-hang", "no-double-emit", "no-fold-of-run-id")
"""The three that the project was founded for."""
