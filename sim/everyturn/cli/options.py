"""What the commands share: options, and how a command ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, NoReturn

import click

from everyturn.errors import EveryturnError, UsageError
from everyturn.verdict import Exit, Result, exit_code

EXIT_CODES = """
\b
Exit codes: 0 holds · 1 refuted · 2 usage or unreadable input · 3 internal error or nondeterministic replay ·
4 undetermined · 5 nothing ran · 130 interrupted (partial results are kept and shown).
"""


def exits(body: Callable[..., int]) -> Callable[..., NoReturn]:
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


def judging(command: Callable[..., Any]) -> Callable[..., Any]:
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


def of_worlds(command: Callable[..., Any]) -> Callable[..., Any]:
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


def finish(result: Result, *, as_json: bool, exit_zero: bool, expect: str | None) -> int:
    """Print the result document if it was asked for; the exit code."""
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(result).decode())
    return exit_code(result, exit_zero=exit_zero, expect_refuted=expect == "refuted")
