"""What ends a run early."""

from __future__ import annotations

from typing import Final

from everyturn.errors import UsageError


class AtRest(BaseException):
    """Nothing is ready and nothing more can come. Not an error: no handler of the program may catch it."""


class Abandoned(BaseException):
    """This run is not gone on with: its state was seen before (``merged``), or a limit was reached. Not an error."""

    def __init__(self, *, merged: bool = False) -> None:
        super().__init__()
        self.merged = merged


class Unsupported(UsageError):
    """The program does what cannot be controlled: the message says where, and what to use instead.

    It is remembered in :data:`REFUSED`: a program that catches it goes on in a way that no run without us does.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        REFUSED.append(self)


REFUSED: Final[list[Unsupported]] = []
"""What was refused in this run."""
