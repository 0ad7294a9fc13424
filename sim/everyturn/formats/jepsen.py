"""Jepsen-style histories, as JSON lines or EDN, to write and to read back.

An operation has ``index``, ``time`` (nanoseconds), ``process``, ``type``, ``f`` and ``value`` (jepsen.history; knossos.op). A
client submits a prompt and is told: ``invoke`` and, of the same process, ``ok`` or, for a turn that failed or was cancelled,
``info``, since what it did is not undone. A Cancel or ClearQueue is ``invoke`` and ``ok``. All else is ``info`` of the process
``agent``. ``value`` has the line's own fields, so that nothing is lost. Of EDN we read maps, vectors, lists, strings,
numbers, keywords, symbols and ``nil``; tags and sets are not read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from everyturn.formats.everyturn_log import Header, Line, Placed, line_of
from everyturn.formats.files import Fault, LogFile, quote

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

    def operation(self, index: int, line: Line) -> dict[str, Any]:
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
        return placed if time is None else placed | {"time": round(time * 1e9)}


def write_json(lines: Iterable[Placed], header: Header) -> Iterator[bytes]:
    """A log as a history, one JSON object a line."""
    for operation in _operations(lines, header):
        yield msgspec.json.encode(operation) + b"\n"


def write_edn(lines: Iterable[Placed], header: Header) -> Iterator[bytes]:
    """A log as a history, one EDN map a line."""
    for operation in _operations(lines, header):
        yield edn(operation).encode() + b"\n"


def _operations(lines: Iterable[Placed], header: Header) -> Iterator[dict[str, Any]]:
    """The header first, so that reading back knows what is logged."""
    processes = _Processes()
    value = msgspec.to_builtins(header, order="sorted")
    yield {"index": 0, "process": "agent", "type": "info", "f": _HEADER, "value": value}
    for index, (_, line) in enumerate(lines, start=1):
        yield processes.operation(index, line)


_WORDS: Final = frozenset({"type", "f", "process"})
"""Fields whose strings are keywords in EDN."""


def edn(value: Any, *, word: bool = False) -> str:
    """A value as EDN; the keys of maps are keywords."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case str():
            return f":{value}" if word else msgspec.json.encode(value).decode()
        case dict():
            return "{" + ", ".join(f":{name} {edn(each, word=name in _WORDS)}" for name, each in value.items()) + "}"
        case list() | tuple():
            return "[" + " ".join(edn(each) for each in value) + "]"
        case _:
            return str(value)


_TOKEN: Final = re.compile(
    r'[\s,]*(?:;[^\n]*(?:\n|$)[\s,]*)*([\[\](){}]|"(?:[^"\\]|\\.)*"|[^\s,\[\](){}"]+)?', re.DOTALL
)
_CLOSING: Final = {"[": "]", "(": ")", "{": "}"}
_DEPTH: Final = 50


class EdnError(ValueError):
    """A text is not the EDN that we read."""


def parse_edn(text: str) -> Any:
    """The value that ``text`` holds. Raises :class:`EdnError`."""
    value, rest = _value(text, 0, 0)
    following, end = _token(text, rest)
    if following or end < len(text):
        raise EdnError(f"one value, found more at column {rest + 1}")
    return value


def _token(text: str, at: int) -> tuple[str, int]:
    match = _TOKEN.match(text, at)
    return (match[1] or "", match.end()) if match else ("", at)


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    token, at = _token(text, at)
    if depth > _DEPTH:
        raise EdnError("a flat value, found one that is nested too deeply")
    if token in _CLOSING and token:
        items: list[Any] = []
        while True:
            following, after = _token(text, at)
            if following == _CLOSING[token]:
                break
            item, at = _value(text, at, depth + 1)
            items.append(item)
        if token != "{":  # noqa: S105 - a brace, no password
            return items, after
        if len(items) % 2:
            raise EdnError("a value for every key of a map")
        return {str(key): value for key, value in zip(items[::2], items[1::2])}, after
    return _atom(token, at), at


def _atom(token: str, at: int) -> Any:
    if token in ("", "]", ")", "}") or token.startswith("#"):
        raise EdnError(f"a value, found {token!r} at column {at}")
    if token.startswith('"'):
        try:
            return msgspec.json.decode(token)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise EdnError(f"a string, found {token[:40]}") from error
    if token.startswith(":"):
        return token[1:]
    if re.fullmatch(r"[+-]?\d{1,40}N?", token):
        return int(token.rstrip("N"))
    if re.fullmatch(r"[+-]?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,2})?M?", token):
        return float(token.rstrip("M"))
    return {"nil": None, "true": True, "false": False}.get(token, token)


class JepsenReader:
    """Reads a history as a log: a JSON object or an EDN map a line; a line of EDN may be wrapped in a vector."""

    def __init__(self, file: LogFile, fault: Callable[[Fault], None]) -> None:
        self.header = _header(file.peek())
        self._file, self._fault = file, fault

    def __iter__(self) -> Iterator[Placed]:
        for number, raw in self._file.lines(self._fault):
            if not raw.strip(b" \t\r\n[]"):
                continue
            try:
                found = _operation(raw)
            except (ValueError, RecursionError) as error:
                self._fault(
                    Fault(self._file.path, number, "an operation in JSON or EDN", f"{quote(raw)} ({error})"[:200])
                )
                continue
            if isinstance(found, dict) and found.get("f") == _HEADER:
                continue
            line = self._line(found, number)
            if line is not None:
                yield Placed(number, line)

    def _line(self, found: Any, number: int) -> Line | None:
        value = found.get("value") if isinstance(found, dict) else None
        if not isinstance(value, dict):
            self._fault(Fault(self._file.path, number, "an operation whose `value` is a map", quote(str(found))))
            return None
        type_, f, time = str(found.get("type")), str(found.get("f")), found.get("time")
        fields = {**value, "kind": _KINDS.get((type_, f), f)}
        if isinstance(time, int):
            fields["time"] = time / 1e9
        line = line_of(fields, lambda error: ("an operation of a dispatcher", str(error)), "an operation")
        if isinstance(line, Line):
            return line
        self._fault(Fault(self._file.path, number, *line))
        return None


def _header(first: bytes) -> Header:
    """The header of a history that we wrote; a history of others promises nothing but what all logs do."""
    try:
        found = _operation(first)
        if isinstance(found, dict) and found.get("f") == _HEADER:
            return msgspec.convert(found.get("value"), Header)
    except (ValueError, RecursionError):
        pass
    return Header(agent="jepsen")


def _operation(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return parse_edn(raw.decode())
