"""`everyturn validate`."""

from __future__ import annotations

from pathlib import Path

import click

from everyturn.cli.options import EXIT_CODES, exits, finish, judging
from everyturn.errors import UsageError
from everyturn.verdict import RESULT_SCHEMA, Exit, Result


@click.command(epilog=EXIT_CODES)
@click.argument("logs", nargs=-1, type=click.Path(path_type=Path), metavar="LOG...")
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@judging
@exits
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
    code = finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.USAGE if validated.unreadable else code
