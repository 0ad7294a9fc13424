"""How logs of other agents are read: the options that `everyturn validate` takes for them, and what follows a growing
log."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from everyturn.cli.documents import encoded
from everyturn.cli.ending import complain
from everyturn.cli.options import DURATION
from everyturn.errors import UsageError
from everyturn.printing import printable
from everyturn.verdicts.verdict import RESULT_SCHEMA, Cell, Exit, Result

_WINDOW = 1000


def of_logs(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that say how a log is to be read."""
    for option in (
        click.option("--until-idle", type=DURATION, help="With --follow: stop after so many seconds of silence."),
        click.option(
            "--follow",
            is_flag=True,
            help="Judge a growing plain log, also over rotation, until Ctrl-C; the exit code is then the verdict's, "
            "not 130.",
        ),
        click.option("--at-rest", is_flag=True, help="Take the end of the log for rest: nothing can move any more."),
        click.option("--by-time", is_flag=True, help="Order the lines by their time, within the window."),
        click.option(
            "--window",
            type=click.IntRange(1),
            default=_WINDOW,
            show_default=True,
            help="How many lines a line may be late.",
        ),
        click.option("--check-mapping", is_flag=True, help="Judge nothing: say what the mapping makes of the logs."),
        click.option("--mapping", metavar="FILE|NAME", help="Read a foreign log: see `everyturn list mappings`."),
        click.option("--from", "source", metavar="FORMAT", help="The logs' format: see `everyturn list formats`."),
    ):
        command = option(command)
    return command


def reading(how: dict[str, Any]) -> Any:
    """How to read, from the options. Raises :class:`UsageError`."""
    from everyturn.formats.catalogue import part
    from everyturn.formats.mapping import load
    from everyturn.logs.history import Reading

    source, mapping = how["source"], how["mapping"]
    if source is not None:
        part(source, "reader", f"--from {source}")
    if how["check_mapping"] and mapping is None:
        raise UsageError("--check-mapping: expected --mapping FILE too")
    if source is not None and mapping is not None:
        raise UsageError("--from and --mapping: expected only one of them")
    return Reading(
        source,
        None if mapping is None else load(mapping),
        how["window"],
        by_time=how["by_time"],
        at_rest=how["at_rest"],
    )


def reading_options(how: dict[str, Any]) -> list[str]:
    """The options that say how the logs are to be read, as they were typed."""
    options: list[str] = []
    for name, option in (("source", "--from"), ("mapping", "--mapping"), ("budget", "--budget")):
        options += [option, str(how[name])] if how[name] is not None else []
    options += [f"--{name.replace('_', '-')}" for name in ("by_time", "at_rest") if how[name]]
    options += ["--window", str(how["window"])] if how["window"] != _WINDOW else []
    return options


def typed(logs: tuple[Path, ...], how: dict[str, Any]) -> str:
    """The command that judges the same logs in the same way."""
    options = [*reading_options(how), *(["--conformance"] if how["conformance"] else [])]
    reports = [word for path in how["reports"] for word in ("--report", str(path))]
    return shlex.join(["everyturn", "validate", *options, *map(str, logs), *reports])


def check_explained(asked: int | None, runs: Sequence[int]) -> None:
    """Raise :class:`UsageError` if a run is to be explained that is not among those that were matched, if any were."""
    if asked is not None and runs and asked not in runs:
        raise UsageError(f"--explain {asked}: expected the number of a run, {min(runs)} to {max(runs)}")


def follow(path: Path, invariants: tuple[str, ...], read: Any, until_idle: float | None) -> tuple[Result, bool]:
    """Judge a growing log until there is silence, or Ctrl-C; standard input until its end. Violations are said as they
    are seen.

    The result, and whether something could not be read.
    """
    from everyturn.files.reading import STDIN, LogFile, Unread
    from everyturn.logs.growing_file import GrowingFile
    from everyturn.logs.log_judge import LogJudge
    from everyturn.verdicts.checker import select

    if path == STDIN and until_idle is not None:
        raise UsageError("--until-idle: expected a file; standard input is followed until it ends")

    def say(text: str) -> None:
        click.echo(printable(text), err=True)

    fault = Unread(complain)
    silence = _Silence(until_idle)
    cells: list[Cell] = []
    with LogFile(path) if path == STDIN else GrowingFile(path, silence, say) as file:
        judge = None
        try:
            judge = LogJudge(file, read, select(invariants), fault, say)
            silence.flush = judge.order.flush
            broken = judge.run()
            if broken is not None:
                fault(broken)
        except KeyboardInterrupt:
            say("everyturn: interrupted; what was found so far:")
        if judge is not None:
            watched = judge.end()
            if watched.cell.events:
                cells.append(watched.cell)
            elif not fault:
                fault(f"{path}: expected a log with an event in it; found none")
    for rest in fault.rest:
        complain(rest)
    return Result(RESULT_SCHEMA, "validate", cells), bool(fault)


class _Silence:
    """Waits for a file to grow. After a second of silence, lines that wait for others wait no longer."""

    def __init__(self, until: float | None) -> None:
        self.until = until
        self.flush: Callable[[], None] = lambda: None
        self._since: float | None = None
        self._last = 0.0

    def __call__(self) -> bool:
        now = time.monotonic()
        if self._since is None or now - self._last > 0.5:
            self._since = now
        self._last = now
        if now - self._since > 1:
            self.flush()
        if self.until is not None and now - self._since >= self.until:
            return False
        time.sleep(0.1)
        self._last = time.monotonic()
        return True


def check_mapping(paths: tuple[Path, ...], read: Any, *, as_json: bool) -> int:
    """Say what a mapping makes of logs; exit code 2 if there is anything that it cannot map."""
    from everyturn.files.reading import LogFile, Unread, Unreadable
    from everyturn.formats.mapped_log import MappedReader
    from everyturn.reports.text import coverage

    code = Exit.HOLDS
    reports = []
    for path in paths:
        faults: list[Any] = []
        unread = Unread()

        def fault(found: Any, kept: list[Any] = faults, unread: Unread = unread) -> None:
            unread(found)
            kept += [found] if not unread.more else []

        try:
            with LogFile(path) as file:
                reader = MappedReader(file, fault, read.mapping)
                for _ in reader:
                    pass
        except Unreadable as error:
            complain(error)
            code = Exit.USAGE
            continue
        if faults or not reader.coverage.whole:
            code = Exit.USAGE
        reports.append(reader.coverage.report(path, read.mapping.name, faults, unread.more))
        for line in coverage(reports[-1]):
            click.echo(printable(line), err=as_json)
    if as_json:
        click.echo(encoded({"schema": "everyturn/mapping-coverage/1", "logs": reports}))
    return code
