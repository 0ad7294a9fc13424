"""`everyturn list`."""

from __future__ import annotations

import click

from everyturn.cli.options import exits
from everyturn.verdict import Exit


@click.command(name="list")
@click.argument(
    "what", type=click.Choice(["revisions", "invariants", "strategies", "scopes", "formats", "mappings", "mutants"])
)
@exits
def list_(what: str) -> int:
    """What there is: revisions, invariants, strategies, scopes, formats, mappings, mutants."""
    from everyturn.reports.text import listing

    for line in listing(what):
        click.echo(line)
    return Exit.HOLDS
