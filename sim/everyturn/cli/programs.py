"""Commands on asyncio programs as they are: ``--scenario``, and ``--session``, behind an adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
from click.core import ParameterSource

from everyturn.cli.options import finish
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.asyncio.runtime.running import Scenario, Setting
    from everyturn.cli.publishing import Published
    from everyturn.reports.programs import SearchProgress
    from everyturn.reports.text import Printer

SCENARIO: Final = (
    "An asyncio program as it is: package.module:function or file.py:function, an async function that takes the world."
)
SESSION: Final = (
    "An asyncio agent as it is: package.module:Adapter or file.py:Adapter, an everyturn.Session. With --scope."
)


def of_programs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of commands that explore asyncio programs as well."""
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


class AskedProgram(NamedTuple):
    """A program that is asked about, a scenario by its name; and what its runs are judged for. ``again``: finds it in
    another process."""

    name: str
    program: Scenario | str
    kinds: Mapping[str, str]
    again: Callable[[], Scenario | str]


def asked_programs(
    scenarios: Sequence[str],
    sessions: Sequence[str],
    scopes: Sequence[str],
    invariants: Sequence[str] = (),
    without: Sequence[str] = (),
) -> list[AskedProgram]:
    """The scenarios that are named, or each session in each scope; none of either: nothing. Raises :class:`UsageError`
    if one is wrong: before hours of work for others."""
    if scenarios and sessions:
        raise UsageError("--scenario: expected either this or --session, found both")
    if sessions:
        from everyturn.sessions.by_name import workload

        if not scopes:
            raise UsageError("--session: expected --scope, for example --scope AA+1c")
        found = [partial(workload, name, scope, invariants, without) for scope in scopes for name in sessions]
        works = [(each(), each) for each in found]
        return [AskedProgram(work.name, work, work.kinds, each) for work, each in works]
    if not scenarios:
        return []
    if scopes:
        raise UsageError("--scope: expected either this or --scenario, found both")
    from everyturn.asyncio.runtime.findings import KINDS, chosen
    from everyturn.asyncio.runtime.scenarios import find

    kinds = chosen(KINDS, invariants, without)
    for name in scenarios:
        find(name)
    return [AskedProgram(name, name, kinds, partial(str, name)) for name in scenarios]


def without_meaning(*names: str) -> None:
    """Raise :class:`UsageError` if one of these options of the running command was given: it means nothing to an
    asyncio program."""
    context = click.get_current_context()
    program = "--session" if context.params.get("sessions") or context.params.get("session") else "--scenario"
    for parameter in context.command.params:
        name = str(parameter.name)
        if name in names and context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise UsageError(f"{parameter.opts[0]}: expected either this or {program}, found both")


def setting(order: str, *, eager: bool) -> Setting:
    """How the loop is set up. Raises :class:`UsageError` where this Python cannot."""
    import asyncio

    from everyturn.asyncio.runtime.running import Setting

    if eager and not hasattr(asyncio, "eager_task_factory"):
        raise UsageError("--eager: expected Python 3.12 or later, whose asyncio has eager tasks; found an older one")
    return Setting(order=order, eager=eager)


def judge_programs(
    command: str,
    asked: Sequence[AskedProgram],
    judge: Callable[[AskedProgram, SearchProgress], CheckedScenario],
    *,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
    together: bool,
    published: Published,
    then: Callable[[Sequence[Cell], Printer], None] | None = None,
    jobs: int = 1,
) -> int:
    """Judge each program, print what was found and where to go on, and do what comes ``then``; the exit code.

    ``together``: once all are judged, after the matrix of their verdicts; else each as soon as it is. ``jobs``: so many
    at once.
    """
    from everyturn.reports import programs, text

    show = text.Printer(err=as_json)
    found: list[CheckedScenario] = []
    interrupted = False
    for checked in _judged(asked, judge, jobs):
        if not checked.found.runs and not checked.found.interrupted:
            continue
        found.append(checked)
        if not (together or show.quiet):
            programs.show_checked(checked, show)
        if checked.found.interrupted:
            interrupted = True
            show.say("interrupted: what was found so far")
            break
    cells: list[Cell] = [checked.cell for checked in found]
    if together:
        show.all_of(cells, lambda place: programs.show_checked(found[place], show))
    elif show.quiet:
        show.verdicts(cells)
    programs.hint(cells, show)
    if then is not None:
        then(cells, show)
    result = Result(RESULT_SCHEMA, command, cells, interrupted)
    published.result(result)
    return finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)


def _judged(
    asked: Sequence[AskedProgram], judge: Callable[[AskedProgram, SearchProgress], CheckedScenario], jobs: int
) -> Iterator[CheckedScenario]:
    """Each program judged, in their order; with two ``jobs`` or more in processes of their own, from which no runs come
    back."""
    from everyturn.reports import programs

    if jobs > 1 and len(asked) > 1:
        from joblib import Parallel, delayed

        yield from Parallel(jobs, return_as="generator")(
            delayed(_elsewhere)(judge, each._replace(program="")) for each in asked
        )
        return
    for each in asked:
        with programs.watching(each.name) as bar:
            yield judge(each, bar)


def _elsewhere(
    judge: Callable[[AskedProgram, SearchProgress], CheckedScenario], asked: AskedProgram
) -> CheckedScenario:
    """What may leave a process: verdicts and counts. Runs are known by their tokens."""
    from everyturn.reports.programs import UnseenProgress

    checked = judge(asked._replace(program=asked.again()), UnseenProgress(asked.name))
    return checked._replace(found=replace(checked.found, found={}, unordered=frozenset(), guide=None))
