"""Traces: a run as JSON lines, one header and then one line for each step and each event that was seen of it.

The header is ``{"schema": "everyturn/trace/1", "version", "revision", "scope", "granularity", "engine", "strategy",
"seed", "run", "token", "decisions"}``. Every other line has ``seq`` (0, 1, …), ``time`` (virtual seconds), ``thread``,
``kind`` and, where there is one, ``prompt``; ``data`` holds the rest. A line of kind ``step`` tells of the operations
that a thread made; the events seen of them follow it and name it as their ``cause``. Reading is strict: an unknown
field, kind or value is an error with its line.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

import msgspec
from msgspec import Meta

from everyturn import __version__
from everyturn.errors import UsageError
from everyturn.files.reading import MAX_LINE, LogFile, ReadingFault, Unreadable
from everyturn.runs.outcomes import shown
from everyturn.runs.run import Run, RunStep
from everyturn.world.scope import Scope
from everyturn_model.events import EVENT_TYPES, Event, Rest

SCHEMA: Final = "everyturn/trace/1"
LIMIT: Final = 64_000_000
"""Longer traces are not read, in bytes: a trace is of one run, and is held in memory."""

_ELSEWHERE: Final = "; logs and recordings of agents are for `everyturn validate`"


class TraceHeader(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """The first line of a trace. ``violates``: what a regression trace must violate whenever it is replayed."""

    schema: str
    version: str
    revision: str
    scope: str
    granularity: Literal["access", "await"]
    engine: str
    strategy: str
    seed: int | None
    run: int
    token: str
    decisions: list[int]
    violates: list[str] = []


class TraceLine(msgspec.Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """Every other line of a trace."""

    seq: int
    time: float
    kind: str
    thread: str | None = None
    prompt: str | None = None
    data: dict[str, Any] = {}
    cause: int | None = None


def _told(line: TraceLine) -> tuple[str, str, str, str]:
    """A line as cells: a step with its number and its operations, an event with its data."""
    if line.kind == "step":
        made = " ".join(str(each["operation"]) for each in line.data.get("operations", ()))
        return str(line.data.get("step", "")), line.thread or "", "", made
    data = ", ".join(f"{name}={value}" for name, value in line.data.items())
    return "", line.thread or "", line.prompt or "", f"{line.kind}({data})"


def _cell(text: str) -> str:
    return f'<td style="text-align:left">{escape(text)}</td>'


def as_html(ran: str, lines: Iterable[TraceLine]) -> str:
    """What ran, and the lines of a run as a table of HTML."""
    rows = "".join(f"<tr>{''.join(map(_cell, _told(line)))}</tr>" for line in lines)
    return f"<p>{escape(ran)}</p><table><tbody>{rows}</tbody></table>"


class _Made(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """An operation in the data of a step."""

    operation: str
    arguments: list[str]
    result: str


class _Step(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The data of a step: its number, how many threads could go on, and the operations that its thread made."""

    step: int
    enabled: int
    operations: Annotated[list[_Made], Meta(min_length=1)]


class Trace(msgspec.Struct, frozen=True):
    """A trace that was read: its header and its lines."""

    header: TraceHeader
    lines: list[TraceLine]

    def _repr_html_(self) -> str:
        """What ran, and its lines: a step in its first line, the events that were seen of it below."""
        head = self.header
        return as_html(f"{head.revision} in {head.scope}, {head.engine} ({head.strategy})", self.lines)

    def steps(self) -> Iterator[tuple[Event, ...]]:
        """The events of each step, as the judge takes them; rest is a step of its own."""
        collected: list[Event] | None = None
        resting = False
        for line in self.lines:
            if line.kind == "step":
                if collected is not None:
                    yield tuple(collected)
                collected = []
                continue
            event = event_of(line)
            if line.cause is None and not resting:
                resting = True
                if collected is not None:
                    yield tuple(collected)
                collected = []
            collected = [*(collected or []), event]
        if collected is not None:
            yield tuple(collected)


def lines_of(run: Run) -> Iterator[TraceLine]:
    """The lines of a run. Those of what is seen at rest have no cause."""
    seq = 0
    for step in run.steps:
        cause = seq
        yield _step_line(seq, step)
        seq += 1
        for event in step.events:
            yield _event_line(seq, step.time, step.operations[0].thread, event, cause)
            seq += 1
    time = run.steps[-1].time if run.steps else 0.0
    for number, event in enumerate(run.at_rest, seq):
        yield _event_line(number, time, None, event, None)


def write(
    run: Run, *, engine: str, strategy: str, seed: int | None, number: int = 0, violates: Iterable[str] = ()
) -> bytes:
    """A run as a trace file's contents."""
    header = TraceHeader(
        SCHEMA,
        __version__,
        run.revision,
        run.scope,
        cast("Literal['access', 'await']", run.granularity),
        engine,
        strategy,
        seed,
        number,
        run.token,
        run.decisions,
        list(violates),
    )
    return b"".join(msgspec.json.encode(each) + b"\n" for each in (header, *lines_of(run)))


def read(path: Path) -> Trace:
    """The trace in a file, plain or compressed. Raises :class:`UsageError` with file and line for anything that is not
    one."""
    with LogFile(path) as file:
        return of(file)


def of(file: LogFile) -> Trace:
    """The trace in a file, from its beginning. Raises :class:`UsageError`, and holds no line that is too long."""
    return parse(_bounded(file), str(file.path))


def _bounded(file: LogFile) -> Iterator[bytes]:
    total = 0
    while line := file.readline(MAX_LINE + 1):
        total += len(line)
        if total > LIMIT:
            raise Unreadable(ReadingFault(file.path, 0, f"a trace of at most {LIMIT:,} bytes", "a longer one"))
        file.number += 1
        yield line


def parse(lines: Iterable[bytes], name: str) -> Trace:
    """The trace in ``lines``; ``name`` stands in errors."""
    header: TraceHeader | None = None
    read_lines: list[TraceLine] = []
    number = 0
    for number, line in enumerate(lines, start=1):
        where = f"{name}:{number}"
        if len(line) > MAX_LINE:
            raise UsageError(f"{where}: expected a line of at most {MAX_LINE} bytes, found a longer one")
        if not line.endswith(b"\n"):
            raise UsageError(f"{where}: the last line is cut off: expected a line break at its end")
        if header is None:
            header = _header(line, where)
            continue
        read_lines.append(_line(line, where, len(read_lines)))
    if header is None:
        raise UsageError(f"{name}: expected a trace, found an empty file")
    if not read_lines or read_lines[-1].kind != Rest.__name__:
        raise UsageError(f"{name}:{number}: the trace is cut off: expected a last line of kind {Rest.__name__}")
    return Trace(header, read_lines)


def _header(line: bytes, where: str) -> TraceHeader:
    schema = _schema(line, where)
    if schema != SCHEMA:
        other = "" if str(schema).startswith(SCHEMA.rpartition("/")[0]) else _ELSEWHERE
        raise UsageError(f"{where}: expected schema {SCHEMA!r}, found {schema!r}{other}")
    header: TraceHeader = _decode(line, where, TraceHeader)
    try:
        Scope.parse(header.scope)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    return header


def _schema(line: bytes, where: str) -> object:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"{where}: expected the header of a trace: {error}") from error
    if not isinstance(found, dict) or "schema" not in found:
        raise UsageError(
            f"{where}: expected the header of a trace, an object with a field 'schema'; found none{_ELSEWHERE}"
        )
    return found["schema"]


def _decode(line: bytes, where: str, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(line, type=kind)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"{where}: {error}") from error


def _line(line: bytes, where: str, expected: int) -> TraceLine:
    found: TraceLine = _decode(line, where, TraceLine)
    if found.seq != expected:
        raise UsageError(f"{where}: expected seq {expected}, found {found.seq}")
    try:
        if found.kind == "step":
            _check_step(found)
        else:
            event_of(found)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    return found


def _check_step(line: TraceLine) -> None:
    """Raise :class:`UsageError` if a step does not say who did what."""
    if line.thread is None:
        raise UsageError("step: expected a thread, found none")
    try:
        msgspec.convert(line.data, _Step)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"step: {error}") from error


def event_of(line: TraceLine) -> Event:
    """The event that a line tells of. Raises :class:`UsageError` for an unknown kind or wrong data."""
    kind = EVENT_TYPES.get(line.kind)
    if kind is None:
        raise UsageError(f"expected the kind of an event, found {line.kind!r}")
    data = dict(line.data)
    for name in ("thread", "prompt"):
        if name in kind.__dataclass_fields__:
            data[name] = getattr(line, name)
    unknown = data.keys() - kind.__dataclass_fields__.keys()
    if unknown:
        raise UsageError(f"{line.kind} has no field {min(unknown)!r}")
    try:
        return msgspec.convert(data, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"{line.kind}: {error}") from error


def _event_line(seq: int, time: float, thread: str | None, event: Event, cause: int | None) -> TraceLine:
    data = msgspec.to_builtins({field.name: getattr(event, field.name) for field in dataclasses.fields(event)})
    prompt = data.pop("prompt", None)
    data.pop("thread", None)
    return TraceLine(seq, time, type(event).__name__, thread, prompt, data, cause)


def _step_line(seq: int, step: RunStep) -> TraceLine:
    operations = [
        {
            "operation": str(each.operation),
            "arguments": _all_shown(each.operation.arguments),
            "result": shown(each.result),
        }
        for each in step.operations
    ]
    data = {"step": step.number, "enabled": step.enabled, "operations": operations}
    return TraceLine(seq, step.time, "step", step.operations[0].thread, None, data)


def _all_shown(values: Iterable[object]) -> list[str]:
    return [shown(value) for value in values]
