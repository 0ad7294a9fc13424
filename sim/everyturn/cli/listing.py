"""`everyturn list`."""

from __future__ import annotations

import click

from everyturn.cli.ending import exits
from everyturn.reports.listing import LISTINGS, document, lines
from everyturn.verdicts.verdict import Exit


@click.command(
    name="list",
    short_help="Revisions, invariants, scopes, strategies, formats …",
)
@click.argument("what", metavar="WHAT", type=click.Choice(list(LISTINGS)))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@exits
def list_(what: str, as_json: bool) -> int:
    """What there is, by name.

    WHAT is one of revisions, invariants, promises, strategies, scopes, formats, mappings, mutants and repairs.
    """
    import msgspec

    if as_json:
        click.echo(msgspec.json.encode(document(what)).decode())
    else:
        for line in lines(what):
            click.echo(line)
    return Exit.HOLDS
