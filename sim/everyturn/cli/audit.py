"""`everyturn audit`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from everyturn.cli.ending import KEPT, exit_codes, exits
from everyturn.cli.options import BYTES, DURATION, asked, of_worlds
from everyturn.cli.programs import AskedProgram, asked_programs, of_programs, setting, without_meaning
from everyturn.verdicts.verdict import Exit

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.asyncio.search.searching import SearchLimits
    from everyturn.checking.audit import Audited


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
@click.option("--max-seconds", type=DURATION, help="Explore for this time at most, for each (then likewise).")
@click.option("--max-memory", type=BYTES, metavar="SIZE", help="Explore until the process holds this much (likewise).")
@of_programs
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@exits
def audit(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    granularity: str,
    max_states: int | None,
    max_seconds: float | None,
    max_memory: int | None,
    scenarios: tuple[str, ...],
    sessions: tuple[str, ...],
    order: str,
    eager: bool,
    as_json: bool,
) -> int:
    """Compare all histories that the explorer takes for one: can this agent be explored at all?

    An agent that remembers something outside of its local variables, or asks a clock, goes on differently after
    histories that look alike; then no proof about it is worth anything, and the exit code is 3. What
    code may do: docs/your_own_agent.md. With --scenario or --session, states of an asyncio program: each is followed by
    two of its histories, by several continuations.
    """
    import msgspec

    from everyturn.checking.audit import Audits
    from everyturn.reports import text

    show = text.Printer(err=as_json)
    programs = asked_programs(scenarios, sessions, scopes)
    if programs:
        from everyturn.asyncio.search.searching import SearchLimits

        without_meaning("revisions", "granularity")
        limits = SearchLimits(None, max_seconds, max_memory, max_states)
        found = _of_programs(programs, setting(order, eager=eager), limits)
    else:
        found = _of_dispatchers(revisions, scopes, granularity, (max_states, max_seconds, max_memory))
    cells: list[Audited] = []
    for cell in found:
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


def _of_dispatchers(
    revisions: Sequence[str],
    scopes: Sequence[str],
    granularity: str,
    limits: tuple[int | None, float | None, int | None],
) -> Iterator[Audited]:
    """The audits of dispatchers in scopes."""
    from everyturn.checking.audit import audit as audit_cell
    from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
    from everyturn.reports import text
    from everyturn_impl.revisions import REVISIONS

    states, seconds, memory = limits
    for scope, name in asked(scopes or ("AA+1c",), revisions or tuple(REVISIONS)):
        with text.ProgressLine(f"{name} {scope}") as bar:
            yield audit_cell(
                name,
                scope,
                granularity=granularity,
                limits=Limits(states or DEFAULT_MAX_STATES, seconds, memory),
                progress=bar.exploring,
            )


def _of_programs(asked: Sequence[AskedProgram], loop: Setting, limits: SearchLimits) -> Iterator[Audited]:
    """The audits of asyncio programs."""
    from everyturn.asyncio.search.auditing import audit as audit_program
    from everyturn.reports.programs import watching

    for each in asked:
        with watching(each.name) as bar:
            yield audit_program(each.program, loop, limits, bar.searching)
