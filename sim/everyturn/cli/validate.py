"""`everyturn validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from everyturn.cli.logs import check_mapping, follow, of_logs, reading
from everyturn.cli.options import EXIT_CODES, exits, finish, judging
from everyturn.errors import UsageError
from everyturn.verdict import RESULT_SCHEMA, Exit, Result


@click.command(epilog=EXIT_CODES)
@click.argument("logs", nargs=-1, type=click.Path(path_type=Path), metavar="LOG...")
@click.option("--conformance", is_flag=True, help="Match recordings against the specification, hidden steps inferred.")
@click.option("--identify", is_flag=True, help="Match recordings against each revision: which could have written them?")
@click.option(
    "--revision", "--agent", "revisions", multiple=True, metavar="NAME", help="With --identify: only this one."
)
@click.option(
    "--explain",
    type=int,
    metavar="RUN",
    help="With --conformance or --identify: show where the run's hidden steps were put.",
)
@click.option(
    "--budget",
    type=click.IntRange(1),
    help="With --conformance: so many actions are tried on a run; with --identify: product states.",
)
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@judging
@of_logs
@exits
def validate(
    logs: tuple[Path, ...],
    strict: bool,
    invariants: tuple[str, ...],
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    **how: Any,
) -> int:
    """Did a real agent obey? Judge logs on what can be seen from outside: recordings run by run, other logs as a whole.

    Reads `crush-dispatch-trace/1`, `everyturn/log/1`, our own traces, and logs of other agents through a mapping; plain or
    compressed (gzip, bzip2, xz, zstandard), `-` is standard input. How an agent should log: docs/instrumentation.md.
    """
    from everyturn.reports import text
    from everyturn.validate import validate as validate_logs

    if not logs:
        raise UsageError("validate: expected at least one log, for example recordings/d3-random.jsonl")
    read = reading(how)
    if how["check_mapping"]:
        return check_mapping(logs, read, as_json=as_json)
    show = text.Printer(err=as_json)
    if how["conformance"] and how["identify"]:
        raise UsageError("--conformance and --identify: expected only one of them")
    if how["identify"]:
        from everyturn.cli.identification import identification

        return identification(logs, show, how, as_json=as_json, exit_zero=exit_zero, expect=expect)
    if how["conformance"]:
        return _conformance(logs, read, show, how, as_json=as_json, exit_zero=exit_zero, expect=expect)
    if how["follow"]:
        if len(logs) > 1:
            raise UsageError("--follow: expected one log")
        followed = follow(logs[0], invariants, read, how["until_idle"])
        show.followed(followed)
        return finish(followed, as_json=as_json, exit_zero=exit_zero, expect=expect)
    validated = validate_logs(logs, invariants, strict=strict, reading=read)
    show.validation(validated)
    result = Result(RESULT_SCHEMA, "validate", validated.cells, validated.interrupted)
    code = finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.USAGE if validated.unreadable else code


def _conformance(
    logs: tuple[Path, ...],
    read: Any,
    show: Any,
    how: dict[str, Any],
    *,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    from everyturn.conforming import RunMatch, conform
    from everyturn.reports.conformance import explanation
    from everyturn_model.partial import BUDGET

    def say(run: RunMatch) -> None:
        if how["explain"] is None:
            for line in run.sentences():
                show.say(line)
        elif run.run == how["explain"]:
            for line in explanation(run):
                show.say(line)

    conformed = conform(logs, how["budget"] or BUDGET, say, read)
    for error in conformed.unreadable:
        click.echo(f"everyturn: {error}", err=True)
    for line in conformed.table():
        show.say(line)
    cells = [run.cell() for run in conformed.runs]
    result = Result(RESULT_SCHEMA, "validate", cells, conformed.interrupted)
    code = finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.USAGE if conformed.unreadable else code
