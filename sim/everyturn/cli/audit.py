"""`everyturn audit`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from everyturn.cli.ending import KEPT, exit_codes, exits
from everyturn.cli.options import asked, of_worlds
from everyturn.cli.scenarios import SCENARIO, only_scenarios
from everyturn.verdicts.verdict import Exit

if TYPE_CHECKING:
    from everyturn.checking.audit import Audited
    from everyturn.reports.text import Printer


@click.command(
    epilog=exit_codes(
        KEPT,
        {
            Exit.HOLDS: "all histories agree",
            Exit.INTERNAL: "some do not, so that no proof counts; or an internal error",
            Exit.UNDETERMINED: "all that were compared agree; not all were explored",
        },
    ),
    short_help="Can this agent be explored at all?",
)
@of_worlds("all", "default: AA+1c")
@click.option("--max-states", type=click.IntRange(1), help="Explore at most this many states (then: undetermined).")
@click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help=f"{SCENARIO} Repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@exits
def audit(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    granularity: str,
    max_states: int | None,
    scenarios: tuple[str, ...],
    as_json: bool,
) -> int:
    """Compare all histories that the explorer takes for one: can this agent be explored at all?

    An agent that remembers something outside of its local variables, or asks a clock, goes on differently after
    histories that look alike; then no proof about it is worth anything, and the exit code is 3. What
    code may do: docs/your_own_agent.md. With --scenario, states of an asyncio program: each is followed by two of its
    histories, by several continuations.
    """
    import msgspec

    from everyturn.checking.audit import Audits
    from everyturn.checking.audit import audit as audit_cell
    from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
    from everyturn.reports import text
    from everyturn_impl.revisions import REVISIONS

    show = text.Printer(err=as_json)
    if scenarios:
        only_scenarios(revision=revisions, scope=scopes)
    cells: list[Audited] = _of_scenarios(scenarios, max_states, show)
    for scope, name in () if scenarios else asked(scopes or ("AA+1c",), revisions or tuple(REVISIONS)):
        with text.ProgressLine(f"{name} {scope}") as bar:
            cell = audit_cell(
                name,
                scope,
                granularity=granularity,
                limits=Limits(max_states or DEFAULT_MAX_STATES),
                progress=bar.exploring,
            )
        cells.append(cell)
        show.audit(cell)
        if cell.interrupted:
            break
    if as_json:
        click.echo(msgspec.json.encode(Audits(cells, interrupted=cells[-1].interrupted)).decode())
    if any(cell.difference for cell in cells):
        return Exit.INTERNAL
    if cells[-1].interrupted:
        return Exit.INTERRUPTED
    return Exit.HOLDS if all(cell.complete for cell in cells) else Exit.UNDETERMINED


def _of_scenarios(names: Sequence[str], runs: int | None, show: Printer) -> list[Audited]:
    """The audits of asyncio programs, each of so many runs at most."""
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.asyncio.search.auditing import audit as audit_scenario
    from everyturn.asyncio.search.searching import SearchLimits

    cells: list[Audited] = []
    for name in names:
        cells.append(audit_scenario(name, Setting(), SearchLimits(runs)))
        show.audit(cells[-1])
    return cells
