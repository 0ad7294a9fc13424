"""`everyturn merge`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import exit_codes, exits
from everyturn.cli.options import OUTPUT, quiet
from everyturn.files.writing import expect_apart
from everyturn.verdicts.verdict import Exit

FILE = click.Path(path_type=Path)


@click.command(
    epilog=exit_codes({Exit.HOLDS: "they are one index now"}),
    short_help="Join the indexes of a campaign's shards",
)
@click.argument("files", metavar="INDEX...", nargs=-1, required=True, type=FILE)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The index of all their units.")
@click.option("--result", "result_file", type=OUTPUT, help="Write what came of them as JSON, without times.")
@quiet("What fails and what is not known, a line for each, and how many cells there are.")
@exits
def merge(files: tuple[Path, ...], output: Path, result_file: Path | None) -> int:
    """Join indexes of one campaign, such as those of its shards: each unit of work is in the new one once.

    The result of all shards together has the same bytes as that of a campaign that was not divided.
    """
    from everyturn.campaigns.merging import merge as join
    from everyturn.reports.campaigns import brief, lines, write_result
    from everyturn.reports.text import Printer

    expect_apart({"--output": output, "--result": result_file})
    expect_apart({"--result": result_file}, files)
    result = join(files, output).result
    show = Printer(err=False)
    for line in brief(result) if show.quiet else lines(result):
        show.say(line)
    if result_file is not None:
        write_result(result_file, result)
    return Exit.HOLDS
