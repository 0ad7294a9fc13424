"""`everyturn list`."""

from __future__ import annotations

import click

from everyturn.cli.options import WRITING_CODES, exits
from everyturn.verdict import Exit


@click.command(name="list", short_help="What there is: revisions, invariants, scopes, …", epilog=WRITING_CODES)
@click.argument(
    "what",
    metavar="WHAT",
    type=click.Choice(["revisions", "invariants", "strategies", "scopes", "formats", "mappings", "mutants"]),
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output: the lines.")
@exits
def list_(what: str, as_json: bool) -> int:
    """What there is. WHAT: revisions, invariants, strategies, scopes, formats, mappings or mutants."""
    from everyturn.reports.text import listing

    if as_json:
        import msgspec

        lines = list(listing(what))
        click.echo(msgspec.json.encode({"schema": "everyturn/list/1", "what": what, "lines": lines}).decode())
        return Exit.HOLDS
    for line in listing(what):
        click.echo(line)
    return Exit.HOLDS
