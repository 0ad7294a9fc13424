"""`everyturn shrink`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import AGENT, KEPT, exit_codes, exits
from everyturn.cli.options import IN_PLACE, OUTPUT, QUIET, finish, judging, say_strayed
from everyturn.cli.programs import without_meaning
from everyturn.cli.runs_of_programs import of_one_program, run_of_a_program, shrink_program
from everyturn.verdicts.verdict import RESULT_SCHEMA, Exit, Result


@click.command(
    epilog=exit_codes(
        AGENT,
        KEPT,
        {
            Exit.HOLDS: "shrunk, with --exit-zero or --expect refuted",
            Exit.REFUTED: "shrunk: what is left violates the invariant, too",
            Exit.USAGE: "usage error, unreadable input, or what was asked for is not violated",
        },
    ),
    short_help="Make a violating run smaller",
)
@click.argument("source", metavar="TOKEN|FILE")
@click.option(
    "-o", "--output", type=OUTPUT, help="Write the shrunk run as a trace file; of an asyncio program, as a token."
)
@click.option(
    "--keep",
    type=click.Choice(["invariant", "cause"]),
    default="invariant",
    show_default=True,
    help="What must stay the same: the violated invariant, or also how it comes about.",
)
@IN_PLACE
@of_one_program
@judging("the run", "Keep the violation of this one.  [default: the first that is violated]")
@QUIET
@exits
def shrink(
    source: str,
    output: Path | None,
    keep: str,
    revision: str | None,
    scenario: str | None,
    session: str | None,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make a violating run smaller: fewer prompts and extras, fewer deviations from first-in first-out order.

    A smaller run may violate the same invariant in another, simpler way. With `--keep cause` it may not: the sentence,
    what became of the prompt that it names, and the race that decided stay what they are.

    The run of an asyncio program (--scenario, --session) is left with as few choices as can be that are not the first
    option, then as few outside events, then as little that is noted.
    """
    run = run_of_a_program(source, scenario, session)
    if run is not None:
        without_meaning("revision", "keep")
        return shrink_program(run, invariants, output=output, as_json=as_json, exit_zero=exit_zero, expect=expect)
    from everyturn.engines.simpy.replay import replay
    from everyturn.explanation.shrink import shrink_source
    from everyturn.reports import text
    from everyturn.verdicts import hints

    show = text.Printer(err=as_json)
    with text.ProgressLine("shrinking") as bar:
        shrunk = shrink_source(
            source, invariants, bar.shrinking, keep_cause=keep == "cause", agent=revision, strayed=say_strayed
        )
    before, after = shrunk.before, shrunk.after
    replayed = replay(shrunk.run.token, [shrunk.finding.invariant], revision)
    if show.quiet:
        show.verdicts([replayed.cell])
    else:
        show.say(f"{shrunk.finding.invariant}: {shrunk.finding.sentence}")
        show.say(f"{before.scope}, {len(before.deviations)} deviations from first-in first-out order →")
        violated = f"violated at step {shrunk.step} ({shrunk.tried} runs)"
        show.say(f"{after.scope}, {len(after.deviations)} deviations, {violated}")
        show.say(hints.of_run("explain", shrunk.run.token, shrunk.run.revision, shrunk.finding.invariant))
    if output is not None:
        shrunk.write(output)
        show.say(f"trace: {output}")
    result = Result(RESULT_SCHEMA, "shrink", [replayed.cell], shrunk.interrupted)
    code = finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.INTERRUPTED if shrunk.interrupted else code
