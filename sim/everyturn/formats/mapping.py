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

A field of theirs is a name, or a list of names that lead into nested objects. In a list of ``{"key", "value"}`` pairs,
as OpenTelemetry has them (OTLP 1.x, ``opentelemetry/proto/common/v1/common.proto``), a name is looked up among the
keys. ``records`` leads to the lists of records that one line may carry. Where a line says its kind in our words
already, ``[fields] kind`` takes the place of all ``[[line]]`` tables.
"""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from everyturn.errors import UsageError
from everyturn.files.reading import Unreadable, text_of
from everyturn.formats.everyturn_log import (
    FIELDS,
    KINDS,
    REQUIRED,
    LineKind,
    LogHeader,
    Promised,
)
from everyturn.formats.times import Unit

Path_ = str | Annotated[tuple[str, ...], Meta(min_length=1)]

MAPPED: Final = frozenset(FIELDS) - {"kind", "time", "snapshot"}
"""Our fields that a mapping may take from anywhere in a line."""


class TimeRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Where the time stands, and what it counts."""

    field: Path_
    unit: Unit = "rfc3339"


class LineRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which message means which kind of line, and what stands elsewhere in it.

    ``fields``: our field = theirs, besides the common ones. ``set``: constants. ``values``: for one of our fields, what
    their words mean in ours.
    """

    kind: LineKind
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

    ``sequence``, ``ordered``, ``complete`` and ``promises`` are those of a
    :class:`~everyturn.formats.everyturn_log.LogHeader`.
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
    kinds: tuple[LineKind, ...] = ()
    session: str | None = None
    ordered: bool = False
    complete: bool = False
    promises: Promised = Promised()

    @property
    def header(self) -> LogHeader:
        """The header that a log of ours with the same lines would have."""
        kinds: Any = frozenset(self.kinds or [rule.kind for rule in self.line] or REQUIRED)
        complete = self.complete or self.sequence is not None
        return LogHeader(
            agent=self.name,
            kinds=kinds,
            sequence=self.sequence,
            ordered=self.ordered,
            complete=complete,
            promises=self.promises,
        )


def shipped() -> dict[str, str]:
    """The mappings that come with this package: name → what it is for."""
    folder = resources.files("everyturn.formats") / "mappings"
    texts = {each.name.removesuffix(".toml"): each.read_text(encoding="utf-8") for each in folder.iterdir()}
    return {name: str(tomllib.loads(text)["description"]) for name, text in sorted(texts.items())}


def load(source: str) -> Mapping:
    """The mapping in a file, or the shipped one of that name. Raises :class:`UsageError` with what is wrong."""
    path = Path(source)
    try:
        if path.exists():
            return parse(text_of(path), source)
        if path.suffix:
            raise FileNotFoundError
        file = resources.files("everyturn.formats") / "mappings" / f"{source}.toml"
        return parse(file.read_text(encoding="utf-8"), source)
    except FileNotFoundError:
        expected = f"expected a TOML file or one of {', '.join(shipped())}"
        raise UsageError(f"mapping {source!r}: {expected}; found no such file") from None
    except Unreadable as error:
        raise UsageError(f"mapping {error}") from error
    except (OSError, ValueError) as error:  # no name that a file can have
        raise UsageError(f"mapping {source!r}: expected a TOML file; found {error}") from error


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
    known = MAPPED | {"kind", "message"}
    named = [*mapping.fields, *mapping.values]
    for rule in mapping.line:
        named += [*rule.fields, *rule.set, *rule.values]
    if unknown := set(named) - known:
        raise UsageError(f"mapping {name}: expected fields among {', '.join(sorted(known))}; found {min(unknown)!r}")
    for rule in mapping.line:
        if (rule.message is None) == (rule.pattern is None):
            raise UsageError(f"mapping {name}: a [[line]] of kind {rule.kind}: expected either `message` or `pattern`")
    messages = [*(rule.message for rule in mapping.line if rule.message is not None), *mapping.ignore.messages]
    if twice := [message for number, message in enumerate(messages) if message in messages[:number]]:
        raise UsageError(
            f"mapping {name}: expected each message once, in a [[line]] or in [ignore]; found {twice[0]!r} twice"
        )
    for pattern in (*mapping.ignore.patterns, *(rule.pattern for rule in mapping.line if rule.pattern is not None)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise UsageError(
                f"mapping {name}: pattern {pattern!r}: expected a regular expression; found: {error}"
            ) from error
