"""`everyturn export`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from everyturn.cli.ending import AGENT, exit_codes, exits
from everyturn.cli.options import INVARIANT, OUTPUT
from everyturn.files.writing import written
from everyturn.printing import printable
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes(
        AGENT, {Exit.HOLDS: "the file is written", Exit.USAGE: "usage error, or more than --max-states states"}
    ),
    short_help="A reachable graph, or a model for SPIN or rumur",
)
@click.option("--revision", "--agent", required=True, metavar="NAME", help="See `everyturn list revisions`.")
@click.option("--scope", required=True, metavar="SCOPE", help="What runs: see `everyturn list scopes`.")
@click.option(
    "--granularity",
    type=click.Choice(["access", "await"]),
    default="access",
    show_default=True,
    help="As for `everyturn check`.",
)
@click.option(
    "--invariant",
    "invariants",
    multiple=True,
    metavar="NAME",
    help=INVARIANT,
)
@click.option(
    "--to", "form", type=click.Choice(["aut", "dot", "promela", "murphi"]), required=True, help="What to write."
)
@click.option("--count-only", is_flag=True, help="Assert nothing in a model, so that a tool counts all its states.")
@click.option(
    "--max-states",
    type=click.IntRange(1),
    default=2_000_000,
    show_default=True,
    help="Write nothing beyond this many states.",
)
@click.option("-o", "--output", type=OUTPUT, required=True, help="The file to write.")
@exits
def export(
    revision: str,
    scope: str,
    granularity: str,
    invariants: tuple[str, ...],
    form: str,
    count_only: bool,
    max_states: int,
    output: Path,
) -> int:
    """Write the reachable graph (aut, dot), or the whole scope as a model for SPIN (promela) or rumur (murphi).

    The state includes what the judge remembers, so that states and transitions are those of `everyturn check` with the
    same --invariant. docs/exports.md says how to run the tools, and what their numbers mean.
    """
    from everyturn.engines.coroutines.reached import Reached
    from everyturn.reports import text
    from everyturn.verdicts.selection import judge_by
    from everyturn.world.scope import Scope
    from everyturn.world.world import World

    world = World(Scope.parse(scope), revision, granularity)
    judge = judge_by(invariants)
    with text.ProgressLine(f"{world.revision} {world.scope}") as bar:
        reached = Reached(world, judge, max_states=max_states, progress=bar.exploring)
    lines = _lines(reached, form, count_only=count_only)
    written(output, (f"{line}\n".encode() for line in lines))
    click.echo(f"{printable(output)}: {len(reached):,} states, {reached.transitions_count:,} transitions", err=True)
    return Exit.HOLDS


def _lines(reached: object, form: str, *, count_only: bool) -> Iterator[str]:
    from everyturn.engines.coroutines.reached import Reached
    from everyturn.exports import aut, dot, murphi, promela
    from everyturn.exports.tables import tables

    assert isinstance(reached, Reached)
    match form:
        case "aut":
            return aut.write(reached)
        case "dot":
            return iter(list(dot.write(reached)))
        case "promela":
            return promela.write(tables(reached), properties=not count_only)
        case _:
            return murphi.write(tables(reached), properties=not count_only)
