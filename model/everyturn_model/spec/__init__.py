"""The specification: a session as a transition system, that is, what any correct dispatcher may do, and what not.

A state (:mod:`everyturn_model.spec.state`) is a small immutable value. An action has guards, each with a name and a
sentence, and an effect, side by side; its argument is the event that tells of it. The environment's actions come
first: nothing obliges clients, the store or the world. Every action of the system is judged: a dispatcher that takes
one which a guard refuses is wrong, and the guard's sentence says why.

=====================================  ==========================================================================
:mod:`everyturn_model.spec.environment`     submit, Cancel, ClearQueue, Summarise, shutdown
:mod:`everyturn_model.spec.failures`        the store fails
:mod:`everyturn_model.spec.fates`           a prompt is refused, queued, taken out, folded, dropped, cancelled on entry
:mod:`everyturn_model.spec.turns`           a turn starts, writes, prepares, streams, ends
:mod:`everyturn_model.spec.summaries`       a summary starts, streams, ends, fails
:mod:`everyturn_model.spec.notices`         a prompt is told, its thread returns; rest
=====================================  ==========================================================================

The phases of a prompt are those of :data:`everyturn_model.lifecycle.LIFE`; guards named ``life-...`` ask that table.
The specification says nothing about mutexes, marks, recursion or coordinators: a hand-off may run on any thread, a
retry in the turn or in a new one, a Cancel may be one step or many. Source: ``docs/semantics.md``, section 6.
"""

from __future__ import annotations

from typing import Any, Final

from everyturn_model.events import Event
from everyturn_model.spec.actions import Action
from everyturn_model.spec.environment import CALL_ACTIONS, CANCEL_ACTIONS
from everyturn_model.spec.failures import FAILURE_ACTIONS
from everyturn_model.spec.fates import FATE_ACTIONS
from everyturn_model.spec.notices import NOTICE_ACTIONS
from everyturn_model.spec.state import State
from everyturn_model.spec.summaries import SUMMARY_ACTIONS
from everyturn_model.spec.turns import TURN_ACTIONS

START: Final = State()
"""The session before anything happened."""

ENVIRONMENT_ACTIONS: Final[tuple[Action[Any], ...]] = (*CALL_ACTIONS, *FAILURE_ACTIONS)
"""What the environment may do."""

SYSTEM_ACTIONS: Final[tuple[Action[Any], ...]] = (
    *FATE_ACTIONS,
    *TURN_ACTIONS,
    *SUMMARY_ACTIONS,
    *CANCEL_ACTIONS,
    *NOTICE_ACTIONS,
)
"""What the system may do."""

ACTIONS: Final[tuple[Action[Any], ...]] = (*ENVIRONMENT_ACTIONS, *SYSTEM_ACTIONS)
"""All actions."""

BY_EVENT: Final[dict[type[Event], Action[Any]]] = {action.event: action for action in ACTIONS}
"""The action that an event tells of. Every event of the vocabulary has one."""
