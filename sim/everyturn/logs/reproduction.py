"""The same fault in the model: the shortest run of the revision that a log names, found by exploring small scopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from everyturn.engines.coroutines.exploration import Limits
from everyturn.errors import UsageError
from everyturn.world.scope import Scope
from everyturn_impl.revisions import REVISIONS

_STATES: Final = 300_000
"""So many states of a scope are explored."""

_EXTRAS: Final = ("", "+1e", "+1t", "+1c", "+1q", "+1s", "+1f")


class Reproduction(NamedTuple):
    """A run of the model that breaks ``invariant``: where it was found, how long it is, and its token."""

    revision: str
    scope: str
    invariant: str
    sentence: str
    steps: int
    token: str


def reproduce(revision: str, invariant: str, scope: str) -> Reproduction | None:
    """A shortest run of ``revision`` that breaks ``invariant``, in the first small scope that has one.

    Only what ``scope``, in which the log was recorded, has besides prompts is tried; none if there is no such revision,
    or nothing is found.
    """
    from everyturn.checking.check import check

    if revision not in REVISIONS:
        return None
    for each in _scopes(scope):
        judged = check(revision, each, invariants=[invariant], limits=Limits(_STATES)).cell.invariants[invariant]
        if judged.token is not None and judged.steps is not None:
            return Reproduction(revision, each, invariant, judged.sentence or "", judged.steps, judged.token)
    return None


def _scopes(scope: str) -> Iterator[str]:
    """Small scopes, the smallest first."""
    try:
        Scope.parse(scope)
    except UsageError:
        return
    letters = {part[-1] for part in scope.split("+")[1:]}
    yield from (f"AA{extra}" for extra in _EXTRAS if not extra or extra[-1] in letters)
    yield "AAA"
