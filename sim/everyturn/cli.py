"""The command line. What it prints for people is in :mod:`everyturn.reports.text`; here is what each command does."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn

import click

from everyturn import __version__
from everyturn.errors import EveryturnError, UsageError
from everyturn.verdict import RESULT_SCHEMA, Cell, Exit, Result, exit_code

EXIT_CODES = """
\b
Exit codes: 0 holds · 1 refuted · 2 usage or unreadable input · 3 internal error or nondeterministic replay ·
4 undetermined · 5 nothing ran · 130 interrupted (partial results are kept and shown).
"""


def _run(body: Callable[..., int]) -> Callable[..., NoReturn]:
    """Turn a command's exit code and the package's errors into the process's exit code."""

    @wraps(body)
    def command(*args: Any, **kwargs: Any) -> NoReturn:
        try:
            code = body(*args, **kwargs)
        except UsageError as error:
            click.echo(f"everyturn: {error}", err=True)
            code = Exit.USAGE
        except EveryturnError as error:
            click.echo(f"everyturn: internal: {error}", err=True)
            code = Exit.INTERNAL
        except KeyboardInterrupt:
            click.echo("everyturn: interrupted", err=True)
            code = Exit.INTERRUPTED
        sys.exit(int(code))

    return command


def _judging(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that judges."""
    for option in (
        click.option("--expect", type=click.Choice(["refuted"]), help="Exit 0 only if every cell is refuted."),
        click.option("--exit-zero", is_flag=True, help="Exit 0 whatever was found."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
        click.option(
            "--invariant",
            "invariants",
            multiple=True,
            metavar="NAME",
            help="Judge only this one (repeatable); `mission` is the first three. Default: all, and conformance.",
        ),
    ):
        command = option(command)
    return command


def _world(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say what runs."""
    for option in (
        click.option(
            "--granularity",
            type=click.Choice(["access", "await"]),
            default="access",
            show_default=True,
            help="Where threads may be interleaved: at every access to shared data, or only where code waits.",
        ),
        click.option(
            "--scope", "scopes", multiple=True, metavar="SCOPE", help="What runs: see `everyturn list scopes`."
        ),
        click.option(
            "--revision",
            "--agent",
            "revisions",
            multiple=True,
            metavar="NAME",
            help="Which dispatcher: see `everyturn list revisions`, or package.module:Class.",
        ),
    ):
        command = option(command)
    return command


def _finish(result: Result, *, as_json: bool, exit_zero: bool, expect: str | None) -> int:
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(result).decode())
    return exit_code(result, exit_zero=exit_zero, expect_refuted=expect == "refuted")


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog='Shell completion: eval "$(_EVERYTURN_COMPLETE=bash_source everyturn)" (or zsh_source, fish_source).',
)
@click.version_option(__version__, message="everyturn %(version)s")
def main() -> None:
    """Every interleaving of every turn: checks the dispatcher of an LLM agent.

    A dispatcher decides which submitted prompt becomes a turn, waits in a queue, is folded into a running turn, is
    cancelled, and who is told that it is over. Start with `everyturn demo`; then `everyturn check --revision
    d3-locked-drain --scope AA` for a proof or a shortest counterexample, and `everyturn replay TOKEN` to look at it.
    """


@main.command(epilog=EXIT_CODES)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("everyturn-demo"),
    show_default=True,
    help="Folder for the two pictures.",
)
@_run
def demo(output: Path) -> int:
    """In under ten seconds: a waiter hangs at the parent revision, and the same schedule ends well after the fix."""
    from everyturn.demo import show

    show(output)
    return Exit.HOLDS


@main.command(epilog=EXIT_CODES)
@_world
@_judging
@click.option("--max-states", type=click.IntRange(1), help="Give up (undetermined) beyond this many states.")
@click.option("--max-seconds", type=click.FloatRange(0), help="Give up (undetermined) after this time for each cell.")
@click.option("--plot", type=click.Path(path_type=Path), help="Write the matrix of verdicts as a picture (PNG or SVG).")
@_run
def check(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    granularity: str,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    max_states: int | None,
    max_seconds: float | None,
    plot: Path | None,
) -> int:
    """Explore every interleaving: proved or refuted, for each invariant, with a shortest counterexample.

    Without --revision and --scope: the five revisions of the agent in fourteen scopes, and the matrix.
    """
    from itertools import product

    from everyturn.check import Limits
    from everyturn.check import check as check_cell
    from everyturn.engines.exhaustive import DEFAULT_MAX_STATES
    from everyturn.reports import text
    from everyturn.scope import DEFAULT_SCOPES
    from everyturn.world import revision_name
    from everyturn_impl.revisions import REVISIONS

    show = text.Printer(err=as_json)
    limits = Limits(max_states or DEFAULT_MAX_STATES, max_seconds)
    names = [revision_name(name) for name in revisions] or [name for name in REVISIONS if name != "hardened"]
    cells: list[Cell] = []
    interrupted = False
    try:
        for scope, name in product(scopes or DEFAULT_SCOPES, names):
            with text.Progress(f"{name} {scope}") as bar:
                checked = check_cell(
                    name, scope, granularity=granularity, invariants=invariants, limits=limits, progress=bar.exploring
                )
            cells.append(checked.cell)
            show.cell(checked.cell)
            if checked.interrupted:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        interrupted = True
        show.say("interrupted: what was found so far")
    if len(cells) > 1:
        show.matrix(cells)
    if plot is not None:
        from everyturn.reports.plots import matrix

        matrix(cells, plot)
        show.say(f"matrix: {plot}")
    return _finish(
        Result(RESULT_SCHEMA, "check", cells, interrupted), as_json=as_json, exit_zero=exit_zero, expect=expect
    )


@main.command(epilog=EXIT_CODES)
@_world
@_judging
@click.option("--strategy", default="random-walk", show_default=True, metavar="NAME", help="See `list strategies`.")
@click.option("--runs", type=click.IntRange(0), default=1000, show_default=True, help="How many runs.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed gives the same runs.")
@click.option("--max-seconds", type=click.FloatRange(0), help="Stop after this time for each cell.")
@_run
def fuzz(
    revisions: tuple[str, ...],
    scopes: tuple[str, ...],
    granularity: str,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    strategy: str,
    runs: int,
    seed: int,
    max_seconds: float | None,
) -> int:
    """Sample interleavings through SimPy: first violations with their tokens, else a bound for what was not seen."""
    from everyturn.campaign import fuzz as fuzz_cell
    from everyturn.reports import text

    if not scopes:
        raise UsageError("fuzz: expected --scope, for example --scope AAa+2c")
    show = text.Printer(err=as_json)
    cells: list[Cell] = []
    interrupted = False
    for scope in scopes:
        for name in revisions or ("d4-independent",):
            with text.Progress(f"{name} {scope}") as bar:
                campaign = fuzz_cell(
                    name,
                    scope,
                    granularity=granularity,
                    strategy=strategy,
                    runs=runs,
                    seed=seed,
                    max_seconds=max_seconds,
                    invariants=invariants,
                    progress=bar.sampling,
                )
            if campaign.cell.schedules:
                cells.append(campaign.cell)
                show.cell(campaign.cell)
            interrupted = interrupted or campaign.interrupted
    return _finish(
        Result(RESULT_SCHEMA, "fuzz", cells, interrupted), as_json=as_json, exit_zero=exit_zero, expect=expect
    )


@main.command(epilog=EXIT_CODES)
@click.argument("source", metavar="TOKEN|FILE")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the run as a trace file (JSON lines).")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the run as a timeline (PNG or SVG).")
@_judging
@_run
def replay(
    source: str,
    output: Path | None,
    plot: Path | None,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make a recorded run again, from its token or trace file, and judge it. A violation exits with 1."""
    from everyturn.replay import replay as replay_source
    from everyturn.reports import text

    show = text.Printer(err=as_json)
    replayed = replay_source(source, invariants)
    show.run(replayed)
    if output is not None:
        replayed.write(output)
        show.say(f"trace: {output}")
    if plot is not None:
        from everyturn.reports.plots import timeline

        timeline(replayed.run, replayed.findings, plot)
        show.say(f"timeline: {plot}")
    code = _finish(
        Result(RESULT_SCHEMA, "replay", [replayed.cell]), as_json=as_json, exit_zero=exit_zero, expect=expect
    )
    if replayed.strayed is not None:
        click.echo(f"everyturn: {replayed.strayed}", err=True)
        return Exit.INTERNAL
    return code


@main.command(epilog=EXIT_CODES)
@click.argument("logs", nargs=-1, type=click.Path(path_type=Path), metavar="LOG...")
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@_judging
@_run
def validate(
    logs: tuple[Path, ...],
    strict: bool,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Did a real agent obey? Judge recordings on what can be seen from outside, run by run.

    Reads `crush-dispatch-trace/1` and our own trace files.
    """
    from everyturn.reports import text
    from everyturn.validate import validate as validate_logs

    if not logs:
        raise UsageError("validate: expected at least one log, for example recordings/d3-random.jsonl")
    show = text.Printer(err=as_json)
    validated = validate_logs(logs, invariants, strict=strict)
    show.validation(validated)
    result = Result(RESULT_SCHEMA, "validate", validated.cells, validated.interrupted)
    code = _finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.USAGE if validated.unreadable else code


@main.command(name="list")
@click.argument("what", type=click.Choice(["revisions", "invariants", "strategies", "scopes", "formats", "mutants"]))
@_run
def list_(what: str) -> int:
    """What there is: revisions, invariants, strategies, scopes, formats, mutants."""
    from everyturn.reports.text import listing

    for line in listing(what):
        click.echo(line)
    return Exit.HOLDS
