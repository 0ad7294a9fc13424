"""`everyturn demo`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import exit_codes, exits
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes({Exit.HOLDS: "the story was told"}),
    short_help="A waiter that hangs, and its cure, in ten seconds",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("everyturn-demo"),
    show_default=True,
    help="Folder for the two pictures.",
)
@exits
def demo(output: Path) -> int:
    """In under ten seconds: a waiter hangs at the parent revision, and the same schedule ends well after the fix."""
    from everyturn.reports.demonstration import show

    show(output)
    return Exit.HOLDS
