"""Commands on sessions: what `check`, `fuzz` and `replay` do with ``--session``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from everyturn.cli.options import finish
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, Result

if TYPE_CHECKING:
    from everyturn.asyncio.checking import CheckedScenario
    from everyturn.reports.scenarios import SearchProgress
    from everyturn.sessions.workload import SessionWorkload


class Asked(NamedTuple):
    """What is asked: sessions in scopes, judged by some invariants, or without some."""

    sessions: Sequence[str]
    scopes: Sequence[str]
    invariants: Sequence[str]
    without: Sequence[str]

    def workloads(self) -> list[SessionWorkload]:
        """Each session in each scope. Raises :class:`UsageError` if one is wrong: before hours of work for others."""
        from everyturn.sessions.checking import workload

        return [workload(name, scope, self.invariants, self.without) for scope in self.scopes for name in self.sessions]


def only_sessions(scopes: Sequence[str], **others: object) -> None:
    """Raise :class:`UsageError` if options were given that mean nothing to a session, or no scope."""
    for name, given in others.items():
        if given:
            raise UsageError(f"--{name.replace('_', '-')}: expected either this or --session, found both")
    if not scopes:
        raise UsageError("--session: expected --scope, for example --scope AA+1c")


def judge_sessions(
    command: str,
    asked: Asked,
    judge: Callable[[SessionWorkload, SearchProgress], CheckedScenario],
    *,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Judge each session in each scope, print what was found, and return the exit code."""
    from everyturn.reports import scenarios, sessions, text

    show = text.Printer(err=as_json)
    cells: list[Cell] = []
    interrupted = False
    for work in asked.workloads():
        with scenarios.watching(f"{work.adapter.__qualname__} {work.scope}") as bar:
            checked = judge(work, bar)
        cells.append(checked.cell)
        sessions.show_checked(checked, show)
        if checked.found.interrupted:
            interrupted = True
            show.say("interrupted: what was found so far")
            break
    return finish(
        Result(RESULT_SCHEMA, command, cells, interrupted), as_json=as_json, exit_zero=exit_zero, expect=expect
    )


def is_of_a_session(token: str) -> bool:
    """Whether a token is of a session's run, and not of a scenario's."""
    from everyturn.asyncio.runtime.tokens import recorded

    return "@" in recorded(token).scenario


def session_workload(source: str, session: str) -> SessionWorkload:
    """The workload of a session's token, to be explained or shrunk."""
    from everyturn.sessions.checking import workload_of

    return workload_of(source, session)


def replay_session(
    source: str,
    session: str | None,
    invariants: Sequence[str],
    *,
    strict: bool,
    as_json: bool,
    exit_zero: bool,
    expect: str | None,
) -> int:
    """Make the run of a session's token again, tell it step by step, and return the exit code."""
    from everyturn.reports import sessions, text
    from everyturn.sessions.checking import replay

    replayed = replay(source, session, invariants)
    sessions.show_replayed(replayed, text.Printer(err=as_json))
    code = finish(Result(RESULT_SCHEMA, "replay", [replayed.cell]), as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.INTERNAL if strict and replayed.strayed is not None else code
