"""`everyturn replay`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import exit_codes, exits
from everyturn.cli.options import IN_PLACE, OUTPUT, PICTURE, QUIET, finish, judging, say_strayed
from everyturn.cli.programs import without_meaning
from everyturn.cli.runs_of_programs import of_one_program, replay_program, run_of_a_program
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Exit, Result


@click.command(
    epilog=exit_codes(
        {
            Exit.HOLDS: "nothing is violated",
            Exit.REFUTED: "something is violated",
            Exit.INTERNAL: "with --strict: it is not the recorded run; or an internal error",
        }
    ),
    short_help="Make a recorded run again, and judge it",
)
@click.argument("source", metavar="TOKEN|FILE")
@click.option(
    "-o",
    "--output",
    type=OUTPUT,
    help="Write the run as a trace file (JSON lines); of an asyncio program, as a token.",
)
@click.option("--plot", type=PICTURE, help="Draw the run as a timeline (PNG, SVG or PDF).")
@click.option(
    "--step",
    is_flag=True,
    help="Go through the run step by step in the terminal, forwards and backwards: who does what, on which line, and "
    "what it changes inside of values. ? says which keys there are.",
)
@IN_PLACE
@click.option("--strict", is_flag=True, help="Exit 3 if the run is not, step by step, the recorded one.")
@of_one_program
@judging("the run")
@QUIET
@exits
def replay(
    source: str,
    output: Path | None,
    plot: Path | None,
    step: bool,
    revision: str | None,
    strict: bool,
    scenario: str | None,
    session: str | None,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make a recorded run again, from its token or trace file, and judge it.

    The same code makes the same run, byte for byte. A changed one follows the recorded steps as far as it can: a step
    that it cannot make is left out, what is new in a thread is made when a step of that thread is due, and after the
    last step threads go on first in, first out. Where it first leaves the path is said, and the verdict is that of
    the run that was made.
    """
    if step and as_json:
        raise UsageError("--step: expected either this or --json, found both")
    run = run_of_a_program(source, scenario, session, invariants)
    if run is not None:
        without_meaning("revision", "plot")
        return replay_program(
            run,
            invariants,
            step=step,
            output=output,
            strict=strict,
            as_json=as_json,
            exit_zero=exit_zero,
            expect=expect,
        )
    from everyturn.engines.simpy.replay import replay as replay_source
    from everyturn.reports import text

    show = text.Printer(err=as_json)
    replayed = replay_source(source, invariants, revision)
    if step:
        from everyturn.cli.stepping import step_through
        from everyturn.page.agents import agent_run

        step_through(agent_run(replayed, invariants))
    elif show.quiet:
        show.verdicts([replayed.cell])
    else:
        show.run(replayed)
    if output is not None:
        replayed.write(output)
        show.say(f"trace: {output}")
    if plot is not None:
        from everyturn.reports.plots import timeline

        timeline(replayed.run, replayed.findings, plot)
        show.say(f"timeline: {plot}")
    code = finish(Result(RESULT_SCHEMA, "replay", [replayed.cell]), as_json=as_json, exit_zero=exit_zero, expect=expect)
    if replayed.strayed is not None:
        say_strayed(replayed.strayed)
        return Exit.INTERNAL if strict else code
    return code
