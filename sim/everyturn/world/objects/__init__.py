"""Shared objects as values: what one operation does, said once for every engine.

The shared state of a world is one value for each column of :data:`COLUMNS`. :func:`apply` takes the values of the
columns that an operation touches and returns every possible ``(result, new values)``: none, the operation is blocked;
several, a choice that belongs to the world (a stream's end, a failing store).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from everyturn.world.objects import outside, own, session
from everyturn.world.objects.table import COLUMNS, HANDLERS, Accepting, Budget, Outcomes, Store, Values
from everyturn.world.operations import OWN, WAIT, Operation
from everyturn.world.scope import Scope

__all__ = [
    "COLUMNS",
    "Accepting",
    "Budget",
    "Outcomes",
    "Values",
    "apply",
    "can_block",
    "columns",
    "initial",
    "is_scheduling_point",
    "outside",
    "own",
    "session",
]


def initial(scope: Scope, owned: Mapping[str, Any] | None = None) -> Values:
    """The values of all columns when a world of ``scope`` begins; ``owned``: the dispatcher's own objects, by name."""
    return (
        None,
        None,
        (),
        Accepting(),
        frozenset(),
        Store(messages=not scope.new_session),
        Budget(
            scope.errors, scope.tools, scope.failures, scope.refusals, scope.losses, scope.nearly_full, scope.notices
        ),
        frozenset(),
        (),
        frozenset(),
        False,
        tuple(sorted((owned or {}).items())),
    )


def columns(operation: Operation) -> tuple[str, ...]:
    """The columns that ``operation`` reads or writes. Raises :class:`KeyError` for one that is not known."""
    if operation.object.startswith(OWN):
        return ("own",)
    return HANDLERS[operation.object, operation.method][0]


def apply(operation: Operation, values: Values, thread: str) -> Outcomes:
    """Every outcome of ``operation`` by ``thread``, given the values of its :func:`columns`."""
    if operation.object.startswith(OWN):
        return own.apply(operation, values)
    return HANDLERS[operation.object, operation.method][1](values, operation.arguments, thread)


_BLOCKING: Final = frozenset({"mutex.lock", "titles.end", "titles.join", "threads.join_all"})


def can_block(operation: Operation) -> bool:
    """Whether there may be values for which ``operation`` has no outcome."""
    known = (operation.object, operation.method) in HANDLERS
    return not known or f"{operation.object}.{operation.method}" in _BLOCKING


# scheduling points ------------------------------------------------------------------------------------------------

_USAGE: Final = frozenset({"read_usage", "save_usage"})
"""What can fail and changes nothing that others see, under a caller's context: like a look at that."""
_CALLER: Final = 2
"""How long the path of a caller's context is that only a shutdown cancels; those of turns are longer."""
_WAITS: Final = frozenset(
    {"mutex.lock", "model.ready", "model.end", "titles.end", "titles.join", "threads.join_all", "threads.start"}
)


def is_scheduling_point(operation: Operation, scope: Scope, granularity: str, shares: Collection[str] = ()) -> bool:
    """Whether other threads may run just before ``operation``.

    With granularity ``access`` every step of ``docs/semantics.md`` 2 is one; with ``await`` only what can block or
    waits for the world. What only its own thread can notice in ``scope`` never is one; ``shares`` names objects of which
    this cannot be said.
    """
    name = f"{operation.object}.{operation.method}"
    match operation.object:
        case shared if shared in shares:
            point = True
        case "hooks":
            point = bool(scope.nearly_full)
        case "closing":
            point = bool(scope.shutdown)
        case "threads":
            point = bool(scope.shutdown) or name in ("threads.start", "threads.join_all")
        case "contexts" if operation.method == "done":
            point = bool(scope.shutdown) or operation.arguments[0].prompt is not None
        case "model" if operation.method == "ready":
            point = bool(scope.failures)
        case "store" if operation.method in _USAGE:
            within_a_turn = len(operation.arguments[0].path) > _CALLER
            point = bool(scope.failures or scope.shutdown) or within_a_turn
        case "store" if operation.method == "read_results":
            point = bool(scope.failures)
        case _:
            point = True
    if granularity == "access" or not point:
        return point
    if operation.object.startswith(OWN):
        return operation.method.startswith(WAIT)
    return name in _WAITS or operation.object == "store" or (name == "broker.publish" and bool(scope.losses))
