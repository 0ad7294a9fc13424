"""`everyturn demo`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.options import WRITING_CODES, exits
from everyturn.verdict import Exit


@click.command(short_help="A waiter hangs before a fix, and is told after it", epilog=WRITING_CODES)
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
    from everyturn.demo import show

    show(output)
    return Exit.HOLDS
