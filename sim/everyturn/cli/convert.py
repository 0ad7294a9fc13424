"""`everyturn convert`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from everyturn.cli.ending import exit_codes, exits
from everyturn.errors import UsageError
from everyturn.verdict import Exit


@click.command(
    epilog=exit_codes(
        {Exit.HOLDS: "every line was converted", Exit.USAGE: "usage error, or some lines could not be read"}
    ),
    short_help="Write a log in another format",
)
@click.argument("source", type=click.Path(path_type=Path), metavar="IN")
@click.argument("target", type=click.Path(path_type=Path), metavar="OUT")
@click.option("--from", "from_", metavar="FORMAT", help="IN's format, if neither its header nor its name says it.")
@click.option("--to", metavar="FORMAT", help="OUT's format, if its name does not say it.")
@click.option("--mapping", metavar="FILE|NAME", help="Read a foreign log: see `everyturn list mappings`.")
@click.option("--strict", is_flag=True, help="Stop at the first line that cannot be read.")
@exits
def convert(source: Path, target: Path, from_: str | None, to: str | None, mapping: str | None, strict: bool) -> int:
    """Write a log in another format: see `everyturn list formats`. `-` is standard input or output.

    OUT.gz, OUT.bz2, OUT.xz and OUT.zst are compressed.
    """
    from everyturn.formats.catalogue import FORMATS, by_suffix, writer
    from everyturn.formats.files import Fault, LogFile, stop, written
    from everyturn.formats.mapping import load
    from everyturn.linear.judging import Reading
    from everyturn.reports.text import Progress

    name = to or by_suffix(target)
    if name is None:
        endings = ", ".join(suffix for each in FORMATS.values() if each.writer for suffix in each.suffixes)
        raise UsageError(
            f"convert: expected --to FORMAT, or an OUT that ends in one of {endings}; found {str(target)!r}"
        )
    write = writer(name)
    faults = 0

    def fault(fault: Fault) -> None:
        nonlocal faults
        faults += 1
        if strict:
            stop(fault)
        click.echo(f"everyturn: {fault}", err=True)

    def pieces(file: LogFile) -> Iterator[bytes]:
        reader = Reading(from_, None if mapping is None else load(mapping)).reader(file, fault)
        yield from write(reader, reader.header)

    with Progress("convert") as bar, LogFile(source, bar.reading) as file:
        if target == Path("-"):
            for piece in pieces(file):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        else:
            written(target, pieces(file))
    return Exit.USAGE if faults else Exit.HOLDS
