"""`everyturn coverage`."""

from __future__ import annotations

import click

from everyturn.cli.ending import AGENT, KEPT, exit_codes, exits
from everyturn.cli.options import asked, of_worlds, quiet
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes(
        AGENT, KEPT, {Exit.HOLDS: "all of the scope was explored", Exit.UNDETERMINED: "not all of it was"}
    ),
    short_help="What a proof in a scope puts to the test",
)
@of_worlds("d4-independent", "default: AA+1c")
@click.option("--max-states", type=click.IntRange(1), help="Explore at most about this many states.  [default: 200000]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@quiet("How much of each kind was reached, and no more.")
@exits
def coverage(
    revisions: tuple[str, ...], scopes: tuple[str, ...], granularity: str, max_states: int | None, as_json: bool
) -> int:
    """Say what a proof in a scope puts to the test: lines, branches, operations, races, guards, witnesses."""
    import msgspec

    from everyturn.checking.coverage import DEFAULT_MAX_STATES, Coverage, Coverages, cover
    from everyturn.reports import text
    from everyturn.reports.coverage import brief, report

    show = text.Printer(err=as_json)
    cells: list[Coverage] = []
    for scope, name in asked(scopes or ("AA+1c",), revisions or ("d4-independent",)):
        with text.ProgressLine(f"{name} {scope}") as bar:
            cell = cover(
                name,
                scope,
                granularity=granularity,
                max_states=max_states or DEFAULT_MAX_STATES,
                progress=bar.exploring,
            )
        cells.append(cell)
        for line in brief(cell) if show.quiet else report(cell):
            show.say(line)
        if cell.interrupted:
            break
    if as_json:
        click.echo(msgspec.json.encode(Coverages(cells, interrupted=cells[-1].interrupted)).decode())
    if cells[-1].interrupted:
        return Exit.INTERRUPTED
    return Exit.HOLDS if all(cell.complete for cell in cells) else Exit.UNDETERMINED
