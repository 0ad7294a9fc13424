"""`everyturn fuzz`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from everyturn.cli.ending import AGENT, VERDICTS, exit_codes, exits
from everyturn.cli.options import (
    COUNTER_CHECK,
    DURATION,
    JOBS,
    QUIET,
    VERBOSE,
    WITHOUT,
    Finite,
    asked,
    finish,
    judging,
    of_worlds,
)
from everyturn.cli.programs import AskedProgram, asked_programs, judge_programs, of_programs, setting, without_meaning
from everyturn.cli.publishing import Published, publishing
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.reports.programs import SearchProgress


@click.command(
    epilog=exit_codes(VERDICTS, AGENT, {Exit.HOLDS: "no violation was seen", Exit.NOTHING_RAN: "nothing ran"}),
    short_help="Sample interleavings, and bound what was not seen",
)
@of_worlds("d4-independent", "required")
@judging()
@WITHOUT
@click.option(
    "--strategy", default="portfolio", show_default=True, metavar="NAME", help="See `everyturn list strategies`."
)
@click.option("--runs", type=click.IntRange(0), help="How many runs, at most; 1000, or what --until-risk needs.")
@click.option("--until-risk", type=float, metavar="P", help="As many runs as bound the risk by P if all are clean.")
@click.option(
    "--engine",
    type=click.Choice(("simpy", "tables")),
    default="simpy",
    show_default=True,
    help="The same runs; over tables a hundred times as fast, with random-walk and pct only. With --scenario or "
    "--session: runs are followed through states that are known, which is fast where states come again.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same runs.")
@click.option("--jobs", type=JOBS, default=1, show_default=True, help="Processes; the runs stay the same.")
@click.option("--max-seconds", type=DURATION, help="Stop after this time for each cell.")
@click.option(
    "--time",
    type=click.Choice(("free", "simulated")),
    default="free",
    show_default=True,
    help="With --scenario: all takes any time, or what is drawn; then it is told how long things took.",
)
@click.option(
    "--latency",
    type=Finite(0),
    metavar="SECONDS",
    help="With --time simulated: the mean of what the scenario says nothing of, exponential; 1.",
)
@of_programs
@COUNTER_CHECK
@publishing
@QUIET
@VERBOSE
@exits
def fuzz(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    invariants: tuple[str, ...],
    without: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    scenarios: tuple[str, ...],
    sessions: tuple[str, ...],
    order: str,
    eager: bool,
    sarif: Path | None,
    github: bool,
    **how: Any,
) -> int:
    """Sample interleavings through SimPy: first violations with their tokens, else a bound for what was not seen.

    With --scenario, runs of an asyncio program as it is; with --session, of an asyncio agent behind an adapter. There a
    strategy decides among the loop and what may come from outside (docs/asyncio.md).
    """
    # ``how``: options of checking.fuzz.fuzz by their names
    simulated = _simulated(how, scenarios)
    published = Published(sarif, github)
    programs = asked_programs(scenarios, sessions, scopes, invariants, without)
    if programs:
        without_meaning("revisions", "granularity", "jobs")
        judge = (_in_simulated_time if simulated else _of_programs)(setting(order, eager=eager), how)
        return judge_programs(
            "fuzz",
            programs,
            judge,
            as_json=as_json,
            exit_zero=exit_zero,
            expect=expect,
            together=False,
            published=published,
        )
    from everyturn.checking.fuzz import fuzz as fuzz_cell
    from everyturn.reports import text

    if not scopes:
        raise UsageError("fuzz: expected --scope, for example --scope AAa+2c")
    show = text.Printer(err=as_json)
    cells: list[Cell] = []
    interrupted = False
    for scope, name in asked(scopes, revisions or ("d4-independent",)):
        try:
            with text.ProgressLine(f"{name} {scope}") as bar:
                fuzzed = fuzz_cell(name, scope, invariants=invariants, without=without, progress=bar.sampling, **how)
            if fuzzed.cell.schedules:
                cells.append(fuzzed.cell)
                show.cell(fuzzed.cell)
            if not show.quiet:
                _explain(fuzzed, show)
            interrupted = fuzzed.interrupted
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            show.say("interrupted: what was found so far")
            break
    if show.quiet:
        show.verdicts(cells)
    result = Result(RESULT_SCHEMA, "fuzz", cells, interrupted)
    published.result(result)
    return finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)


def _of_programs(loop: Setting, how: Mapping[str, Any]) -> Callable[[AskedProgram, SearchProgress], CheckedScenario]:
    """Samples one asyncio program."""
    from everyturn.asyncio.checking import fuzz as fuzz_program

    def judge(asked: AskedProgram, bar: SearchProgress) -> CheckedScenario:
        return fuzz_program(
            asked.program,
            loop,
            kinds=asked.kinds,
            strategy=how["strategy"],
            runs=how["runs"],
            until_risk=how["until_risk"],
            seed=how["seed"],
            seconds=how["max_seconds"],
            watch=bar.searching,
            counter_check=how["counter_check"],
            engine=how["engine"],
        )

    return judge


def _simulated(how: dict[str, Any], scenarios: tuple[str, ...]) -> bool:
    """Whether time is simulated. Raises :class:`UsageError` for options that do not go with it."""
    latency, simulated = how["latency"], how.pop("time") == "simulated"
    if not simulated:
        if latency is not None:
            raise UsageError("--latency: expected --time simulated beside it; in free time all takes any time")
        del how["latency"]
        return False
    given = click.get_current_context().get_parameter_source
    if not scenarios:
        raise UsageError("--time simulated: expected --scenario; sessions and revisions are sampled in free time")
    if how["engine"] != "simpy":
        raise UsageError("--engine tables: expected --time free; in simulated time no two states are the same")
    if given("strategy") is not click.core.ParameterSource.DEFAULT:
        raise UsageError("--strategy: expected none with --time simulated, where latencies decide what comes first")
    return True


def _in_simulated_time(
    loop: Setting, how: Mapping[str, Any]
) -> Callable[[AskedProgram, SearchProgress], CheckedScenario]:
    """Samples one scenario in simulated time."""
    from everyturn.asyncio.simulation import fuzz_simulated
    from everyturn.studies.distributions import Exponential

    usual = Exponential(1.0 if how["latency"] is None else how["latency"])

    def judge(asked: AskedProgram, bar: SearchProgress) -> CheckedScenario:
        return fuzz_simulated(
            asked.program,
            loop,
            usual=usual,
            kinds=asked.kinds,
            runs=how["runs"],
            until_risk=how["until_risk"],
            seed=how["seed"],
            seconds=how["max_seconds"],
            watch=bar.searching,
        )

    return judge


def _explain(fuzzed: Any, show: Any) -> None:
    """Explain the first violation. That it cannot be, as of an agent that can be run but not explored, is no
    verdict."""
    from everyturn.reports.story import explain_first

    try:
        explain_first(fuzzed, show.say)
    except UsageError as error:
        click.echo(f"everyturn: the first violation cannot be explained: {error}", err=True)
