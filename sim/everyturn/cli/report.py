"""`everyturn report`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import AGENT, exit_codes, exits
from everyturn.cli.options import BUDGET, IN_PLACE, OUTPUT, say_strayed
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes(
        AGENT,
        {
            Exit.HOLDS: "the page is written",
            Exit.USAGE: "usage error, unreadable input, or nothing is violated",
        },
    ),
    short_help="A counterexample as a page to step through",
)
@click.argument("source", metavar="TOKEN|TRACE|RESULT|LOG")
@click.option("-o", "--output", type=OUTPUT, required=True, metavar="FILE", help="The page to write, for a browser.")
@click.option(
    "--invariant",
    "invariants",
    multiple=True,
    metavar="NAME",
    help="Tell of the violation of this one, or of `conforms` (repeatable).  [default: the first; of a result, all]",
)
@IN_PLACE
@BUDGET
@click.option(
    "--states",
    type=click.IntRange(1, 200_000),
    default=4_000,
    show_default=True,
    help="How many states the page carries at most, so that the reader can choose who goes next.",
)
@click.option(
    "--remedies/--no-remedies",
    default=True,
    show_default=True,
    help="Look for a known change with which the same scope is proved (of a revision only).",
)
@click.option("--mapping", metavar="FILE|NAME", help="The source is a foreign log: see `everyturn list mappings`.")
@click.option("--scenario", metavar="NAME", help="The asyncio program whose run the token is of.")
@click.option("--session", metavar="NAME", help="The adapter of the asyncio agent whose run the token is of.")
@exits
def report(
    source: str,
    output: Path,
    invariants: tuple[str, ...],
    revision: str | None,
    budget: int,
    states: int,
    remedies: bool,
    mapping: str | None,
    scenario: str | None,
    session: str | None,
) -> int:
    """Write one HTML page about a counterexample: to be stepped through, searched, compared and scheduled anew.

    The source is a token, a trace file, a document that `check --json` has written, with several counterexamples, or a
    log, of which each fault is told. The page needs no network and no server, shows the run as a diagram, the state and
    the code at each step, what decided and when it was too late, and lets its reader choose who goes next.
    """
    from everyturn.files.writing import written
    from everyturn.formats.mapping import load
    from everyturn.logs.history import AS_IT_IS, Reading
    from everyturn.page.assembling import html
    from everyturn.page.opening import Asking, page_of

    reading = AS_IT_IS if mapping is None else Reading(mapping=load(mapping))
    asking = Asking(invariants, revision, budget, states, say_strayed, remedies, scenario, session, reading)
    page = page_of(source, asking)
    written(output, [html(page).encode()])
    click.echo(f"page: {output}")
    return Exit.HOLDS
