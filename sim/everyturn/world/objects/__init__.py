"""Shared objects as values: what one operation does, said once for every engine.

The shared state of a world is one value for each column of :data:`COLUMNS`. :func:`apply` takes the values of the
columns that an operation touches and returns every possible ``(result, new values)``: none, the operation is blocked;
several, a choice that belongs to the world (a stream's end, a failing store). What is known of each operation stands
beside its effect, in the file of its object; whatever a reduction, a scheduler or a log monitor assumes of it is asked
here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from everyturn.world.declarations import OPERATIONS, Column, Declaration, Outcomes, Values
from everyturn.world.objects import (
    accepting,
    active,
    broker,
    budget,
    calls,
    closing,
    contexts,
    hooks,
    model,
    mutex,
    own,
    queue,
    store,
    threads,
    titles,
)
from everyturn.world.objects.accepting import Accepting
from everyturn.world.objects.budget import Budget
from everyturn.world.operations import OWN, WAIT, Operation
from everyturn.world.scope import Scope

__all__ = [
    "BY_NAME",
    "COLUMNS",
    "OPERATIONS",
    "SHARES",
    "Accepting",
    "Budget",
    "Column",
    "Outcomes",
    "Values",
    "apply",
    "can_block",
    "columns",
    "declared",
    "initial",
    "is_scheduling_point",
    "own",
]

_OBJECTS: Final = (
    *(
        mutex,
        active,
        queue,
        accepting,
        contexts,
        store,
        budget,
        model,
        titles,
        broker,
        hooks,
        threads,
        closing,
        calls,
        own,
    ),
)
BY_NAME: Final[dict[str, Column]] = {each.COLUMN.name: each.COLUMN for each in _OBJECTS if hasattr(each, "COLUMN")}
"""The columns of the shared state, in the order of the state's values."""
COLUMNS: Final[tuple[str, ...]] = tuple(BY_NAME)

SHARES: Final = tuple(
    name
    for name in COLUMNS
    if any(each.object == each.columns[0] == name for each in OPERATIONS.values() if each.entries is not None)
)
"""The objects that are taken to be one thread's own business, unless a dispatcher's class declares in `shares` that it
is not so."""


def initial(scope: Scope, owned: Mapping[str, Any] | None = None) -> Values:
    """The values of all columns when a world of ``scope`` begins; ``owned``: the dispatcher's own objects, by name."""
    own_objects = tuple(sorted((owned or {}).items()))
    return tuple(own_objects if name == own.COLUMN.name else column.first(scope) for name, column in BY_NAME.items())


def declared(operation: Operation) -> Declaration:
    """What is known of ``operation``. Raises :class:`KeyError` for one that is not known."""
    if operation.object.startswith(OWN):
        return own.WAITING if operation.method.startswith(WAIT) else own.STEP
    return OPERATIONS[operation.object, operation.method]


def columns(operation: Operation) -> tuple[str, ...]:
    """The columns that ``operation`` reads or writes. Raises :class:`KeyError` for one that is not known."""
    return declared(operation).columns


def apply(operation: Operation, values: Values, thread: str) -> Outcomes:
    """Every outcome of ``operation`` by ``thread``, given the values of its :func:`columns`."""
    if operation.object.startswith(OWN):
        return own.apply(operation, values)
    return OPERATIONS[operation.object, operation.method].effect(values, operation.arguments, thread)


def can_block(operation: Operation) -> bool:
    """Whether there may be values for which ``operation`` has no outcome."""
    return declared(operation).blocks


def is_scheduling_point(operation: Operation, scope: Scope, granularity: str, shares: Collection[str] = ()) -> bool:
    """Whether other threads may run just before ``operation``.

    With granularity ``access`` every step of ``docs/semantics.md`` 2 is one; with ``await`` only what can block or
    waits for the world. What only its own thread can notice in ``scope`` never is one; ``shares`` names objects of
    which this cannot be said.
    """
    known = declared(operation)
    point = operation.object in shares or known.is_noticed(scope, operation.arguments)
    return point if granularity == "access" or not point else known.gives_way(scope)
