"""What a completion names can be read in the store."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Completed, Event, FinalFailed, FinalStored, StepPrepared
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.monitor import NotShown
from everyturn_model.monitor import Invariant, Kind, Violated


def state_before_notice(unstored: frozenset[str], event: Event, ledger: Ledger) -> frozenset[str] | Violated:
    """What a completion names is in the store before."""
    match event:
        case StepPrepared(message=message) | FinalFailed(message=message):
            return unstored | {message}
        case FinalStored(message=message):
            return unstored - {message}
        case Completed(prompt=prompt, message=message) if message in unstored:
            return Violated(f"the completion of {prompt} was published before the message it names was stored")
        case Completed(prompt=prompt, message=str(message)) if ledger.of_message(message) is None:
            return Violated(f"the completion of {prompt} names a message that was never made: {message}")
    return unstored


STATE_BEFORE_NOTICE: Final = Invariant(
    "state-before-notice",
    "The message that a completion names is stored before the completion is published.",
    Kind.ALWAYS,
    state_before_notice,
    frozenset(),
    sees=(StepPrepared, FinalFailed, FinalStored, Completed),
    log=NotShown("the log does not show when the state of an answer is stored"),
    guards=("message-made", "message-stored"),
    mutant="StateBeforeNotice",
)
