"""ITF, the Informal Trace Format of Apalache and Quint, to read and to write.

A trace is ``{"#meta", "vars", "states"}``; integers are ``{"#bigint": "1"}``, maps ``{"#map": [[key, value], …]}``
(Apalache, ADR 015, apalache-mc.org/docs/adr/015adr-trace.html). We write one state more than there are lines: ``line``
is the record of the line that led to a state, ``phase`` how far the prompt is that it moved: of the others, an earlier
state tells, since a trace that told it of all in each state would grow as the square of its lines. Times are whole
nanoseconds.

We read what we write, and traces of a specification in our words: a variable ``line`` (or ``module::line``), or the
action and choices that ``quint run --mbt`` records in ``mbt::actionTaken`` and ``mbt::nondetPicks``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, ReadingFault, quote
from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed, line_of
from everyturn.formats.times import nanoseconds

LIMIT: Final = 256_000_000
"""Longer documents are not read, in bytes: an ITF trace is one JSON document."""

_FORMAT: Final = "https://apalache-mc.org/docs/adr/015adr-trace.html"
_INTEGER: Final = re.compile(r"[+-]?\d{1,25}", re.ASCII)
_INIT: Final = "init"
_PHASES: Final = {
    "submit": "submitted",
    "refused": "refused",
    "queued": "queued",
    "started": "running",
    "ended": "ended",
    "folded": "folded",
    "dropped": "dropped",
    "told": "told",
}


def write(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    """A log as an ITF trace, state by state. Raises :class:`UsageError` if it is too long to be read again."""
    size = 0
    for piece in _pieces(lines, header):
        size += len(piece)
        if size > LIMIT:
            raise UsageError(f"itf: expected a trace of at most {LIMIT:,} bytes, one JSON document; found a longer one")
        yield piece


def _pieces(lines: Iterable[Placed], header: LogHeader) -> Iterator[bytes]:
    meta = {"format": "ITF", "format-description": _FORMAT, "header": msgspec.to_builtins(header, order="sorted")}
    yield b'{"#meta":' + msgspec.json.encode(meta) + b',"vars":["line","phase"],"states":[\n'
    yield _state(0, {"kind": _INIT}, [])
    for index, (number, line) in enumerate(lines, start=1):
        moved = line.kind in _PHASES and line.prompt is not None
        phase = [[f"{line.session}/{line.prompt}", _PHASES[line.kind]]] if moved else []
        yield b",\n" + _state(index, _record(line, number), phase)
    yield b"\n]}\n"


def _state(index: int, record: dict[str, Any], phase: list[list[str]]) -> bytes:
    return msgspec.json.encode({"#meta": {"index": index}, "line": record, "phase": {"#map": phase}})


def _record(line: LogLine, number: int) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(line)
    if line.time is not None:
        fields["time"] = nanoseconds(line.time, number)
    return {name: _encoded(value) for name, value in fields.items()}


def _encoded(value: Any) -> Any:
    match value:
        case bool() | str():
            return value
        case int():
            return {"#bigint": str(value)}
        case dict():
            return {name: _encoded(each) for name, each in value.items()}
        case list() | tuple():
            return [_encoded(each) for each in value]
        case _:
            return value


def _decoded(value: Any) -> Any:
    """A value of ITF as plain JSON; a variant ``Some`` is its value, ``None`` is none."""
    match value:
        case {"#bigint": str(digits)}:
            return int(digits) if _INTEGER.fullmatch(digits) else digits
        case {"#tup": list(items)} | {"#set": list(items)}:
            return [_decoded(each) for each in items]
        case {"#map": list(pairs)}:
            return {
                str(_decoded(pair[0])): _decoded(pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2
            }
        case {"tag": "Some", "value": inside}:
            return _decoded(inside)
        case {"tag": "None"}:
            return None
        case dict():
            return {str(name): _decoded(each) for name, each in value.items()}
        case list():
            return [_decoded(each) for each in value]
        case _:
            return value


class _Document(msgspec.Struct):
    """An ITF trace, its states undecoded."""

    states: list[msgspec.Raw]
    meta: msgspec.Raw = msgspec.field(name="#meta", default=msgspec.Raw(b"{}"))


class _Meta(msgspec.Struct):
    """So much of what a trace says about itself as we have written; others write what they like."""

    header: msgspec.Raw = msgspec.Raw(b"")


class ItfReader:
    """Reads an ITF trace as a log; the number of a line is that of its state. States are decoded one by one."""

    def __init__(self, file: LogFile, fault: Callable[[ReadingFault], None]) -> None:
        self._file, self._fault = file, fault
        self.header = LogHeader()
        self._states: list[msgspec.Raw] = []
        raw = file.whole(LIMIT)
        try:
            found = msgspec.json.decode(raw, type=_Document)
            self._states = found.states
            meta = msgspec.json.decode(found.meta, type=_Meta)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            fault(file.undecodable(0, raw[:100], error, "an ITF trace with `states`"))
            return
        if bytes(meta.header):
            try:
                self.header = msgspec.json.decode(meta.header, type=LogHeader)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                fault(ReadingFault(file.path, 0, "the header of a log in `#meta`", str(error)))

    def __iter__(self) -> Iterator[Placed]:
        for number, raw in enumerate(self._states):
            try:
                fields = _fields(msgspec.json.decode(raw))
            except RecursionError:
                self._fault(ReadingFault(self._file.path, number, "a flat state", "one that is nested too deeply"))
                continue
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._fault(ReadingFault(self._file.path, number, "a state in JSON", f"{error}: {quote(bytes(raw))}"))
                continue
            if fields is None:
                self._fault(
                    ReadingFault(self._file.path, number, "a state with `line` or `mbt::actionTaken`", "another one")
                )
            elif fields.get("kind") not in (_INIT, None):
                line = self._line(fields, number)
                if line is not None:
                    yield Placed(number, line)

    def _line(self, fields: dict[str, Any], number: int) -> LogLine | None:
        time = fields.get("time")
        if isinstance(time, int) and not isinstance(time, bool):
            fields["time"] = time / 1e9
        line = line_of(fields, lambda error: ("a line of everyturn/log/1", str(error)))
        if isinstance(line, LogLine):
            return line
        self._fault(ReadingFault(self._file.path, number, *line))
        return None


def _fields(state: Any) -> dict[str, Any] | None:
    if not isinstance(state, dict):
        return None
    for name, value in state.items():
        if name == "line" or name.endswith("::line"):
            found = _decoded(value)
            return found if isinstance(found, dict) else None
    action = state.get("mbt::actionTaken")
    picks = _decoded(state.get("mbt::nondetPicks", {}))
    if isinstance(action, str) and isinstance(picks, dict):
        chosen = {name: value for name, value in picks.items() if value is not None}
        return {"session": "trace", **chosen, "kind": action}
    return None
