"""Commands on scenarios: what `check`, `fuzz` and `replay` do with ``--scenario``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from everyturn.cli.options import finish
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.asyncio.running import Setting
    from everyturn.reports.scenarios import SearchProgress

SCENARIO = "An asyncio program as it is: package.module:function, an async function that takes the world."
SESSION = "An asyncio agent as it is: package.module:Adapter or file.py:Adapter, an everyturn.Session. With --scope."


def of_scenarios(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of commands that explore scenarios as well."""
    for option in (
        click.option(
            "--eager", is_flag=True, help="With --scenario or --session: tasks begin at once (Python 3.12 and later)."
        ),
        click.option(
            "--order",
            type=click.Choice(["fifo", "any"]),
            default="fifo",
            show_default=True,
            help="With --scenario or --session: the order of ready callbacks, that of asyncio or any.",
        ),
        click.option("--session", "sessions", multiple=True, metavar="NAME", help=f"{SESSION} Repeatable."),
        click.option("--scenario", "scenarios", multiple=True, metavar="NAME", help=f"{SCENARIO} Repeatable."),
    ):
        command = option(command)
    return command


def setting(order: str, *, eager: bool) -> Setting:
    """How the loop is set up. Raises :class:`UsageError` where this Python cannot."""
    import asyncio

    from everyturn.asyncio.running import Setting

    if eager and not hasattr(asyncio, "eager_task_factory"):
        raise UsageError("--eager: expected Python 3.12 or later, whose asyncio has eager tasks; found an older one")
    return Setting(order=order, eager=eager)


def only_scenarios(**others: object) -> None:
    """Raise :class:`UsageError` if options were given that mean nothing to a scenario."""
    for name, given in others.items():
        if given:
            raise UsageError(f"--{name.replace('_', '-')}: expected either this or --scenario, found both")


def judge_scenarios(
    command: str,
    names: Sequence[str],
    judge: Callable[[str, SearchProgress], CheckedScenario],
    *,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Judge each scenario, print what was found, and return the exit code."""
    from everyturn.asyncio.scenarios import find
    from everyturn.reports import scenarios, text

    show = text.Printer(err=as_json)
    for name in names:
        find(name)
    cells: list[Cell] = []
    interrupted = False
    for name in names:
        with scenarios.watching(name) as bar:
            checked = judge(name, bar)
        cells.append(checked.cell)
        scenarios.show_checked(checked, show, f" --scenario {name}")
        if checked.found.interrupted:
            interrupted = True
            show.say("interrupted: what was found so far")
            break
    return finish(
        Result(RESULT_SCHEMA, command, cells, interrupted), as_json=as_json, exit_zero=exit_zero, expect=expect
    )


def replay_scenario(
    source: str, scenario: str | None, *, strict: bool, as_json: bool, exit_zero: bool, expect: str | None
) -> int:
    """Make the run of a scenario's token again, tell it step by step, and return the exit code."""
    from everyturn.asyncio.checking import replay
    from everyturn.reports import scenarios, text

    replayed = replay(source, scenario)
    scenarios.show_replayed(replayed, text.Printer(err=as_json))
    code = finish(Result(RESULT_SCHEMA, "replay", [replayed.cell]), as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.INTERNAL if strict and replayed.strayed is not None else code
