"""How things end, and why: the closed words that events are told in."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How a turn, and with it a prompt, ended."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StreamEnd(StrEnum):
    """How one step of a stream ended."""

    FINISHED = "finished"
    TOOL = "tool"
    ERROR = "error"
    UNAUTHORISED = "unauthorised"
    CANCELLED = "cancelled"


class DropReason(StrEnum):
    """Why a queued prompt was removed without a turn."""

    COVERED = "covered"
    CLEARED = "cleared"


class Writer(StrEnum):
    """On whose behalf a user message was written."""

    TURN = "turn"
    FOLD = "fold"
    CANCEL_ON_ENTRY = "cancel_on_entry"


class FailureCause(StrEnum):
    """Why an operation on the message store failed."""

    CANCELLED = "cancelled"
    STORE = "store"
