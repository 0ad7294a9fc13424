"""Invariants: those of the list, and what one of your own is made of.

An invariant of your own is an :class:`Invariant`: a name, a sentence, a :class:`Kind`, and a function ``step(state,
event, ledger)`` that returns the next state of its monitor (a value; ``None`` will do if nothing has to be
remembered) or :class:`Violated`. ``event`` is one of :mod:`everyturn.events`; ``ledger`` is what is known of all
prompts after it.
"""

from __future__ import annotations

from typing import Final

from everyturn_model.invariants import BY_NAME, INVARIANTS, MISSION
from everyturn_model.lifecycle import Ledger, Life
from everyturn_model.monitor import Invariant, Kind, Needs, Violated

__all__ = ["ALL", "BY_NAME", "MISSION", "Invariant", "Kind", "Ledger", "Life", "Needs", "Violated"]

ALL: Final[tuple[Invariant, ...]] = INVARIANTS
"""The invariants of the list, in the order in which they are told."""
