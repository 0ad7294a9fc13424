"""`everyturn convert`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from everyturn.cli.ending import complain, exit_codes, exits
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes({Exit.HOLDS: "every line was converted", Exit.USAGE: "usage error, or lines were lost"}),
    short_help="Write a log in another format",
)
@click.argument("source", type=click.Path(path_type=Path), metavar="IN")
@click.argument("target", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--from", "from_", metavar="FORMAT", help="IN's format, if neither its header nor its name says it.")
@click.option("--to", metavar="FORMAT", help="OUT's format, if its name does not say it.")
@click.option("--mapping", metavar="FILE|NAME", help="Read a foreign log: see `everyturn list mappings`.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
@click.option(
    "--lossy", is_flag=True, help="Write what could be read, although lines were lost; the exit code stays 2."
)
@exits
def convert(
    source: Path, target: Path, from_: str | None, to: str | None, mapping: str | None, strict: bool, lossy: bool
) -> int:
    """Write a log in another format: see `everyturn list formats`. `-` is standard input or output.

    OUT.gz, OUT.bz2, OUT.xz and OUT.zst are compressed. A line that cannot be read, or that the mapping neither maps nor
    ignores, is lost: then OUT stays what it was, and the exit code is 2.
    """
    from everyturn.files.reading import STDIN, LogFile, ReadingFault, Unread, Unreadable, stop
    from everyturn.files.writing import written
    from everyturn.formats.catalogue import written_as
    from everyturn.formats.mapped_log import unmapped
    from everyturn.formats.mapping import load
    from everyturn.formats.times import Uncountable
    from everyturn.logs.history import Reading
    from everyturn.reports.text import ProgressLine

    write = written_as(to, target)
    unread, lost = Unread(complain), False

    def pieces(file: LogFile) -> Iterator[bytes]:
        nonlocal lost
        reader = Reading(from_, None if mapping is None else load(mapping)).reader(file, stop if strict else unread)
        try:
            yield from write(reader, reader.header)
        except Uncountable as error:
            raise Unreadable(ReadingFault(source, error.line, error.expected, error.found)) from error
        for each in unread.rest:
            complain(each)
        if remark := unmapped(reader):
            complain(f"{source}: {remark}")
        lost = bool(unread or remark)
        if lost and not lossy and target != STDIN:
            raise UsageError(f"{target}: not written, since lines of {source} were lost; --lossy writes the others")

    with ProgressLine("convert") as bar, LogFile(source, bar.reading) as file:
        if target == STDIN:
            for piece in pieces(file):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            written(target, pieces(file))
    return Exit.USAGE if lost else Exit.HOLDS
