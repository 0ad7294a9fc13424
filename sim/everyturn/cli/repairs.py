"""`everyturn repairs`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from everyturn.cli.ending import AGENT, KEPT, exit_codes, exits
from everyturn.cli.options import BYTES, DURATION, OUTPUT, PICTURE, quiet
from everyturn.verdicts.verdict import Exit

if TYPE_CHECKING:
    from everyturn.checking.repairs.results import MinimalSet, RepairRefutation, RepairsFound


@click.command(
    epilog=exit_codes(
        AGENT,
        KEPT,
        {
            Exit.HOLDS: "some set of the repairs is enough, or none is needed",
            Exit.REFUTED: "no set of them is",
            Exit.UNDETERMINED: "none is known to be minimal, and some were not decided or tried",
        },
    ),
    short_help="The smallest sets of repairs that make a promise hold",
)
@click.option(
    "--revision",
    "--agent",
    "base",
    default="d10-newest",
    show_default=True,
    metavar="NAME",
    help="What is repaired: a revision, or package.module:Class.",
)
@click.option(
    "--repair",
    "repairs",
    multiple=True,
    metavar="NAME",
    help="One that may be used (repeatable): see `everyturn list repairs`; or package.module:Class.  [default: all]",
)
@click.option("--scope", "scopes", multiple=True, metavar="SCOPE", help="Where it has to hold.  [default: the sixteen]")
@click.option(
    "--invariant",
    "invariants",
    multiple=True,
    metavar="NAME",
    help="What has to hold (repeatable); `mission` is the first three, `all` all fifteen.  [default: nobody hangs]",
)
@click.option(
    "--granularity",
    type=click.Choice(["access", "await"]),
    default="access",
    show_default=True,
    help="Where threads may be interleaved.",
)
@click.option("--first", is_flag=True, help="End at the first minimal set.")
@click.option(
    "--breaks/--no-breaks",
    default=True,
    show_default=True,
    help="Look for what held before and is refuted with a minimal set, too.",
)
@click.option("--journal", type=OUTPUT, help="Keep what was explored in this file; go on from it if it is there.")
@click.option("--max-states", type=click.IntRange(1), help="Give up an exploration beyond this many states.")
@click.option("--max-seconds", type=DURATION, help="Give up an exploration after this time.")
@click.option("--max-memory", type=BYTES, metavar="SIZE", help="Give up an exploration at this much memory.")
@click.option("--plot", type=PICTURE, help="Draw the sets that were looked at, by inclusion (PNG, SVG or PDF).")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@quiet("One line for each set that is enough, and for what it breaks; how many there are.")
@exits
def repairs(
    base: str,
    repairs: tuple[str, ...],
    scopes: tuple[str, ...],
    invariants: tuple[str, ...],
    granularity: str,
    first: bool,
    breaks: bool,
    journal: Path | None,
    max_states: int | None,
    max_seconds: float | None,
    max_memory: int | None,
    plot: Path | None,
    as_json: bool,
) -> int:
    """Find the smallest sets of repairs that make a promise hold.

    A repair is a small class put in front of a dispatcher (`d4+clears-under-mutex`). Each set that is told is proved in
    every scope, and every proper subset of it refuted; of a set of more than eight, each that lacks one repair. What
    the set breaks that held before is told as well (docs/repairs.md).
    """
    from everyturn.checking.repairs.asking import find_repairs
    from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
    from everyturn.reports import repairs as report
    from everyturn.reports.text import Printer, exploring
    from everyturn_model.invariants.no_hang import NO_HANG

    show = Printer(err=as_json)
    found = find_repairs(
        base,
        () if "all" in invariants else invariants or (NO_HANG.name,),
        scopes,
        repairs,
        granularity=granularity,
        limits=Limits(max_states or DEFAULT_MAX_STATES, max_seconds, max_memory),
        journal=journal,
        watching=exploring,
        say=_told(_unsaid if show.quiet else show.say, report.progress_line),
        first=first,
        breaks=breaks,
    )
    for line in report.brief(found) if show.quiet else report.lines(found):
        show.say(line)
    if plot is not None:
        from everyturn.reports.plots import save

        save(report.figure(found), plot)
        if not show.quiet:
            show.say(f"diagram: {plot}")
    if as_json:
        from everyturn.cli.documents import encoded

        click.echo(encoded(found))
    return _code(found)


def _unsaid(_: str) -> None:
    """Of sets on the way nothing is said."""


def _told(
    say: Callable[[str], None], line: Callable[[MinimalSet | RepairRefutation], str]
) -> Callable[[MinimalSet | RepairRefutation], None]:
    return lambda found: say(line(found))


def _code(found: RepairsFound) -> int:
    if found.interrupted:
        return Exit.INTERRUPTED
    if any(each.minimal for each in found.sets):
        return Exit.HOLDS
    return Exit.REFUTED if found.complete else Exit.UNDETERMINED
