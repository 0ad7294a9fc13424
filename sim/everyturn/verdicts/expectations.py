"""Which witnesses a scope calls for, so that "proved" can say in the same line what the proof never met.

A scope calls for a witness if some dispatcher that obeys the specification can show it there. A particular one need
not: `hardened` empties its queue at a Cancel and drops nothing later. But whoever reads "proved" should know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from everyturn.world.scope import Scope


def _accepted(scope: Scope) -> bool:
    return any(kind in "Aa" for kind in scope.prompts)


def _waits(scope: Scope) -> bool:
    """Whether a prompt can find the session busy."""
    return len(scope.prompts) + scope.summaries >= 2


def _cancels(scope: Scope) -> bool:
    return bool(scope.cancels or scope.shutdown)


def _tells_errors(scope: Scope) -> bool:
    """Whether an error can be left when the coordinator's one retry is over."""
    spare = 1 if scope.direct else 2
    return bool(scope.errors or scope.failures or scope.refusals >= spare)


CALLED_FOR: Final[dict[str, Callable[[Scope], bool]]] = {
    "queued": _waits,
    "fold": lambda scope: len(scope.prompts) >= 2 and scope.run_ids < len(scope.prompts),
    "hand-off": _waits,
    "drop": lambda scope: _waits(scope) and _cancels(scope),
    "clear": lambda scope: _waits(scope) and (_cancels(scope) or bool(scope.clears)),
    "cancel-on-entry": lambda scope: _accepted(scope) and _cancels(scope),
    "finished-turn": lambda scope: True,
    "failed-turn": lambda scope: bool(scope.errors),
    "cancelled-turn": _cancels,
    "tool-round": lambda scope: bool(scope.tools),
    "completion": lambda scope: scope.run_ids > 0,
    "error-notice": lambda scope: _accepted(scope) and _tells_errors(scope),
    "summary": lambda scope: bool(scope.summaries or scope.nearly_full),
    "turn-summary": lambda scope: bool(scope.nearly_full),
    "store-failure": lambda scope: bool(scope.failures),
    "refusal": lambda scope: _accepted(scope) and bool(scope.shutdown),
}
"""Witness → whether a scope calls for it."""


def called_for(scope: Scope) -> tuple[str, ...]:
    """The witnesses that ``scope`` calls for, in their order."""
    return tuple(name for name, calls in CALLED_FOR.items() if calls(scope))


def unreached(witnesses: Mapping[str, bool], scope: Scope) -> tuple[str, ...]:
    """The witnesses that ``scope`` calls for and a cell did not reach; ``witnesses``: those of the cell, by name."""
    return tuple(name for name in called_for(scope) if not witnesses.get(name, False))
