"""Results of operations that failed."""

from __future__ import annotations

from typing import Any, NamedTuple

from everyturn_impl.calls import Fault


class Raised(NamedTuple):
    """The result of an operation that failed: the port raises the error that ``fault`` is the value of."""

    fault: Fault


class Committed(NamedTuple):
    """The result of a write that failed although it was made: the port raises its error all the same."""

    how: str
    fault: Fault


def fault_of(result: Any) -> Fault | None:
    """The error that an operation ended in, whether it left anything behind or not; none if it succeeded."""
    return result.fault if type(result) in (Raised, Committed) else None
