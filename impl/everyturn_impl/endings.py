"""How a turn ended, and what its hand-off found: the values that the steps of a turn pass to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from everyturn_impl.calls import Call, Fault, StepEnd

CANCELLED: Final = "cancelled"
UNSUCCESSFUL: Final = {
    StepEnd.ERROR: "provider",
    StepEnd.UNAUTHORISED: "unauthorised",
    StepEnd.CANCELLED: CANCELLED,
}
"""The ends of a step that end the turn without success, and the kind of fault each is."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How the steps of a turn ended.

    ``message`` and ``text`` are those of the last assistant message; ``full``: the turn stopped to be summarised;
    ``asked_tools``: its last step asked for tools, so that its work is not done; ``steps``: the number of that step.
    """

    message: str | None
    text: str = ""
    fault: Fault | None = None
    full: bool = False
    asked_tools: bool = False
    steps: int = 0


@dataclass(frozen=True, slots=True)
class HandOff:
    """What a hand-off found: the call to run next, if any, and whether the turn still owes its own completion."""

    first: Call | None
    owes: bool = False
