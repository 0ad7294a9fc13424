"""What must hold: the fifteen invariants.

Each stands in a file of its own, with all that is known of it: its record, an
:class:`~everyturn_model.monitor.Invariant`, beside the functions that watch over it. The exact meaning of each, and
why, is in ``docs/semantics.md``. To add one, write its file and name its record here.
"""

from __future__ import annotations

from typing import Final

from everyturn_model.invariants.clean_rest import CLEAN_REST
from everyturn_model.invariants.idle_cancel import IDLE_CANCEL
from everyturn_model.invariants.in_order import IN_ORDER
from everyturn_model.invariants.no_deadlock import NO_DEADLOCK
from everyturn_model.invariants.no_double_emit import NO_DOUBLE_EMIT
from everyturn_model.invariants.no_fold_of_run_id import NO_FOLD_OF_RUN_ID
from everyturn_model.invariants.no_hang import NO_HANG
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL
from everyturn_model.invariants.no_poisoned_prompt import NO_POISONED_PROMPT
from everyturn_model.invariants.nothing_lost import NOTHING_LOST
from everyturn_model.invariants.one_turn import ONE_TURN
from everyturn_model.invariants.prompt_notice import PROMPT_NOTICE
from everyturn_model.invariants.right_owner import RIGHT_OWNER
from everyturn_model.invariants.state_before_notice import STATE_BEFORE_NOTICE
from everyturn_model.invariants.true_outcome import TRUE_OUTCOME
from everyturn_model.monitor import Invariant, Kind, Needs, Violated

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

MISSION: Final[tuple[str, ...]] = tuple(each.name for each in (NO_HANG, NO_DOUBLE_EMIT, NO_FOLD_OF_RUN_ID))
"""The three that the project was founded for."""
