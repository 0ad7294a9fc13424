"""Commands on scenarios: what `check`, `fuzz` and `replay` do with ``--scenario``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from everyturn.cli.options import finish
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.asyncio.runtime.running import Scenario, Setting
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

    from everyturn.asyncio.runtime.running import Setting

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
    from everyturn.asyncio.runtime.scenarios import find
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


def explain_scenario(
    source: str,
    scenario: str | Scenario | None,
    invariants: Sequence[str],
    *,
    budget: int,
    script: Path | None,
    as_json: bool,
    exit_zero: bool,
) -> int:
    """Explain the run of a scenario's token, write the script that makes it on asyncio's own loop, and return the exit
    code."""
    import msgspec

    from everyturn.asyncio.checking import STATES_OF_A_RUN, explain_token
    from everyturn.asyncio.telling.stock_script import write_script
    from everyturn.reports import scenario_story

    found = explain_token(source, scenario, _one_kind(invariants), budget=max(1, budget // STATES_OF_A_RUN))
    if script is not None:
        write_script(script, found.name, found.setting, found.outcome.decisions, str(found.finding))
    if as_json:
        click.echo(msgspec.json.encode(scenario_story.document(found)).decode())
    else:
        for line in scenario_story.lines(found):
            click.echo(line)
        if script is not None:
            click.echo(f"script: {script}")
    return Exit.HOLDS if exit_zero else Exit.REFUTED


def shrink_scenario(
    source: str,
    scenario: str | Scenario | None,
    invariants: Sequence[str],
    *,
    output: Path | None,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make the run of a scenario's token shorter, say what is left, and return the exit code."""
    from everyturn.asyncio.checking import shrink_token
    from everyturn.asyncio.telling.shrinking import weight
    from everyturn.files.writing import written
    from everyturn.reports import scenarios, text
    from everyturn.verdicts import hints

    shrunk = shrink_token(source, scenario, _one_kind(invariants))
    show = text.Printer(err=as_json)
    before, after = weight(shrunk.before), weight(shrunk.after.outcome)
    for what, these in (("before", before), ("after", after)):
        show.say(f"{what}: {these[0]} interferences of the world, {these[1]} events, {these[2]} decisions")
    show.say(f"{shrunk.tried} runs were tried")
    scenarios.show_replayed(shrunk.after, show)
    name, _, scope = shrunk.after.cell.revision.partition("@")
    show.say(hints.command("explain", shrunk.token, **{"session" if scope else "scenario": name}))
    if output is not None:
        written(output, [f"{shrunk.token}\n".encode()])
        show.say(f"token: {output}")
    result = Result(RESULT_SCHEMA, "shrink", [shrunk.after.cell])
    return finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)


def is_of_a_scenario(source: str, scenario: str | None) -> bool:
    """Whether a command is to look at a scenario's run. Raises :class:`UsageError` for a session's."""
    from everyturn.asyncio.runtime.tokens import is_token, recorded

    if is_token(source) and "@" in recorded(source).scenario:
        raise UsageError("this token is of a session: expected one of a scenario, or --session")
    return scenario is not None or is_token(source)


def _one_kind(invariants: Sequence[str]) -> str | None:
    if len(invariants) > 1:
        raise UsageError(f"--invariant: expected one kind of fault of a scenario, found {', '.join(invariants)}")
    return invariants[0] if invariants else None
