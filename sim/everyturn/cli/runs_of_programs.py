"""Commands on recorded runs of asyncio programs: made again, explained, made shorter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from everyturn.cli.options import finish, say_strayed
from everyturn.cli.programs import SCENARIO, SESSION
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, InvariantResult, Result, Verdict

if TYPE_CHECKING:
    from everyturn.asyncio.runtime.running import Scenario
    from everyturn.reports.text import Printer

_WHOSE: Final = "Whose run the token is of."


def of_one_program(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say whose run a token is of, if it is an asyncio program's."""
    for option in (
        click.option("--session", metavar="NAME", help=f"{_WHOSE} {SESSION.removesuffix(' With --scope.')}"),
        click.option("--scenario", metavar="NAME", help=f"{_WHOSE} {SCENARIO}"),
    ):
        command = option(command)
    return command


class RunOfAProgram(NamedTuple):
    """A run of an asyncio program that a command is about: its token, and the code to run."""

    token: str
    program: Scenario | str


def run_of_a_program(
    source: str, scenario: str | None, session: str | None, invariants: Sequence[str] = ()
) -> RunOfAProgram | None:
    """The run that ``source``, a token or a file that holds one, is of, if it is an asyncio program's. Raises
    :class:`UsageError` if it is another one's than is named."""
    from everyturn.asyncio.runtime import tokens

    if scenario is None and session is None and not tokens.is_token(source):
        return None
    if scenario is not None and session is not None:
        raise UsageError("--scenario: expected either this or --session, found both")
    token = tokens.found_in(source)
    held = tokens.recorded(token)
    if scenario is None and session is None:
        raise held.unnamed()
    if held.is_session is (session is None):
        raise UsageError(f"this token is of {held.whose}: expected {held.option}")
    if session is None:
        return RunOfAProgram(token, str(scenario))
    from everyturn.sessions.by_name import workload_of

    return RunOfAProgram(token, workload_of(token, session, invariants))


def replay_program(
    run: RunOfAProgram,
    invariants: Sequence[str],
    *,
    step: bool,
    output: Path | None,
    strict: bool,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make a run again, tell it step by step or let its reader ``step`` through it, and return the exit code."""
    from everyturn.asyncio.checking import replay
    from everyturn.reports import programs, text

    show = text.Printer(err=as_json)
    replayed = replay(run.token, run.program, kinds=_kinds(run, invariants))
    if step:
        from everyturn.cli.stepping import step_through
        from everyturn.page.scenarios import program_run

        step_through(program_run(replayed))
    elif show.quiet:
        show.verdicts([replayed.cell])
    else:
        from everyturn.page.told_with_values import lines_with_values

        programs.show_replayed(replayed._replace(lines=lines_with_values(replayed)), show)
    _keep(run.token, output, show)
    code = finish(Result(RESULT_SCHEMA, "replay", [replayed.cell]), as_json=as_json, exit_zero=exit_zero, expect=expect)
    if replayed.strayed is not None:
        say_strayed(f"not the recorded run: {replayed.strayed}")
        return Exit.INTERNAL if strict else code
    return code


def explain_program(
    run: RunOfAProgram,
    invariants: Sequence[str],
    *,
    budget: int,
    script: Path | None,
    as_json: bool,
    exit_zero: bool,
) -> int:
    """Explain a run, write the script that makes it on asyncio's own loop, and return the exit code."""
    import msgspec

    from everyturn.asyncio.checking import STATES_OF_A_RUN, explain_token
    from everyturn.asyncio.telling.stock_script import write_script
    from everyturn.reports import scenario_story

    found = explain_token(run.token, run.program, _one_kind(invariants), budget=max(1, budget // STATES_OF_A_RUN))
    if script is not None:
        write_script(script, run.program, found)
    if as_json:
        click.echo(msgspec.json.encode(scenario_story.document(found)).decode())
    else:
        for line in scenario_story.lines(found):
            click.echo(line)
        if script is not None:
            click.echo(f"script: {script}")
    if found.strayed is not None:
        say_strayed(f"not the recorded run: {found.strayed}")
    return Exit.HOLDS if exit_zero else Exit.REFUTED


def shrink_program(
    run: RunOfAProgram,
    invariants: Sequence[str],
    *,
    output: Path | None,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make a run shorter, say what is left, and return the exit code."""
    from everyturn.asyncio.checking import shrink_token
    from everyturn.asyncio.telling.shrinking import weight
    from everyturn.reports import programs, text
    from everyturn.reports.headline import counted

    show = text.Printer(err=as_json)
    with programs.watching("shrinking") as bar:
        shrunk = shrink_token(run.token, run.program, _one_kind(invariants), watch=bar.shortening)
    cell = shrunk.after.cell
    if show.quiet:
        show.verdicts([_with_token(cell, shrunk.token)])
    else:
        for what, outcome in (("before", shrunk.before), ("after", shrunk.after.outcome)):
            these = zip(weight(outcome), ("interference of the world", "event", "decision"), strict=False)
            show.say(f"{what}: {', '.join(_counted(count, thing) for count, thing in these)}")
        show.say(f"{counted(shrunk.tried, 'run')} tried")
        programs.show_replayed(shrunk.after, show)
        show.say(programs.command("explain", cell, shrunk.token, invariant=shrunk.kind))
    _keep(shrunk.token, output, show)
    result = Result(RESULT_SCHEMA, "shrink", [cell], shrunk.interrupted)
    return finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)


def _with_token(cell: Cell, token: str) -> Cell:
    """The cell of a run in which each refutation has the run's token."""
    from msgspec.structs import replace

    def told(judged: InvariantResult) -> InvariantResult:
        return replace(judged, token=token) if judged.verdict is Verdict.REFUTED else judged

    invariants = {name: told(judged) for name, judged in cell.invariants.items()}
    return replace(cell, invariants=invariants, conforms=None if cell.conforms is None else told(cell.conforms))


def _counted(count: int, what: str) -> str:
    first, _, rest = what.partition(" ")
    return f"{count:,} {first}{'s' * (count != 1)} {rest}".rstrip()


def _keep(token: str, output: Path | None, show: Printer) -> None:
    """Write a token to a file that the commands on runs take in its place."""
    from everyturn.files.writing import written

    if output is not None:
        written(output, [f"{token}\n".encode()])
        show.say(f"token: {output}")


def _kinds(run: RunOfAProgram, invariants: Sequence[str]) -> Mapping[str, str] | None:
    """What a run is judged for; a workload knows what it is asked for already."""
    from everyturn.asyncio.runtime.findings import KINDS, chosen

    return chosen(KINDS, invariants) if isinstance(run.program, str) else None


def _one_kind(invariants: Sequence[str]) -> str | None:
    if len(invariants) > 1:
        raise UsageError(f"--invariant: expected one, since one fault is looked at; found {', '.join(invariants)}")
    return invariants[0] if invariants else None
