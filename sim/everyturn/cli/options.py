"""What the commands share: options, and the result document."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import click

from everyturn.cli.ending import complain
from everyturn.durations import parsed_duration
from everyturn.errors import UsageError
from everyturn.files.writing import expect_writable
from everyturn.reports.how_much import HOW_MUCH, HowMuch
from everyturn.verdicts.verdict import Result, exit_code

PICTURES: Final = (".png", ".svg", ".pdf")
"""What the names of pictures end with."""

INVARIANT: Final = (
    "Judge only this one (repeatable); `mission` is the first three, `conforms` is conformance.  [default: all]"
)


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


class _Duration(click.ParamType):  # type: ignore[type-arg,unused-ignore] # as above
    """How long: 60s, 5m, 2h, or a number of seconds; never for ever."""

    name = "duration"

    def __init__(self, *, positive: bool = False) -> None:
        self.positive = positive

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            seconds = parsed_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if self.positive and not seconds:
            self.fail(f"expected a duration above 0; found {value!r}", param, ctx)
        return seconds


class Finite(click.FloatRange):
    """A number in a range, which is neither infinite nor none: of such a limit nothing ever comes to an end."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"expected a finite number; found {value!r}", param, ctx)
        return number


class _Output(click.Path):
    """A file to write. That it cannot be written is said before hours of work for it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(str(super().convert(value, param, ctx)))
        expect_writable(path)
        return path


class _Picture(_Output):
    """A picture to draw: what its name ends with says how."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = super().convert(value, param, ctx)
        if path.suffix.lower() not in PICTURES:
            *some, last = PICTURES
            expected = f"expected a picture, a name that ends in {', '.join(some)} or {last}"
            raise UsageError(f"{path}: {expected}; found {path.suffix or path.name!a}")
        return path


IN_PLACE: Final = click.option(
    "--revision", "--agent", "revision", metavar="NAME", help="Run this one in place of the recorded one."
)
BUDGET: Final = click.option(
    "--budget",
    type=click.IntRange(1),
    default=50_000,
    show_default=True,
    help="How many states to explore at most in search of the point of no return; of an asyncio program, a 25th as "
    "many runs.",
)
COUNTER_CHECK = click.option(
    "--counter-check/--no-counter-check",
    default=True,
    show_default=True,
    help="Before anything is proved: reach merged states again by another of their histories, and run random "
    "schedules, "
    "through the code itself without any tables. A difference is exit code 3.",
)
WITHOUT = click.option(
    "--without", multiple=True, metavar="NAME", help="Do not judge this one (repeatable); `conforms` is conformance."
)


def _saying(much: HowMuch, text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option, with its first letter for short, by which a command is asked to say so much."""

    def keep(context: click.Context, _: click.Parameter, asked_for: bool) -> None:  # click's order
        if asked_for and context.meta.setdefault(HOW_MUCH, much) is not much:
            raise click.UsageError("--quiet, --verbose: expected one of them")

    short = f"-{much.value[0]}"
    return click.option(short, f"--{much.value}", is_flag=True, expose_value=False, callback=keep, help=text)


def quiet(text: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """`--quiet`, for a command that says this much then; what has its progress shown elsewhere than on a terminal says
    nothing of it."""
    return _saying(HowMuch.QUIET, text)


QUIET = quiet("Verdicts only: the matrix, and a line for each refutation, with its token.")
VERBOSE = _saying(
    HowMuch.VERBOSE, "Each invariant with its verdict and what it says, and what of the scope was reached."
)

BYTES = _Bytes()
DURATION = _Duration()
DURATION_ABOVE_0 = _Duration(positive=True)
JOBS = click.IntRange(1, 1024)
OUTPUT = _Output()
PICTURE = _Picture()


def judging(what: str = "every cell", invariant: str = INVARIANT) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options of every command that judges; ``what``: what must be refuted where that is expected; ``invariant``: that
    option's help."""

    def options(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option("--expect", type=click.Choice(["refuted"]), help=f"Exit 0 if {what} is refuted, else 1."),
            click.option("--exit-zero", is_flag=True, help="Exit 0 whatever the verdict is."),
            click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output."),
            click.option("--invariant", "invariants", multiple=True, metavar="NAME", help=invariant),
        ):
            command = option(command)
        return command

    return options


def of_worlds(revision: str, scope: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Options that say what runs. ``revision``, ``scope``: what runs if they are not given, for the help."""

    def options(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            click.option(
                "--granularity",
                type=click.Choice(["access", "await"]),
                default="access",
                show_default=True,
                help="Where threads may be interleaved: at every access to shared data, or only where code waits.",
            ),
            click.option(
                "--scope",
                "scopes",
                multiple=True,
                metavar="SCOPE",
                help=f"What runs (repeatable): see `everyturn list scopes`.  [{scope}]",
            ),
            click.option(
                "--revision",
                "--agent",
                "revisions",
                multiple=True,
                metavar="NAME",
                help="Which dispatcher (repeatable): see `everyturn list revisions`, or package.module:Class or "
                "file.py:Class of your own."
                f"  [default: {revision}]",
            ),
        ):
            command = option(command)
        return command

    return options


def asked(scopes: Sequence[str], names: Sequence[str]) -> list[tuple[str, str]]:
    """Every scope with every revision or agent. Raises :class:`UsageError` if one is wrong: before hours of work for
    others."""
    from everyturn.world.agents import find_revision, require
    from everyturn.world.scope import Scope

    pairs = list(product(scopes, names))
    for scope, name in pairs:
        require(find_revision(name), Scope.parse(scope), f"scope {scope}")
    return pairs


def finish(result: Result, *, as_json: bool, exit_zero: bool, expect: str | None) -> int:
    """Print the result document if it was asked for; the exit code."""
    if as_json:
        from everyturn.cli.documents import encoded

        click.echo(encoded(result))
    return exit_code(result, exit_zero=exit_zero, expect_refuted=expect == "refuted")


def say_strayed(where: str) -> None:
    """Say that a run is not the recorded one, and where it left it."""
    complain(where)
