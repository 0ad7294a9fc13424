"""Vacuity: what nothing in a scope could violate, so that holding there means nothing."""

from __future__ import annotations

from everyturn.world.scope import Scope
from everyturn_model.invariants import Invariant


def is_vacuous(invariant: Invariant, scope: Scope) -> bool:
    """Whether nothing in ``scope`` could violate ``invariant``, whatever the dispatcher does."""
    needs = invariant.needs
    return len(scope.prompts) < needs.prompts or scope.run_ids < needs.run_ids or scope.cancels < needs.cancels
