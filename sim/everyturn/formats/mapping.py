"""Mappings: a small TOML file says which field of a foreign JSON log is what, and which message means which event.

::

    name = "slog"
    [fields]                      # fields that every line may have: ours = theirs
    message = "msg"
    session = "session_id"
    [time]
    field = "time"
    unit = "rfc3339"              # or seconds, milliseconds, microseconds, nanoseconds
    [[line]]
    message = "turn ended"        # or pattern = "regular expression"
    kind = "ended"
    fields = { outcome = "result" }
    set = { outcome = "finished" }
    values = { outcome = { ok = "finished" } }
    [ignore]
    messages = ["cache warmed"]

A field of theirs is a name, or a list of names that lead into nested objects. In a list of ``{"key", "value"}`` pairs, as
OpenTelemetry has them (OTLP 1.x, ``opentelemetry/proto/common/v1/common.proto``), a name is looked up among the keys.
``records`` leads to the lists of records that one line may carry. Where a line says its kind in our words already,
``[fields] kind`` takes the place of all ``[[line]]`` tables.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import Meta

from everyturn.errors import UsageError
from everyturn.formats.everyturn_log import FIELDS, KINDS, REQUIRED, Header, Kind, Line, Placed, lacking
from everyturn.formats.files import Fault, LogFile, quote

Path_ = str | Annotated[tuple[str, ...], Meta(min_length=1)]
Unit = Literal["rfc3339", "seconds", "milliseconds", "microseconds", "nanoseconds"]

_FACTORS: Final = {"seconds": 1.0, "milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}
_MAPPED: Final = frozenset(FIELDS) - {"kind", "time", "snapshot"}


class TimeRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where the time stands, and what it counts."""

    field: Path_
    unit: Unit = "rfc3339"


class LineRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which message means which kind of line, and what stands elsewhere in it.

    ``fields``: our field = theirs, besides the common ones. ``set``: constants. ``values``: for one of our fields, what
    their words mean in ours.
    """

    kind: Kind
    message: str | None = None
    pattern: str | None = None
    fields: dict[str, Path_] = {}
    set: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}


class Ignored(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Messages that mean nothing to us."""

    messages: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()


class Mapping(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A whole mapping file. ``kinds``: what the agent logs whenever it happens, by default all kinds with a rule.

    ``sequence``, ``ordered`` and ``complete`` are those of a :class:`~everyturn.formats.everyturn_log.Header`.
    """

    name: str
    fields: dict[str, Path_]
    description: str = ""
    records: tuple[str, ...] = ()
    time: TimeRule | None = None
    line: tuple[LineRule, ...] = ()
    values: dict[str, dict[str, str]] = {}
    ignore: Ignored = Ignored()
    sequence: Literal["session", "log"] | None = None
    kinds: tuple[Kind, ...] = ()
    session: str | None = None
    ordered: bool = False
    complete: bool = False

    @property
    def header(self) -> Header:
        """The header that a log of ours with the same lines would have."""
        kinds: Any = frozenset(self.kinds or [rule.kind for rule in self.line] or REQUIRED)
        complete = self.complete or self.sequence is not None
        return Header(agent=self.name, kinds=kinds, sequence=self.sequence, ordered=self.ordered, complete=complete)


def shipped() -> dict[str, str]:
    """The mappings that come with this package: name → what it is for."""
    folder = resources.files("everyturn.formats") / "mappings"
    texts = {each.name.removesuffix(".toml"): each.read_text(encoding="utf-8") for each in folder.iterdir()}
    return {name: str(tomllib.loads(text)["description"]) for name, text in sorted(texts.items())}


def load(source: str) -> Mapping:
    """The mapping in a file, or the shipped one of that name. Raises :class:`UsageError` with what is wrong."""
    path = Path(source)
    try:
        if not path.suffix and not path.exists():
            text = (resources.files("everyturn.formats") / "mappings" / f"{source}.toml").read_text(encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"mapping {source!r}: expected a TOML file or one of {', '.join(shipped())}") from None
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise UsageError(f"mapping {source!r}: expected a TOML file; found {reason}") from error
    return parse(text, source)


def parse(text: str, name: str) -> Mapping:
    """The mapping in a TOML text; ``name`` stands in errors."""
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"mapping {name}: expected TOML; found: {error}") from error
    _check_kinds(found, name)
    if missing := [each for each in ("name", "fields") if each not in found]:
        raise UsageError(f"mapping {name}: expected `name` and [fields]; found no {' and no '.join(missing)}")
    try:
        mapping = msgspec.convert(found, Mapping)
    except (msgspec.ValidationError, RecursionError) as error:
        raise UsageError(f"mapping {name}: expected what docs/instrumentation.md says; found: {error}") from error
    _check(mapping, name)
    return mapping


def _check_kinds(found: dict[str, Any], name: str) -> None:
    """Kinds of line that do not exist, with their place; what has not even the form is left to the conversion."""
    kinds, lines = found.get("kinds"), found.get("line")
    named = [("kinds", each) for each in kinds] if isinstance(kinds, list) else []
    for number, line in enumerate(lines if isinstance(lines, list) else (), start=1):
        if isinstance(line, dict) and "kind" in line:
            named.append((f"[[line]] number {number}", line["kind"]))
    for where, kind in named:
        if not isinstance(kind, str) or kind not in KINDS:
            raise UsageError(f"mapping {name}: expected a kind, one of {', '.join(KINDS)}; found {kind!r} in {where}")


def _check(mapping: Mapping, name: str) -> None:
    """What a mapping must be beyond its form."""
    if "session" not in mapping.fields and mapping.session is None:
        raise UsageError(f"mapping {name}: expected `session`, a field in [fields] or a constant")
    if "kind" not in mapping.fields and not ("message" in mapping.fields and mapping.line):
        raise UsageError(f"mapping {name}: expected [fields] `kind`, or [fields] `message` and [[line]] tables")
    known = _MAPPED | {"kind", "message"}
    named = [*mapping.fields, *mapping.values]
    for rule in mapping.line:
        named += [*rule.fields, *rule.set, *rule.values]
    if unknown := set(named) - known:
        raise UsageError(f"mapping {name}: expected fields among {', '.join(sorted(known))}; found {min(unknown)!r}")
    for rule in mapping.line:
        if (rule.message is None) == (rule.pattern is None):
            raise UsageError(f"mapping {name}: a [[line]] of kind {rule.kind}: expected either `message` or `pattern`")
    for pattern in (*mapping.ignore.patterns, *(rule.pattern for rule in mapping.line if rule.pattern is not None)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(
                f"mapping {name}: pattern {pattern!r}: expected a regular expression; found: {error}"
            ) from error


def find(record: object, path: Path_) -> object:
    """What stands at ``path``, none if nothing does. OpenTelemetry's values are unpacked."""
    for step in (path,) if isinstance(path, str) else path:
        if isinstance(record, dict):
            record = record.get(step)
        elif isinstance(record, list):
            pairs = (each for each in record if isinstance(each, dict))
            record = next((each.get("value") for each in pairs if each.get("key") == step), None)
        else:
            return None
        record = _unpacked(record)
    return record


_ANY_VALUE: Final = ("stringValue", "intValue", "boolValue", "doubleValue")


def _unpacked(value: object) -> object:
    """An OTLP ``AnyValue`` as the value that it holds; ``intValue`` is a string there (proto3 JSON mapping)."""
    if isinstance(value, dict) and len(value) == 1:
        (name,) = value
        if name in _ANY_VALUE:
            return value[name]
    return value


def seconds(value: object, unit: Unit) -> float | None:
    """A time in seconds; none if it cannot be read."""
    try:
        if unit == "rfc3339":
            moment = datetime.fromisoformat(str(value))
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        number = float(value)  # type: ignore[arg-type]
    except (ValueError, TypeError, OverflowError, OSError):
        return None
    return number * _FACTORS[unit] if abs(number) < 1e30 else None


@dataclass(slots=True)
class Coverage:
    """What a mapping made of a log: how many lines of which kind, and what it could not map, with some line numbers."""

    mapped: dict[str, int] = field(default_factory=dict)
    ignored: int = 0
    unknown: dict[str, list[int]] = field(default_factory=dict)
    """Messages without a rule: how many, and the first lines."""

    def miss(self, message: str, number: int) -> None:
        """One more line without a rule."""
        if message in self.unknown or len(self.unknown) < 1000:
            found = self.unknown.setdefault(message, [0])
            found[0] += 1
            if len(found) <= 5:
                found.append(number)

    def report(self, path: Path, mapping: str, faults: Sequence[Fault]) -> dict[str, Any]:
        """All of this as plain data; ``never`` are required kinds of which there was no line."""
        ordered = sorted(self.unknown.items(), key=lambda each: -each[1][0])
        return {
            "file": str(path),
            "mapping": mapping,
            "mapped": dict(sorted(self.mapped.items())),
            "never": sorted(REQUIRED - set(self.mapped)),
            "ignored": self.ignored,
            "unmapped": {message: {"count": found[0], "lines": found[1:]} for message, found in ordered},
            "faults": [{"line": fault.line, "expected": fault.expected, "found": fault.found} for fault in faults],
        }


_NOTE: Final = LineRule(kind="note")


class MappedReader:
    """Reads a foreign log through a mapping. Lines without a rule are counted in ``coverage`` and left out.

    Lines that have a rule and lack what it needs are handed to ``fault``.
    """

    def __init__(self, file: LogFile, fault: Callable[[Fault], None], mapping: Mapping) -> None:
        self.header = mapping.header
        self.coverage = Coverage()
        self._file, self._fault, self._mapping = file, fault, mapping
        self._exact = {rule.message: rule for rule in mapping.line if rule.message is not None}
        self._patterns = [(re.compile(rule.pattern), rule) for rule in mapping.line if rule.pattern is not None]
        self._ignored = frozenset(mapping.ignore.messages)
        self._ignored_patterns = [re.compile(pattern) for pattern in mapping.ignore.patterns]
        self._common = tuple((ours, theirs) for ours, theirs in mapping.fields.items() if ours in _MAPPED)

    def __iter__(self) -> Iterator[Placed]:
        decode = msgspec.json.Decoder().decode
        for number, raw in self._file.lines(self._fault):
            try:
                found = decode(raw)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                if raw.strip():
                    self._fault(self._file.undecodable(number, raw, error, "a JSON object"))
                continue
            for record in _records(found, self._mapping.records):
                line = self._line(record, number, raw)
                if line is not None:
                    yield Placed(number, line)

    def _line(self, record: object, number: int, raw: bytes) -> Line | None:
        if not isinstance(record, dict):
            self._fault(Fault(self._file.path, number, "a JSON object", quote(raw)))
            return None
        rule = self._rule(record, number)
        if rule is None:
            return self._note(record)
        line = self._convert(record, rule, number)
        if line is not None:
            self.coverage.mapped[line.kind] = self.coverage.mapped.get(line.kind, 0) + 1
        return line

    def _note(self, record: dict[str, Any]) -> Line | None:
        """A line that means nothing to us may still take a number of the sequence."""
        if self._mapping.sequence is None or "sequence" not in self._mapping.fields:
            return None
        number = self._word("sequence", find(record, self._mapping.fields["sequence"]), _NOTE)
        session = self._mapping.session or find(record, self._mapping.fields["session"])
        if self._mapping.sequence == "log" and session is None:
            session = "-"
        try:
            return msgspec.convert({"kind": "note", "session": session, "sequence": number}, Line)
        except msgspec.ValidationError:
            return None

    def _rule(self, record: dict[str, Any], number: int) -> LineRule | None:
        """The rule for a record, from its kind or its message; none if it has none."""
        own = find(record, self._mapping.fields["kind"]) if "kind" in self._mapping.fields else None
        if isinstance(own, str):
            word = self._mapping.values.get("kind", {}).get(own, own)
            if word in get_args(Kind):
                return LineRule(kind=word)  # type: ignore[arg-type]
        message = find(record, self._mapping.fields["message"]) if "message" in self._mapping.fields else own
        text = message if isinstance(message, str) else ""
        rule = self._exact.get(text)
        if rule is None:
            rule = next((each for pattern, each in self._patterns if pattern.search(text)), None)
        if rule is None:
            if text in self._ignored or any(pattern.search(text) for pattern in self._ignored_patterns):
                self.coverage.ignored += 1
            else:
                self.coverage.miss(text, number)
        return rule

    def _convert(self, record: dict[str, Any], rule: LineRule, number: int) -> Line | None:
        fields: dict[str, Any] = {"kind": rule.kind, "session": self._mapping.session}
        for ours, theirs in (*self._common, *rule.fields.items()):
            value = find(record, theirs)
            if value is not None and value != "":
                fields[ours] = self._word(ours, value, rule)
        fields |= rule.set
        if self._mapping.time is not None:
            fields["time"] = seconds(find(record, self._mapping.time.field), self._mapping.time.unit)
        try:
            line = msgspec.convert(fields, Line)
        except msgspec.ValidationError as error:
            self._fault(Fault(self._file.path, number, f"what a `{rule.kind}` line needs", str(error)))
            return None
        missing = lacking(line)
        if missing is not None:
            self._fault(Fault(self._file.path, number, missing, "a line without it"))
            return None
        return line

    def _word(self, ours: str, value: object, rule: LineRule) -> object:
        if ours == "sequence":
            return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 19 else value
        text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        return rule.values.get(ours, self._mapping.values.get(ours, {})).get(text, text)


def _records(found: object, path: Sequence[str]) -> Iterator[object]:
    """The records in one line: itself, or what stands in the lists within lists that ``path`` leads to."""
    if not path:
        yield found
        return
    inside = found.get(path[0]) if isinstance(found, dict) else None
    if not isinstance(inside, list):
        yield None
        return
    for each in inside:
        yield from _records(each, path[1:])
