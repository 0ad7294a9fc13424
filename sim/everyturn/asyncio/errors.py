"""What ends a run early."""

from __future__ import annotations

from everyturn.errors import UsageError


class AtRest(BaseException):
    """Nothing is ready and nothing more can come. Not an error: no handler of the program may catch it."""


class Abandoned(BaseException):
    """This run is not gone on with: its state was seen before (``merged``), or a limit was reached. Not an error."""

    def __init__(self, *, merged: bool = False) -> None:
        super().__init__()
        self.merged = merged


class Unsupported(UsageError):
    """The program does what cannot be controlled: the message says where, and what to use instead."""
