"""`everyturn validate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from everyturn.cli.ending import VERDICTS, complain, exit_codes, exits
from everyturn.cli.logs import check_explained, check_mapping, follow, of_logs, reading, reading_options, typed
from everyturn.cli.options import OUTPUT, finish, judging, quiet
from everyturn.errors import UsageError
from everyturn.reports.how_much import is_quiet
from everyturn.verdicts.verdict import RESULT_SCHEMA, Exit, Result, Verdict


@click.command(
    epilog=exit_codes(
        VERDICTS, {Exit.USAGE: "usage error, or something could not be read", Exit.NOTHING_RAN: "the logs have no runs"}
    ),
    short_help="Judge the logs of a real agent",
)
@click.argument("logs", nargs=-1, type=click.Path(path_type=Path), metavar="LOG...")
@click.option("--conformance", is_flag=True, help="Match against the specification alone, and say every refusal.")
@click.option("--identify", is_flag=True, help="Match recordings against each revision: which could have written them?")
@click.option(
    "--revision", "--agent", "revisions", multiple=True, metavar="NAME", help="With --identify: only this one."
)
@click.option("--explain", type=int, metavar="RUN", help="Show one run step by step: where each hidden step was put.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    type=OUTPUT,
    metavar="FILE",
    help="Write a bug report, as FILE.md or FILE.html (repeatable).",
)
@click.option(
    "--budget",
    type=click.IntRange(1),
    help="So many actions of the specification are tried on a run; with --identify, so many product states.",
)
@click.option("--strict", is_flag=True, help="Stop at the first file that cannot be read.")
@judging("every run", "Judge only this one (repeatable); `mission` is the first three.  [default: all that logs show]")
@quiet("A line for each refutation, with file and line, and one for each file.")
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
    """Did a real agent obey? Judge its logs, and learn what it did wrong.

    Recordings are judged run by run: by what each invariant shows from outside, and by the specification, which infers
    the steps that no line tells. Other logs are judged as a whole, however long; --conformance and --report match them
    against the specification, too, one busy period of a session after the other.

    Reads `crush-dispatch-trace/1`, `everyturn/log/1`, our own traces, and logs of other agents through a mapping; plain
    or compressed (gzip, bzip2, xz, zstandard), `-` is standard input. What the answers mean: docs/logs.md; how an agent
    should log: docs/instrumentation.md.
    """
    from everyturn.reports import text

    if not logs:
        raise UsageError("validate: expected at least one log, for example recordings/d3-random.jsonl")
    _check_options(how | {"strict": strict, "invariants": invariants})
    read = reading(how)
    if how["check_mapping"]:
        return check_mapping(logs, read, as_json=as_json)
    show = text.Printer(err=as_json)
    if how["identify"]:
        from everyturn.cli.identification import identification

        return identification(logs, show, how, as_json=as_json, exit_zero=exit_zero, expect=expect)
    if how["follow"]:
        if len(logs) > 1:
            raise UsageError("--follow: expected one log")
        result, unreadable = follow(logs[0], invariants, read, how["until_idle"])
        show.followed(result)
    elif how["conformance"] or how["explain"] is not None:
        result, unreadable = _conformance(logs, read, show, how)
    else:
        result, unreadable = _judgement(logs, invariants, read, show, how, strict=strict)
    code = finish(result, as_json=as_json, exit_zero=exit_zero, expect=expect)
    return Exit.USAGE if unreadable else code


_WITH: Final = {
    "check_mapping": ("identify", "follow", "conformance", "explain", "reports", "budget", "invariants", "strict"),
    "identify": ("follow", "conformance", "reports", "invariants", "strict"),
    "follow": ("conformance", "explain", "reports", "budget", "strict"),
    "conformance": ("invariants", "strict"),
    "explain": ("invariants", "strict"),
}
"""What some options make of a command, and the options that would then be without effect."""

_LOUD: Final = ("check_mapping", "identify", "explain")
"""Options that ask for what --quiet leaves out."""

_ONLY_WITH: Final = {"revisions": "identify", "until_idle": "follow"}


def _check_options(how: dict[str, Any]) -> None:
    """No option must be without effect. Raises :class:`UsageError`."""
    given = [name for name, value in how.items() if value is not None and value is not False and value != ()]
    for name, others in _WITH.items():
        for other in others if name in given else ():
            if other in given:
                raise UsageError(f"{_option(name)}: expected no {_option(other)} with it")
    for name in _LOUD:
        if name in given and is_quiet():
            raise UsageError(f"{_option(name)}: expected no --quiet with it")
    for name, other in _ONLY_WITH.items():
        if name in given and other not in given:
            raise UsageError(f"{_option(name)}: expected {_option(other)} too")


def _option(name: str) -> str:
    """The option that is known by this name."""
    return f"--{name.removesuffix('s').replace('_', '-')}"


def _judgement(
    logs: tuple[Path, ...], invariants: tuple[str, ...], read: Any, show: Any, how: dict[str, Any], *, strict: bool
) -> tuple[Result, bool]:
    """All that is known: what invariants show from outside, and what the specification says."""
    from everyturn.logs.validate import validate as validate_logs
    from everyturn.reports.text import ProgressLine
    from everyturn_model.partial import BUDGET

    budget = how["budget"] or BUDGET
    _check(logs, how)
    with ProgressLine("validate") as bar:
        validated = validate_logs(
            logs,
            invariants,
            strict=strict,
            reading=read,
            budget=budget,
            progress=bar.reading,
            matched=bool(how["reports"]),
        )
    if validated.interrupted:
        show.say("interrupted: what was found so far")
    show.validation(validated)
    unreadable = bool(validated.unreadable)
    if how["reports"]:
        rest = [path for path in logs if str(path) not in {*validated.conformed.seconds, *validated.sizes}]
        unreadable |= _report(rest, logs, read, validated.conformed, budget, how, validated.unreadable)
    elif not show.quiet and any(cell.verdict is Verdict.REFUTED for cell in validated.cells):
        show.say(
            "more: --report FILE.html (a bug report) · --conformance (every refusal) · --explain RUN (step by step)"
        )
    return Result(RESULT_SCHEMA, "validate", validated.cells, validated.interrupted), unreadable


def _conformance(logs: tuple[Path, ...], read: Any, show: Any, how: dict[str, Any]) -> tuple[Result, bool]:
    """What the specification says, in detail: every refusal, or one run step by step."""
    from everyturn.logs.conforming import RunMatch, conform
    from everyturn.reports.conformance import explanation
    from everyturn.reports.text import ProgressLine
    from everyturn_model.partial import BUDGET

    def say(run: RunMatch) -> None:
        if how["explain"] is None:
            for line in () if show.quiet else run.sentences():
                show.say(line)
        elif run.run == how["explain"]:
            for line in explanation(run):
                show.say(line)

    _check(logs, how)
    budget = how["budget"] or BUDGET
    with ProgressLine("validate") as bar:
        conformed = conform(logs, budget, say, read, bar.reading)
    if conformed.interrupted:
        show.say("interrupted: what was found so far")
    for error in (*conformed.unreadable, *conformed.unreadable.rest):
        complain(error)
    check_explained(how["explain"], [run.run for run in conformed.runs])
    for line in (*(() if show.quiet else conformed.remarks), *conformed.table()):
        show.say(line)
    unreadable = bool(conformed.unreadable)
    if how["reports"]:
        unreadable |= _report([], logs, read, conformed, budget, how, conformed.unreadable)
    cells = [run.cell() for run in conformed.runs]
    return Result(RESULT_SCHEMA, "validate", cells, conformed.interrupted), unreadable


def _check(logs: tuple[Path, ...], how: dict[str, Any]) -> None:
    """A report must be possible before anything is judged."""
    if how["reports"]:
        from everyturn.files.reading import STDIN
        from everyturn.reports.bug import check_endings

        check_endings(how["reports"])
        if STDIN in logs:
            raise UsageError("--report: expected files; standard input can be read only once")


def _report(
    rest: Sequence[Path],
    logs: tuple[Path, ...],
    read: Any,
    conformed: Any,
    budget: int,
    how: dict[str, Any],
    said: Sequence[str],
) -> bool:
    """Match the ``rest`` of the logs, which were not matched while they were judged, and write the reports.

    Whether anything could not be read that was not ``said``.
    """
    from everyturn.logs.conforming import conform
    from everyturn.reports.bug import write_reports
    from everyturn.reports.text import ProgressLine

    with ProgressLine("report") as bar:
        left = conform([] if conformed.interrupted else rest, budget, None, read, bar.reading)
    unreadable = [error for error in (*conformed.unreadable, *left.unreadable) if error not in said]
    for error in (*unreadable, *left.unreadable.rest):
        complain(error)
    write_reports(how["reports"], conformed.with_more(left), typed(logs, how), reading_options(how))
    for path in how["reports"]:
        complain(f"wrote {path}")
    return bool(unreadable)
