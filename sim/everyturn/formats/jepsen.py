"""Jepsen-style histories, as JSON lines or EDN, to write and to read back.

An operation has ``index``, ``time`` (nanoseconds), ``process``, ``type``, ``f`` and ``value`` (jepsen.history;
knossos.op). A client submits a prompt and is told: ``invoke`` and, of the same process, ``ok`` or, for a turn that
failed or was cancelled, ``info``, since what it did is not undone. A Cancel or ClearQueue is ``invoke`` and ``ok``. All
else is ``info`` of the process ``agent``. ``value`` has the line's own fields, so that nothing is lost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, Final

import msgspec

from everyturn.files.reading import LogFile, ReadingFault, quote
from everyturn.formats.edn import operations
from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed, line_of
from everyturn.formats.times import nanoseconds

_INVOKES: Final = {"submit": "submit", "cancel_call": "cancel", "clear_call": "clear"}
_RETURNS: Final = {"told": "submit", "cancel_return": "cancel", "clear_return": "clear"}
_HEADER: Final = "header"
_KINDS: Final = {("invoke", f): kind for kind, f in _INVOKES.items()} | {
    (type_, f): kind for kind, f in _RETURNS.items() for type_ in ("ok", "info", "fail")
}


class _Processes:
    """Gives a number to every client."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str | None], int] = {}

    def operation(self, index: int, number: int, line: LogLine) -> dict[str, Any]:
        value = msgspec.to_builtins(line)
        kind, time = value.pop("kind"), value.pop("time", None)
        process: int | str = "agent"
        if kind in _INVOKES or kind in _RETURNS:
            client = line.session, line.operation or line.prompt or line.run_id
            process = self._numbers.setdefault(client, len(self._numbers))
        finished = kind != "told" or line.outcome == "finished"
        type_ = "invoke" if kind in _INVOKES else "ok" if kind in _RETURNS and finished else "info"
        f = _INVOKES.get(kind) or _RETURNS.get(kind) or kind
        placed = {"index": index, "process": process, "type": type_, "f": f, "value": value}
        return placed if time is None else placed | {"time": nanoseconds(time, number)}


def write_json(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as a history, one JSON object a line."""
    for operation in _operations(lines, header):
        yield msgspec.json.encode(operation) + b"\n"


def write_edn(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as a history, one EDN map a line."""
    for operation in _operations(lines, header):
        yield edn(operation).encode() + b"\n"


def _operations(lines: Iterable[Placed], header: LogHeader) -> Iterator[dict[str, Any]]:
    """The header first, so that reading back knows what is logged."""
    processes = _Processes()
    value = msgspec.to_builtins(header, order="sorted")
    yield {"index": 0, "process": "agent", "type": "info", "f": _HEADER, "value": value}
    for index, (number, line) in enumerate(lines, start=1):
        yield processes.operation(index, number, line)


_KEYWORDS: Final = frozenset({"type", "f", "process"})
"""Fields whose strings are written as keywords."""


def edn(value: Any, *, word: bool = False) -> str:
    """A value as EDN; the keys of maps are keywords."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case str():
            plain = word and value.isascii() and value.isidentifier()
            return f":{value}" if plain else msgspec.json.encode(value).decode()
        case dict():
            pairs = (f":{name} {edn(each, word=name in _KEYWORDS)}" for name, each in value.items())
            return "{" + ", ".join(pairs) + "}"
        case list() | tuple():
            return "[" + " ".join(edn(each) for each in value) + "]"
        case _:
            return str(value)


class JepsenReader:
    """Reads a history as a log. The header of one that we wrote is known before its lines are read."""

    def __init__(self, file: LogFile, fault: Callable[[ReadingFault], None]) -> None:
        self._file, self._fault = file, fault
        self._early: list[ReadingFault] = []
        self._tell: Callable[[ReadingFault], None] = self._early.append
        self._operations = operations(file.lines(self._told), self._wrong)
        self._first = next(self._operations, None)
        self.header = LogHeader(agent="jepsen")
        if self._first is not None and self._first[1].get("f") == _HEADER:
            self._convert_header(*self._first)

    def __iter__(self) -> Iterator[Placed]:
        self._tell = self._fault
        for fault in self._early:
            self._fault(fault)
        for number, found in chain([] if self._first is None else [self._first], self._operations):
            if found.get("f") == _HEADER:
                continue
            line = self._line(found, number)
            if line is not None:
                yield Placed(number, line)

    def _told(self, fault: ReadingFault) -> None:
        self._tell(fault)

    def _wrong(self, number: int, expected: str) -> None:
        self._tell(ReadingFault(self._file.path, number, "an operation in JSON or EDN", f"none: expected {expected}"))

    def _convert_header(self, number: int, found: dict[str, Any]) -> None:
        try:
            self.header = msgspec.convert(found.get("value"), LogHeader)
        except msgspec.ValidationError as error:
            self._tell(ReadingFault(self._file.path, number, "the header of a log", str(error)))

    def _line(self, found: dict[str, Any], number: int) -> LogLine | None:
        value = found.get("value")
        if not isinstance(value, dict):
            self._fault(ReadingFault(self._file.path, number, "an operation whose `value` is a map", quote(str(found))))
            return None
        type_, f, time = str(found.get("type")), str(found.get("f")), found.get("time")
        fields = {**value, "kind": _KINDS.get((type_, f), f)}
        if isinstance(time, int | float) and not isinstance(time, bool):
            fields["time"] = time / 1e9 if math.isfinite(time) else str(time)
        line = line_of(fields, lambda error: ("an operation of a dispatcher", str(error)), "an operation")
        if isinstance(line, LogLine):
            return line
        self._fault(ReadingFault(self._file.path, number, *line))
        return None
