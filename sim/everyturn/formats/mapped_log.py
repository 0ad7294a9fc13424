"""Reads a foreign log through a mapping, and counts what the mapping made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

import msgspec

from everyturn.files.reading import LogFile, ReadingFault, quote
from everyturn.formats.everyturn_log import (
    REQUIRED,
    By,
    EndingWord,
    LineKind,
    LogLine,
    Placed,
    Reason,
    StreamEnding,
    line_of,
)
from everyturn.formats.mapping import MAPPED, LineRule, Mapping, Path_
from everyturn.formats.times import seconds


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


@dataclass(slots=True)
class MappingCoverage:
    """What a mapping made of a log: how many lines of which kind, and what it could not map, with some line numbers."""

    mapped: dict[str, int] = field(default_factory=dict)
    ignored: int = 0
    unknown: dict[str, list[int]] = field(default_factory=dict)
    """Messages without a rule: how many, and the first lines."""
    missed: int = 0
    """How many lines are without a rule."""
    untimed: list[int] = field(default_factory=lambda: [0])
    """Lines whose time cannot be read: how many, and the first lines."""

    @property
    def whole(self) -> bool:
        """Whether everything was mapped or ignored as the mapping says."""
        return not self.missed and not self.untimed[0]

    def miss(self, message: str, number: int) -> None:
        """One more line without a rule."""
        self.missed += 1
        if message in self.unknown or len(self.unknown) < 1000:
            _note(self.unknown.setdefault(message, [0]), number)

    def remark(self) -> str | None:
        """What was left out of a log because the mapping says nothing about it, if anything."""
        said = []
        if self.missed:
            often = sorted(self.unknown, key=lambda message: -self.unknown[message][0])
            more = ", …" if len(often) > 3 else ""
            lines = "1 line" if self.missed == 1 else f"{self.missed:,} lines"
            said.append(
                f"{lines} neither mapped nor ignored "
                f"({', '.join(quote(each) if each else 'no message' for each in often[:3])}{more})"
            )
        if self.untimed[0]:
            said.append(f"no time that can be read in {self.untimed[0]:,} of the mapped lines")
        return f"{'; '.join(said)}: see --check-mapping" if said else None

    def report(self, path: Path, mapping: str, faults: Sequence[ReadingFault], more: int = 0) -> dict[str, Any]:
        """All of this as plain data; ``never`` are required kinds of which there was no line, ``more`` faults were not
        kept."""
        ordered = sorted(self.unknown.items(), key=lambda each: -each[1][0])
        return {
            "file": str(path),
            "mapping": mapping,
            "mapped": dict(sorted(self.mapped.items())),
            "never": sorted(REQUIRED - set(self.mapped)),
            "ignored": self.ignored,
            "unmapped": {message: {"count": found[0], "lines": found[1:]} for message, found in ordered},
            "untimed": {"count": self.untimed[0], "lines": self.untimed[1:]},
            "faults": [{"line": fault.line, "expected": fault.expected, "found": fault.found} for fault in faults],
            "more_faults": more,
        }


def _note(found: list[int], number: int) -> None:
    """One more line: the first number counts them, the others are the first five."""
    found[0] += 1
    if len(found) <= 5:
        found.append(number)


def unmapped(reader: object) -> str | None:
    """What a reader left out because its mapping says nothing about it, if it has a mapping and there is anything."""
    return reader.coverage.remark() if isinstance(reader, MappedReader) else None


_NOTE: Final = LineRule(kind="note")


class MappedReader:
    """Reads a foreign log through a mapping. Lines without a rule are counted in ``coverage`` and left out.

    Lines that have a rule and lack what it needs are handed to ``fault``.
    """

    def __init__(self, file: LogFile, fault: Callable[[ReadingFault], None], mapping: Mapping) -> None:
        self.header = mapping.header
        self.coverage = MappingCoverage()
        self._file, self._fault, self._mapping = file, fault, mapping
        self._exact = {rule.message: rule for rule in mapping.line if rule.message is not None}
        self._patterns = [(re.compile(rule.pattern), rule) for rule in mapping.line if rule.pattern is not None]
        self._ignored = frozenset(mapping.ignore.messages)
        self._ignored_patterns = [re.compile(pattern) for pattern in mapping.ignore.patterns]
        self._common = tuple((ours, theirs) for ours, theirs in mapping.fields.items() if ours in MAPPED)

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

    def _line(self, record: object, number: int, raw: bytes) -> LogLine | None:
        if not isinstance(record, dict):
            self._fault(ReadingFault(self._file.path, number, "a JSON object", quote(raw)))
            return None
        rule = self._rule(record, number)
        if rule is None:
            return self._note(record)
        line = self._convert(record, rule, number)
        if line is not None:
            self.coverage.mapped[line.kind] = self.coverage.mapped.get(line.kind, 0) + 1
        return line

    def _note(self, record: dict[str, Any]) -> LogLine | None:
        """A line that means nothing to us may still take a number of the sequence."""
        if self._mapping.sequence is None or "sequence" not in self._mapping.fields:
            return None
        number = self._word("sequence", find(record, self._mapping.fields["sequence"]), _NOTE)
        session = self._mapping.session or find(record, self._mapping.fields["session"])
        if self._mapping.sequence == "log" and session is None:
            session = "-"
        try:
            return msgspec.convert({"kind": "note", "session": session, "sequence": number}, LogLine)
        except msgspec.ValidationError:
            return None

    def _rule(self, record: dict[str, Any], number: int) -> LineRule | None:
        """The rule for a record, from its kind or its message; none if it has none."""
        own = find(record, self._mapping.fields["kind"]) if "kind" in self._mapping.fields else None
        if isinstance(own, str):
            word = self._mapping.values.get("kind", {}).get(own, own)
            if word in get_args(LineKind):
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

    def _convert(self, record: dict[str, Any], rule: LineRule, number: int) -> LogLine | None:
        fields: dict[str, Any] = {"kind": rule.kind, "session": self._mapping.session}
        for ours, theirs in (*self._common, *rule.fields.items()):
            value = find(record, theirs)
            if value is not None and value != "":
                fields[ours] = self._word(ours, value, rule)
        fields |= rule.set
        if self._mapping.time is not None:
            fields["time"] = seconds(find(record, self._mapping.time.field), self._mapping.time.unit)
            if fields["time"] is None:
                _note(self.coverage.untimed, number)
        line = line_of(fields, lambda error: _misfit(rule.kind, fields, error))
        if isinstance(line, LogLine):
            return line
        self._fault(ReadingFault(self._file.path, number, *line))
        return None

    def _word(self, ours: str, value: object, rule: LineRule) -> object:
        if ours == "sequence":
            return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 19 else value
        text = value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
        return rule.values.get(ours, self._mapping.values.get(ours, {})).get(text, text)


_CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "outcome": get_args(EndingWord),
    "how": get_args(StreamEnding),
    "reason": get_args(Reason),
    "by": get_args(By),
    "sequence": ("a number from 0 on",),
}


def _misfit(kind: str, fields: dict[str, Any], error: msgspec.ValidationError) -> tuple[str, str]:
    """What was expected of which of our fields, and what was found there."""
    named = re.search(r"\$\.(\w+)", str(error))
    if named is None:
        return f"what a `{kind}` line needs", str(error)
    expected = " or ".join(_CHOICES.get(named[1], ("a name of 1 to 200 characters",)))
    found = fields.get(named[1])
    return f"a `{kind}` line with `{named[1]}`, {expected}", "none" if found is None else quote(str(found))


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
