"""What an action of the specification is: guards, each with a name and a sentence, and an effect.

An action's argument is an event: the one by which a log tells of it, or a *hidden* one of this module, which no log
tells.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from everyturn_model.events import Event
from everyturn_model.spec.state import State

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class CancelTakesEffect(Event):
    """Hidden: the Cancel has reached everything that it found."""

    operation: str


@dataclass(frozen=True, slots=True)
class ClearTakesEffect(Event):
    """Hidden: the ClearQueue has reached everything that it found."""

    operation: str


class Side(StrEnum):
    """Who takes an action: the environment, whom nothing obliges, or the system, whose every step is judged."""

    ENVIRONMENT = "environment"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Guard(Generic[E]):
    """A condition of an action. ``sentence`` says what is demanded; it is what a user reads when the guard refuses."""

    name: str
    sentence: str
    holds: Callable[[State, E], bool]


@dataclass(frozen=True, slots=True)
class Action(Generic[E]):
    """One action: it may happen in ``state`` when every guard holds, and then ``effect`` gives the next state."""

    name: str
    side: Side
    event: type[E]
    guards: tuple[Guard[E], ...]
    effect: Callable[[State, E], State]

    def refusing(self, state: State, event: E) -> Guard[E] | None:
        """The first guard that refuses ``event`` in ``state``, none if it may happen."""
        for guard in self.guards:
            if not guard.holds(state, event):
                return guard
        return None
