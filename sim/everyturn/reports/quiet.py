"""Whether somebody wants verdicts only, and not what explains them."""

from __future__ import annotations

from typing import Final

import click

QUIET_MARK: Final = "everyturn.quiet"
"""What a command's context says so by."""


def is_quiet() -> bool:
    """Whether the command that is running was asked for verdicts only."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET_MARK))
