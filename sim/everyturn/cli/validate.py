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
