"""`everyturn liveness`."""

from __future__ import annotations

import click

from everyturn.cli.ending import AGENT, VERDICTS, exit_codes, exits
from everyturn.cli.options import COUNTER_CHECK, DURATION, QUIET, asked, finish, of_worlds
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Result


@click.command(epilog=exit_codes(VERDICTS, AGENT), short_help="Is every waiter told in the end, if threads are fair?")
@of_worlds("d4-independent", "required")
@click.option("--fair-choices", is_flag=True, help="Assume that the world does not make the same choice for ever.")
@click.option("--strong", is_flag=True, help="Assume strongly fair threads: who can move again and again, moves.")
@click.option("--max-states", type=click.IntRange(1), help="Give up (undetermined) beyond this many states.")
@click.option("--max-seconds", type=DURATION, help="Give up (undetermined) after this time for each cell.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the verdict is.")
@click.option("--expect", type=click.Choice(["refuted"]), help="Exit 0 if every cell is refuted, else 1.")
@COUNTER_CHECK
@QUIET
@exits
def liveness(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    granularity: str,
    fair_choices: bool,
    strong: bool,
    max_states: int | None,
    max_seconds: float | None,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    counter_check: bool,
) -> int:
    """Is every accepted prompt with run id told in the end, however long that takes, if threads are scheduled fairly?

    `*t` in a scope stands for tool rounds without number (likewise e, f, r, b): `everyturn liveness --scope 'AA+*t'`.
    """
    from everyturn.checking.liveness import cell
    from everyturn.checking.liveness import liveness as judge
    from everyturn.engines.fairness.fairness import MAX_STATES
    from everyturn.reports import text
    from everyturn.world.scope import Scope
    from everyturn.world.world import World

    if not scopes:
        raise UsageError("liveness: expected --scope, for example --scope 'AA+*t'")
    show = text.Printer(err=as_json)
    cells: list[Cell] = []
    interrupted = False
    for scope, name in asked(scopes, revisions or ("d4-independent",)):
        world = World(Scope.parse(scope), name, granularity)
        with text.ProgressLine(f"{world.revision} {world.scope}") as bar:
            found = judge(
                world,
                fair="strong" if strong else "weak",
                max_states=max_states or MAX_STATES,
                max_seconds=max_seconds,
                progress=bar.exploring,
            )
        cells.append(cell(world, found, fair_choices=fair_choices, counter_check=counter_check))
        show.cell(cells[-1])
        for lasso in () if show.quiet else found.lassos:
            show.say()
            show.say(f"{lasso.kind}: {lasso.sentence}")
            for line in lasso.lines():
                show.say(f"  {line}")
        if found.interrupted:
            interrupted = True
            break
    if show.quiet:
        show.verdicts(cells)
    return finish(
        Result(RESULT_SCHEMA, "liveness", cells, interrupted), as_json=as_json, exit_zero=exit_zero, expect=expect
    )
