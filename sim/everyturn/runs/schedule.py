"""A schedule: which decisions a run made, relative to first-in first-out order.

At each scheduling point the threads that could go on stand in the order in which they asked; the decision is the place
of the one that does. Where an operation has several outcomes, a second decision says which. Decisions are made only
where there is something to decide, so that a run in stock order is a list of zeros, and a counterexample a short list
of deviations from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Schedule(NamedTuple):
    """The run of ``revision`` in ``scope`` at ``granularity`` that makes ``deviations``: (decision's number, value)."""

    revision: str
    scope: str
    granularity: str
    deviations: tuple[tuple[int, int], ...]


def deviations(decisions: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """The decisions that are not zero, with their numbers."""
    return tuple((number, value) for number, value in enumerate(decisions) if value)
