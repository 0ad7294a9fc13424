"""What the commands share: options, and how a command ends."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
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
An error is one line on standard error; standard output, also with --json, is empty then.
"""
WRITING_CODES = """
\b
Exit codes: 0 done · 2 usage, unreadable input, or output that cannot be written · 3 internal error ·
130 interrupted. An error is one line on standard error.
"""


class _Bytes(click.ParamType):  # type: ignore[type-arg,unused-ignore] # generic from click 8.2 on
    """A number of bytes: a whole number, with K, M or G behind it for the powers of 1024."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, int):
            return value
        matched = re.fullmatch(r"(\d+)\s*([KMG]?)(?:i?B)?", str(value).strip(), re.IGNORECASE)
        if matched is None or int(matched[1]) == 0:
            self.fail(f"{value!r}: expected a size such as 512M or 4G", param, ctx)
        power = ("", "K", "M", "G").index(matched[2].upper())
        return int(matched[1]) * int(1024**power)


BYTES = _Bytes()


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
        except OSError as error:
            code = _unwritten(error)
        except Exception as error:  # noqa: BLE001 # a bug of ours must not look like a verdict: 1 means refuted
            traceback.print_exc()
            click.echo(f"everyturn: internal error: {type(error).__name__}: {error}", err=True)
            code = Exit.INTERNAL
        _flush(int(code))

    return command


def _unwritten(error: OSError) -> int:
    """The exit code when output cannot be written; a reader who has gone, as `head` has, is not an error of ours."""
    if isinstance(error, BrokenPipeError):
        return 128 + signal.SIGPIPE
    place = "" if error.filename is None else f"{error.filename}: "
    click.echo(f"everyturn: {place}{error.strerror or error}", err=True)
    return Exit.USAGE


def _flush(code: int) -> NoReturn:
    """End the process. What is still buffered is written first, while a failure can be told from a verdict."""
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def judging(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of every command that judges."""
    for option in (
        click.option("--expect", type=click.Choice(["refuted"]), help="Exit 0 only if all that was judged is refuted."),
        click.option("--exit-zero", is_flag=True, help="Exit 0 whatever was found."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
        click.option(
            "--invariant",
            "invariants",
            multiple=True,
            metavar="NAME",
            help="Judge only this one (repeatable); `mission` is the first three. Default: all 15, and conformance.",
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
