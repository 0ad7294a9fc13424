"""How much a command is asked to say: verdicts only, the usual, or every invariant with what it says."""

from __future__ import annotations

from enum import Enum
from typing import Final

import click


class HowMuch(Enum):
    """What a command says besides its verdicts."""

    QUIET = "quiet"
    USUAL = "usual"
    VERBOSE = "verbose"


HOW_MUCH: Final = "everyturn.how-much"
"""Where a command's context says so."""


def how_much() -> HowMuch:
    """What the command that is running was asked for."""
    context = click.get_current_context(silent=True)
    found: HowMuch = HowMuch.USUAL if context is None else context.meta.get(HOW_MUCH, HowMuch.USUAL)
    return found


def is_quiet() -> bool:
    """Whether it was asked for verdicts only."""
    return how_much() is HowMuch.QUIET


def is_verbose() -> bool:
    """Whether it was asked for all that there is to say of a cell."""
    return how_much() is HowMuch.VERBOSE
