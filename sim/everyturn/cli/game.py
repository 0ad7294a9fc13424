"""`everyturn game`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import exit_codes, exits
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes({Exit.HOLDS: "the page was written"}),
    short_help="Be the scheduler: a page with small programs to break",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("everyturn-game.html"),
    show_default=True,
    help="The page, which needs nothing else.",
)
@exits
def game(output: Path) -> int:
    """Write a game: small dispatchers, each with a goal; the player decides who goes next. Some cannot be broken, and
    that is proved.

    Open the page in any browser; nothing is loaded from elsewhere, and progress stays in the browser.
    """
    from everyturn.front.playing import play

    made = play()
    made.save(output)
    click.echo(f"{output}: {len(made.names)} levels; open it in a browser")
    return Exit.HOLDS
