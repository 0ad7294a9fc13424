"""What an invariant is: a sentence, and a monitor that watches over it.

A monitor is an immutable state and one function. ``step(state, event, ledger)`` returns the next state, or
:class:`Violated` with a sentence that names the prompts; ``ledger`` is what is known of all prompts *after* the event.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from everyturn_model.events import Event
from everyturn_model.lifecycle import Ledger


@dataclass(frozen=True, slots=True)
class Violated:
    """The end of a monitor: what was violated, in a sentence that names the prompts."""

    sentence: str


class Kind(StrEnum):
    """When an invariant is judged."""

    ALWAYS = "always"
    AT_REST = "at rest"


@dataclass(frozen=True, slots=True)
class Needs:
    """The least that a scope must have for an invariant to be violable at all; below it, it is vacuous.

    *Whatever the dispatcher does*: one that starts a prompt twice, cancels a turn that nobody asked it to cancel or tells
    what never happened breaks most invariants with a single prompt. What no dispatcher can make up is that somebody waits
    for a run id, and that a Cancel was called.
    """

    prompts: int = 1
    run_ids: int = 0
    cancels: int = 0


Step = Callable[[Any, Event, Ledger], Any]


@dataclass(frozen=True, slots=True)
class Invariant:
    """One invariant: ``start`` is the monitor's first state (hashable), ``step`` its transition function.

    ``sees``: the only events that its monitor looks at; all others leave its state as it is. None named: all.
    """

    name: str
    sentence: str
    kind: Kind
    step: Step
    start: Hashable = None
    needs: Needs = Needs()
    sees: tuple[type[Event], ...] = ()
