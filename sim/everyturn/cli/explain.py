"""`everyturn explain`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.ending import AGENT, exit_codes, exits
from everyturn.cli.options import BUDGET, IN_PLACE, OUTPUT, say_strayed
from everyturn.cli.programs import without_meaning
from everyturn.cli.runs_of_programs import explain_program, of_one_program, run_of_a_program
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes(
        AGENT,
        {
            Exit.HOLDS: "explained, with --exit-zero",
            Exit.REFUTED: "explained: the run violates an invariant, or does not conform",
            Exit.USAGE: "usage error, unreadable input, or what was asked for is not violated",
        },
    ),
    short_help="Why does a run violate an invariant?",
)
@click.argument("source", metavar="TOKEN|FILE")
@click.option(
    "--invariant",
    "invariants",
    multiple=True,
    metavar="NAME",
    help="Explain the violation of this one, or of `conforms`.  [default: the first that is violated]",
)
@IN_PLACE
@BUDGET
@of_one_program
@click.option(
    "--script",
    type=OUTPUT,
    metavar="FILE",
    help="With --scenario or --session: write a Python script that makes the run on asyncio's own loop, without this "
    "tool.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("--exit-zero", is_flag=True, help="Exit 0 although the run violates something.")
@exits
def explain(
    source: str,
    invariants: tuple[str, ...],
    revision: str | None,
    budget: int,
    scenario: str | None,
    session: str | None,
    script: Path | None,
    as_json: bool,
    exit_zero: bool,
) -> int:
    """Why does this run violate an invariant: the race, when it was too late, the nearest run that passes.

    Shrink the run first: a shorter one is easier to follow. The run of an asyncio program (--scenario, --session) is
    told by what each task waits for; who waits for whom at rest; and which completion decided.
    """
    run = run_of_a_program(source, scenario, session)
    if run is not None:
        without_meaning("revision")
        return explain_program(run, invariants, budget=budget, script=script, as_json=as_json, exit_zero=exit_zero)
    if script is not None:
        raise UsageError("--script: expected the token of an asyncio program, and --scenario or --session")
    import msgspec

    from everyturn.explanation.explain import explain_source
    from everyturn.reports import story

    found = explain_source(source, invariants, budget=budget, agent=revision, strayed=say_strayed)
    if as_json:
        click.echo(msgspec.json.encode(story.document(found)).decode())
    else:
        for line in story.lines(found):
            click.echo(line)
    return Exit.HOLDS if exit_zero else Exit.REFUTED
