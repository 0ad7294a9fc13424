"""`everyturn diff`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import exit_codes, exits
from everyturn.verdicts.verdict import Exit

FILE = click.Path(path_type=Path)


@click.command(
    epilog=exit_codes({Exit.HOLDS: "no failure is new", Exit.REFUTED: "some failure is new"}),
    short_help="What is different between two campaigns",
)
@click.argument("before", type=FILE)
@click.argument("after", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@exits
def diff(before: Path, after: Path, as_json: bool) -> int:
    """Say which failures are new, which are gone, and which risks have changed between two campaigns.

    Each is an index, or a result that was written with --result.
    """
    from everyturn.campaigns.comparing import compare, read_result
    from everyturn.reports.campaigns import diff_lines
    from everyturn.reports.text import Printer

    found = compare(read_result(before), read_result(after))
    show = Printer(err=as_json)
    for line in diff_lines(found):
        show.say(line)
    if as_json:
        from everyturn.cli.documents import encoded

        click.echo(encoded(found))
    return Exit.REFUTED if found.new else Exit.HOLDS
