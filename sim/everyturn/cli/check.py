"""`everyturn check`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from everyturn.cli.ending import AGENT, VERDICTS, exit_codes, exits
from everyturn.cli.options import (
    BYTES,
    COUNTER_CHECK,
    DURATION,
    JOBS,
    OUTPUT,
    PICTURE,
    QUIET,
    VERBOSE,
    WITHOUT,
    asked,
    finish,
    judging,
    of_worlds,
)
from everyturn.cli.programs import AskedProgram, asked_programs, judge_programs, of_programs, setting, without_meaning
from everyturn.cli.publishing import Published, publishing
from everyturn.errors import Unwritable, UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.reports.programs import SearchProgress
    from everyturn.reports.text import Printer


@click.command(epilog=exit_codes(VERDICTS, AGENT), short_help="Explore every interleaving: proved or refuted")
@of_worlds("all but hardened", "default: the sixteen of that list")
@judging()
@WITHOUT
@click.option(
    "--stop-at-first",
    is_flag=True,
    help="End each cell at its first refutation; what is not refuted by then is undetermined.",
)
@click.option("--max-states", type=click.IntRange(1), help="Give up (undetermined) beyond this many states.")
@click.option("--max-seconds", type=DURATION, help="Give up (undetermined) after this time for each cell.")
@click.option(
    "--max-memory",
    type=BYTES,
    metavar="SIZE",
    help="Give up (undetermined) when the process holds this much, for example 4G.",
)
@click.option(
    "--counterexamples",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="How many for each refuted invariant, different in cause or in the order of conflicting accesses.",
)
@click.option(
    "--checkpoint",
    type=OUTPUT,
    help="Save the exploration of a single cell in this file now and then, and at its end, however it comes; go on "
    "from it if it is there, to the same verdicts. With any --reduce, and with one process or two.",
)
@click.option(
    "--reduce",
    type=click.Choice(["none", "dead", "symmetry", "ample"]),
    default="dead",
    show_default=True,
    help="Leave out what cannot change a verdict: dead variables; and besides, either renamings of interchangeable "
    "prompts, "
    "or orders of steps that do not matter to each other nor to what is judged (ample; a counterexample may then be "
    "longer than a shortest one).",
)
@click.option(
    "--engine",
    type=click.Choice(["levels", "plain"]),
    default="levels",
    show_default=True,
    help="Whole levels at once, or state by state: slow, simple, and the referee of the other.",
)
@click.option(
    "--jobs",
    type=JOBS,
    default=1,
    show_default=True,
    help="Cells or programs explored at once; a single one is explored by two processes.",
)
@of_programs
@COUNTER_CHECK
@publishing
@click.option("--plot", type=PICTURE, help="Write the matrix of verdicts as a picture (PNG, SVG or PDF).")
@QUIET
@VERBOSE
@exits
def check(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    max_states: int | None,
    max_seconds: float | None,
    max_memory: int | None,
    jobs: int,
    scenarios: tuple[str, ...],
    sessions: tuple[str, ...],
    order: str,
    eager: bool,
    plot: Path | None,
    sarif: Path | None,
    github: bool,
    **how: Any,
) -> int:
    """Explore every interleaving: proved or refuted, for each invariant, with a shortest counterexample.

    What is counted: the verdicts on the fifteen invariants (`everyturn list invariants`) and on conformance, that is
    whether each run as a whole is one that the specification allows.

    A cell is one revision in one scope. Without --revision: all of `everyturn list revisions` but hardened, those that
    you add there included. Of several cells the matrix of their verdicts comes first.

    With --scenario, every run of an asyncio program as it is: first in, first out where asyncio is, and every order of
    what the outside world does (docs/asyncio.md). With --session, every run of an asyncio agent as it is, behind an
    adapter, judged by the invariants in a scope (docs/asyncio_session.md).
    """
    # ``how``: options of checking.check.check by their names
    published = Published(sarif, github)
    programs = asked_programs(scenarios, sessions, scopes, how["invariants"], how["without"])
    if programs:
        without_meaning("revisions", "granularity", "checkpoint", "counterexamples", "reduce", "engine")
        limits = (None, max_seconds, max_memory, max_states)
        processes = min(jobs, 2) if len(programs) == 1 else 1
        judge = _of_programs(setting(order, eager=eager), limits, how, processes)
        return judge_programs(
            "check",
            programs,
            judge,
            as_json=as_json,
            exit_zero=exit_zero,
            expect=expect,
            together=True,
            jobs=jobs,
            then=partial(_plotted, plot=plot),
            published=published,
        )
    from everyturn.engines.coroutines.exploration import DEFAULT_MAX_STATES, Limits
    from everyturn.reports import text

    show = text.Printer(err=as_json)
    cells_asked = _cells_asked(revisions, scopes, how["checkpoint"])
    how["limits"] = Limits(max_states or DEFAULT_MAX_STATES, max_seconds, max_memory)
    cells, interrupted, unsaved = _explored(cells_asked, jobs, how, show)
    show.all_of(cells, lambda place: show.cell(cells[place]))
    show.hint(cells)
    _plotted(cells, show, plot)
    result = Result(RESULT_SCHEMA, "check", cells, interrupted)
    published.result(result)
    code = finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    if unsaved is not None:
        raise unsaved
    return code


def _of_programs(
    loop: Setting,
    limits: tuple[int | None, float | None, int | None, int | None],
    how: Mapping[str, Any],
    processes: int,
) -> Callable[[AskedProgram, SearchProgress], CheckedScenario]:
    """Explores one asyncio program within limits: runs, seconds, bytes, states."""
    from everyturn.asyncio.checking import check as check_program
    from everyturn.asyncio.search.searching import SearchLimits

    def judge(asked: AskedProgram, bar: SearchProgress) -> CheckedScenario:
        first = frozenset(asked.kinds if how["stop_at_first"] else ())
        return check_program(
            asked.program,
            loop,
            kinds=asked.kinds,
            limits=SearchLimits(*limits, first),
            watch=bar.searching,
            counter_check=how["counter_check"],
            processes=processes,
        )

    return judge


def _plotted(cells: Sequence[Cell], show: Printer, plot: Path | None) -> None:
    """The matrix of verdicts as a picture, if that was asked for."""
    if plot is not None and cells:
        from everyturn.reports.matrix_plot import matrix

        matrix(cells, plot)
        show.say(f"matrix: {plot}")


def _cells_asked(revisions: Sequence[str], scopes: Sequence[str], checkpoint: Path | None) -> list[tuple[str, str]]:
    """Revision and scope of each cell. Raises :class:`UsageError` if a checkpoint would have to hold several."""
    from everyturn.world.scope import DEFAULT_SCOPES
    from everyturn.world.world import revision_name
    from everyturn_impl.revisions import REVISIONS

    names = [revision_name(name) for name in revisions] or [name for name in REVISIONS if name != "hardened"]
    if checkpoint is not None and (len(scopes) != 1 or len(names) != 1):
        raise UsageError("checkpoint: expected one --scope and one --revision, because it holds one cell")
    return [(name, scope) for scope, name in asked(scopes or DEFAULT_SCOPES, names)]


def _explored(
    cells_asked: Sequence[tuple[str, str]], jobs: int, how: Mapping[str, Any], show: Printer
) -> tuple[list[Cell], bool, Unwritable | None]:
    """The cells, whether Ctrl-C ended it, and why a checkpoint is not what was found. How many there are is shown
    meanwhile."""
    from everyturn.checking.check import check as check_cell
    from everyturn.checking.check import check_all
    from everyturn.reports.text import ProgressLine, exploring

    cells: list[Cell] = []
    unsaved: Unwritable | None = None
    try:
        with ProgressLine("check") as bar:
            for checked in check_all(partial(check_cell, **how), cells_asked, jobs, exploring):
                cells.append(checked.cell)
                unsaved = checked.unsaved
                bar.cells(len(cells), len(cells_asked))
                if checked.interrupted:
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        show.say("interrupted: what was found so far")
        return cells, True, unsaved
    return cells, False, unsaved
