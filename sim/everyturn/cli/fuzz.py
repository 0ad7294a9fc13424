"""`everyturn fuzz`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from everyturn.cli.ending import AGENT, VERDICTS, exit_codes, exits
from everyturn.cli.options import COUNTER_CHECK, WITHOUT, asked, finish, judging, of_worlds
from everyturn.cli.scenarios import judge_scenarios, of_scenarios, only_scenarios, setting
from everyturn.cli.sessions import Asked, judge_sessions, only_sessions
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.asyncio.runtime.running import Setting
    from everyturn.reports.scenarios import SearchProgress
    from everyturn.sessions.workload import SessionWorkload


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
    help="The same runs; over tables a hundred times as fast, with random-walk and pct only.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same runs.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes; the runs stay the same.")
@click.option("--max-seconds", type=click.FloatRange(0), help="Stop after this time for each cell.")
@click.option(
    "--time",
    type=click.Choice(("free", "simulated")),
    default="free",
    show_default=True,
    help="With --scenario: all takes any time, or what is drawn; then it is told how long things took.",
)
@click.option(
    "--latency",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="With --time simulated: the mean of what the scenario says nothing of, exponential; 1.",
)
@of_scenarios
@COUNTER_CHECK
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
    **how: Any,
) -> int:
    """Sample interleavings through SimPy: first violations with their tokens, else a bound for what was not seen.

    With --scenario, runs of an asyncio program as it is; with --session, of an asyncio agent behind an adapter. There a
    strategy decides among the loop and what may come from outside (docs/asyncio.md).
    """
    # ``how``: options of checking.fuzz.fuzz by their names
    simulated = _simulated(how, scenarios)
    if sessions:
        only_sessions(scopes, scenario=scenarios, revision=revisions)
        these = Asked(sessions, scopes, invariants, without)
        sample = _of_sessions(setting(order, eager=eager), how)
        return judge_sessions("fuzz", these, sample, as_json=as_json, exit_zero=exit_zero, expect=expect)
    if scenarios:
        only_scenarios(revision=revisions, scope=scopes, invariant=invariants, without=without)
        judge = (_in_simulated_time if simulated else _of_scenarios)(setting(order, eager=eager), how)
        return judge_scenarios("fuzz", scenarios, judge, as_json=as_json, exit_zero=exit_zero, expect=expect)
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
            _explain(fuzzed, show)
            interrupted = fuzzed.interrupted
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            show.say("interrupted: what was found so far")
            break
    return finish(
        Result(RESULT_SCHEMA, "fuzz", cells, interrupted), as_json=as_json, exit_zero=exit_zero, expect=expect
    )


def _of_scenarios(loop: Setting, how: Mapping[str, Any]) -> Callable[[str, SearchProgress], CheckedScenario]:
    """Samples one scenario, by those of the command's options that mean something to it."""
    from everyturn.asyncio.checking import fuzz as fuzz_scenario

    options = _options(how)
    return lambda name, bar: fuzz_scenario(name, loop, watch=bar.searching, **options)


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
    if given("strategy") is not click.core.ParameterSource.DEFAULT:
        raise UsageError("--strategy: expected none with --time simulated, where latencies decide what comes first")
    return True


def _in_simulated_time(loop: Setting, how: Mapping[str, Any]) -> Callable[[str, SearchProgress], CheckedScenario]:
    """Samples one scenario in simulated time."""
    from everyturn.asyncio.simulation import fuzz_simulated
    from everyturn.studies.distributions import Exponential

    options = _options(how)
    del options["strategy"], options["counter_check"]
    usual = Exponential(1.0 if how["latency"] is None else how["latency"])
    return lambda name, bar: fuzz_simulated(name, loop, usual=usual, watch=bar.searching, **options)


def _of_sessions(loop: Setting, how: Mapping[str, Any]) -> Callable[[SessionWorkload, SearchProgress], CheckedScenario]:
    """Samples one session in one scope, likewise."""
    from everyturn.sessions.checking import fuzz as fuzz_session

    options = _options(how)
    return lambda work, bar: fuzz_session(work, loop, watch=bar.searching, **options)


def _options(how: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the command's options that mean something to an asyncio program."""
    if how["engine"] != "simpy" or how["jobs"] != 1:
        raise UsageError("--engine, --jobs: expected one process and no tables with --scenario and --session")
    return {
        "strategy": how["strategy"],
        "runs": how["runs"],
        "until_risk": how["until_risk"],
        "seed": how["seed"],
        "seconds": how["max_seconds"],
        "counter_check": how["counter_check"],
    }


def _explain(fuzzed: Any, show: Any) -> None:
    """Explain the first violation. That it cannot be, as of an agent that can be run but not explored, is no
    verdict."""
    from everyturn.reports.story import explain_first

    try:
        explain_first(fuzzed, show.say)
    except UsageError as error:
        click.echo(f"everyturn: the first violation cannot be explained: {error}", err=True)
