"""`everyturn replay`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.options import EXIT_CODES, exits, finish, judging
from everyturn.verdict import RESULT_SCHEMA, Exit, Result


@click.command(epilog=EXIT_CODES)
@click.argument("source", metavar="TOKEN|FILE")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the run as a trace file (JSON lines).")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the run as a timeline (PNG or SVG).")
@judging
@exits
def replay(
    source: str,
    output: Path | None,
    plot: Path | None,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make a recorded run again, from its token or trace file, and judge it. A violation exits with 1."""
    from everyturn.replay import replay as replay_source
    from everyturn.reports import text

    show = text.Printer(err=as_json)
    replayed = replay_source(source, invariants)
    show.run(replayed)
    if output is not None:
        replayed.write(output)
        show.say(f"trace: {output}")
    if plot is not None:
        from everyturn.reports.plots import timeline

        timeline(replayed.run, replayed.findings, plot)
        show.say(f"timeline: {plot}")
    code = finish(Result(RESULT_SCHEMA, "replay", [replayed.cell]), as_json=as_json, exit_zero=exit_zero, expect=expect)
    if replayed.strayed is not None:
        click.echo(f"everyturn: {replayed.strayed}", err=True)
        return Exit.INTERNAL
    return code
