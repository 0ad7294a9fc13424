"""Reads ``crush-dispatch-trace/1``: what the dispatcher of a real agent did, run by run, as JSON lines.

The lines and their fields are described in ``recordings/README.md``. Reading is strict, since a verdict is worth no
more than the log it rests on: what is not described there is a :class:`LogError` with file, line, expected and found.
A log that stops between two lines is no error; its last run has no :class:`~everyturn.formats.crush_lines.EndLine`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import msgspec

from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, ReadingFault, Unreadable
from everyturn.formats.crush_lines import KINDS, Begin, CrushEvent, CrushHeader, EndLine
from everyturn.formats.crush_order import CrushOrder, OutOfOrder

SCHEMA: Final = "crush-dispatch-trace/1"
LONGEST: Final = 1_000_000
"""Longer runs are not read, in lines: a run is held in memory."""

_SHOWN: Final = 80
"""So much of what was found is quoted."""


class LogError(UsageError):
    """A log cannot be read. ``line`` counts from 1; 0 is the file as a whole."""

    def __init__(self, path: Path, line: int, expected: str, found: str) -> None:
        super().__init__(str(ReadingFault(path, line, expected, found)))
        self.path, self.line, self.expected, self.found = path, line, expected, found


class Logged(NamedTuple):
    """An event, and the line of the file where it stands."""

    line: int
    event: CrushEvent


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """One run of a log, from its ``begin`` to its ``end`` or to where the log stops."""

    path: Path
    header: CrushHeader
    begin: Begin
    logged: tuple[Logged, ...]

    @property
    def at_rest(self) -> bool:
        """Whether the log says how the run ended."""
        return isinstance(self.logged[-1].event, EndLine)

    @property
    def scope(self) -> str:
        """The scope that the recorded scenario corresponds to, in the notation of ``everyturn list scopes``."""
        scenario = self.begin.scenario
        prompts = "".join(sorted(each.kind for each in scenario.prompts))
        tools = sum(each.script.count("tool") for each in scenario.prompts)
        extras = zip(
            (scenario.cancels, scenario.clears, scenario.summarize, scenario.errors, tools), ("c", "q", "s", "e", "t")
        )
        return "+".join([prompts, *(f"{number}{letter}" for number, letter in extras if number)])


class _Schema(msgspec.Struct):
    """So much of a header that a wrong schema can be named."""

    schema: str


def read_runs(source: Path | LogFile, fault: Callable[[LogError], None] | None = None) -> Iterator[RecordedRun]:
    """The runs of a log, plain or compressed, each as soon as it is complete.

    What cannot be read is handed to ``fault``, and reading goes on with the next run. Without it, and for what is wrong
    with the file as a whole, raises :class:`LogError`.
    """
    try:
        if isinstance(source, LogFile):
            yield from _runs(source, fault or _refuse)
        else:
            with LogFile(source) as file:
                yield from _runs(file, fault or _refuse)
    except Unreadable as error:
        raise LogError(*error.fault) from error


def _refuse(error: LogError) -> None:
    raise error


def _runs(file: LogFile, fault: Callable[[LogError], None]) -> Iterator[RecordedRun]:
    path = file.path
    faulty = False
    lines = _lines(file, fault)
    first = next(lines, None)
    if first is None:
        raise LogError(path, 1, f"a header with schema `{SCHEMA}`", "an empty file")
    header = read_header(path, first[1])
    decoder = msgspec.json.Decoder(CrushEvent)
    seen: set[int] = set()
    order: CrushOrder | None = None
    begin: Begin | None = None
    logged: list[Logged] = []
    for number, raw in lines:
        try:
            event = _decode(path, number, raw, decoder)
            if faulty and not isinstance(event, Begin):
                continue
            if order is None or event.run != order.run:
                if begin is not None:
                    yield RecordedRun(path, header, begin, tuple(logged))
                begin = _start(event, seen)
                order, logged = CrushOrder(begin), []
            else:
                order.check(event)
                if len(logged) >= LONGEST:
                    raise OutOfOrder(f"a run of at most {LONGEST:,} lines", "a longer one")
        except (OutOfOrder, LogError) as error:
            if not faulty:
                fault(LogError(path, number, error.expected, error.found))
            faulty, order, begin = True, None, None
            continue
        faulty = False
        logged.append(Logged(number, event))
    if begin is not None:
        yield RecordedRun(path, header, begin, tuple(logged))


def _start(event: CrushEvent, seen: set[int]) -> Begin:
    if not isinstance(event, Begin):
        raise OutOfOrder("a run to start with a `begin` line", f"a `{type(event).__struct_config__.tag}` line")
    if event.run in seen:
        raise OutOfOrder("the lines of a run together", f"run {event.run} again")
    seen.add(event.run)
    return event


def _lines(file: LogFile, fault: Callable[[LogError], None]) -> Iterator[tuple[int, bytes]]:
    return file.lines(lambda long: fault(LogError(*long)))


def read_header(path: Path, raw: bytes) -> CrushHeader:
    """The header in the first line of a log. Raises :class:`LogError`."""
    schema = _decode(path, 1, raw, msgspec.json.Decoder(_Schema)).schema
    if schema != SCHEMA:
        raise LogError(path, 1, f"schema `{SCHEMA}`", _quote(schema))
    return _decode(path, 1, raw, msgspec.json.Decoder(CrushHeader))


_Decoded = TypeVar("_Decoded")


def _decode(path: Path, number: int, raw: bytes, decoder: msgspec.json.Decoder[_Decoded]) -> _Decoded:
    try:
        return decoder.decode(raw)
    except RecursionError:
        raise LogError(path, number, "a flat JSON object", "one that is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        expected, found = _explain(str(error), raw)
        raise LogError(path, number, expected, found) from None


_EXPLAINED: Final = (
    (r"Invalid value (?P<found>.*) - at `\$\.ev`", f"`ev` to be one of {', '.join(KINDS)}", "{found}"),
    (r"Object missing required field `ev`.*", "a field `ev`", "an object without it"),
    (
        r"Object missing required field `(?P<field>.*?)`(?P<where>.*)",
        "a field `{field}`",
        "an object without it{where}",
    ),
    (r"Object contains unknown field `(?P<field>.*?)`(?P<where>.*)", "no other fields", "`{field}`{where}"),
    (r"Expected (?P<wanted>.*?), got (?P<found>.*?)(?P<where> - at .*)?", "{wanted}{where}", "{found}"),
    (r"Expected (?P<wanted>.*?)(?P<where> - at .*)?", "{wanted}{where}", "another value"),
    (r"Invalid (?P<found>.*)", "a value that is allowed here", "{found}"),
)


def _explain(message: str, raw: bytes) -> tuple[str, str]:
    """What the decoder expected and found, in the form that all our errors have."""
    if not raw.endswith(b"\n") and ("truncated" in message or "malformed" in message):
        return "a complete line", f"the end of the file within {_quote(raw.decode(errors='replace'))}"
    if "malformed" in message or "truncated" in message or "utf-8" in message.lower():
        return "a JSON object in UTF-8", _quote(raw.decode(errors="replace").rstrip("\n"))
    for pattern, expected, found in _EXPLAINED:
        match = re.fullmatch(pattern, message, re.DOTALL)
        if match:
            groups = {name: (group or "").replace(" - at ", " at ") for name, group in match.groupdict().items()}
            return expected.format_map(groups), found.format_map(groups)[:_SHOWN]
    return "a line of this format", message[:_SHOWN]


def _quote(text: str) -> str:
    return ascii(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")
