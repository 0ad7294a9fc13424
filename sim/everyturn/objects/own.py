"""A dispatcher's own shared objects (:class:`everyturn_impl.ports.Shared`): immutable values that know their steps.

All of them together are one column: a pair of name and value for each, by name.
"""

from __future__ import annotations

from typing import Any

from everyturn.errors import AgentFault
from everyturn.frozen import Freezer, NoValue
from everyturn.objects.table import Outcomes, Values
from everyturn.operations import OWN, WAIT, Operation


def apply(operation: Operation, values: Values) -> Outcomes:
    """The outcome of a step: none as long as it has to wait.

    Raises :class:`AgentFault` for what is no step of an immutable value: what a step changes in place, in place of
    returning the next value, would be changed for every run and every interleaving at once.
    """
    owned: tuple[tuple[str, Any], ...] = values[0]
    place, name, value = next(
        (place, name, value) for place, (name, value) in enumerate(owned) if OWN + name == operation.object
    )
    outcome = getattr(value, operation.method.removeprefix(WAIT))(*operation.arguments)
    if outcome is None and operation.method.startswith(WAIT):
        return []
    if not (type(outcome) is tuple and len(outcome) == 2 and type(outcome[1]) is type(value)):
        raise AgentFault(
            f"{operation}: expected a pair of a result and the next {type(value).__qualname__}, found {outcome!r}"
        )
    result, after = outcome
    check(operation, outcome)
    return [(result, ((*owned[:place], (name, after), *owned[place + 1 :]),))]


def check(operation: object, value: Any) -> None:
    """Raise :class:`AgentFault`, naming the operation or the object, for what cannot be compared by value."""
    try:
        Freezer().freeze(value)
    except NoValue as error:
        raise AgentFault(f"{operation}: found a {error}") from None
