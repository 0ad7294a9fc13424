"""The formats by name: which are read, which are written, and how a file's format is told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, ReadingFault, Unreadable, quote
from everyturn.formats.everyturn_log import LogHeader, Placed
from everyturn.printing import printable


class FormatReader(Protocol):
    """What reads a log: its header, and its lines as they come."""

    header: LogHeader

    def __iter__(self) -> Iterator[Placed]: ...


FormatWriter = Callable[[Iterable[Placed], LogHeader], Iterator[bytes]]


class Format(NamedTuple):
    """A format: the module and the name of its reader and writer, as far as there are any, its suffix and schema."""

    reader: str | None
    writer: str | None
    suffixes: tuple[str, ...]
    schema: str | None
    about: str


_HERE: Final = "everyturn.formats"

FORMATS: Final[dict[str, Format]] = {
    "log": Format(
        "everyturn_log:LogReader",
        "everyturn_log:write",
        (".jsonl", ".log"),
        "everyturn/log/1",
        "what any agent can write, JSON lines: docs/instrumentation.md",
    ),
    "trace": Format("everyturn_trace:TraceReader", None, (), "everyturn/trace/1", "our own traces, by `replay -o`"),
    "recording": Format(
        "crush_log:CrushReader", None, (), "crush-dispatch-trace/1", "recordings of the real agent, JSON lines"
    ),
    "itf": Format(
        "itf:ItfReader", "itf:write", (".itf.json", ".itf"), None, "traces of Apalache and Quint, one JSON document"
    ),
    "jepsen": Format(
        "jepsen:JepsenReader",
        "jepsen:write_json",
        (".jepsen.json", ".jepsen"),
        None,
        "Jepsen-style history, JSON lines",
    ),
    "edn": Format("jepsen:JepsenReader", "jepsen:write_edn", (".edn",), None, "Jepsen-style history, EDN"),
    "shiviz": Format(None, "shiviz:write", (".shiviz",), None, "ShiViz, a space-time diagram with vector clocks"),
    "chrome": Format(
        None,
        "chrome:write",
        (".trace.json", ".perfetto", ".perfetto.json"),
        None,
        "Chrome's trace events, for Perfetto",
    ),
    "mermaid": Format(None, "mermaid:write", (".mmd", ".mermaid"), None, "Mermaid, a sequence diagram"),
    "markdown": Format(
        None, "mermaid:write_markdown", (".md",), None, "Markdown with a Mermaid diagram for each session"
    ),
}
"""Every format by its name on the command line. Foreign logs are read through mappings besides."""

_SQUEEZED: Final = (".gz", ".bz2", ".xz", ".zst")


def by_suffix(path: Path) -> str | None:
    """The format that a file's name asks for."""
    name = path.name.lower()
    for suffix in _SQUEEZED:
        name = name.removesuffix(suffix)
    found = [(len(suffix), each) for each, one in FORMATS.items() for suffix in one.suffixes if name.endswith(suffix)]
    return max(found)[1] if found else None


class _Header(msgspec.Struct):
    """So much of a header that its format is known."""

    schema: str


def schema_of(file: LogFile) -> str | None:
    """The schema that the first line of a file names; none if it names none."""
    try:
        return msgspec.json.decode(file.peek(), type=_Header).schema
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def format_of(file: LogFile) -> str:
    """The format of a file, by its header or else by its name. Raises :class:`Unreadable`."""
    schema, named = schema_of(file), by_suffix(file.path)
    for name, format_ in FORMATS.items():
        if schema is not None and schema == format_.schema:
            return name
    if named not in (None, "log"):
        return str(named)
    if schema is not None:
        known = ", ".join(f"`{each.schema}`" for each in FORMATS.values() if each.schema)
        raise Unreadable(ReadingFault(file.path, 1, f"a schema {known}", quote(schema)))
    first = file.peek()
    expected = "a header with a schema" + (" (else name the format with --from or --mapping)" if first else "")
    raise Unreadable(ReadingFault(file.path, 1, expected, quote(first) if first else "an empty file"))


def reader(name: str, file: LogFile, fault: Callable[[ReadingFault], None]) -> FormatReader:
    """The reader of a format, at the beginning of ``file``. Raises :class:`UsageError` if it is only written."""
    found = part(name, "reader", f"{printable(file.path)}: {name!r}")
    made: FormatReader = found(file, fault)
    return made


def written_as(name: str | None, path: Path) -> FormatWriter:
    """The writer of a format, or else of the one that a file's name asks for. Raises :class:`UsageError` if there is
    none."""
    found = name or by_suffix(path)
    if found is None:
        endings = ", ".join(suffix for each in FORMATS.values() if each.writer for suffix in each.suffixes)
        raise UsageError(
            f"{printable(path)}: expected a name that ends in one of {endings}, or --to FORMAT; found neither"
        )
    write: FormatWriter = part(found, "writer", f"{printable(path)}: {found!r}")
    return write


_ONLY: Final = {"reader": ("read", "written"), "writer": ("written", "read")}


def part(name: str, which: str, where: str) -> Any:
    """The ``reader`` or ``writer`` of a format; ``where`` stands in errors. Raises :class:`UsageError` if there is
    none."""
    can, only = _ONLY[which]
    able = ", ".join(each for each, format_ in FORMATS.items() if getattr(format_, which))
    if name not in FORMATS:
        raise UsageError(f"{where}: expected a format, one of {able}; found none of that name")
    if getattr(FORMATS[name], which) is None:
        raise UsageError(f"{where}: expected a format that is {can}, one of {able}; found one that is only {only}")
    module, _, attribute = str(getattr(FORMATS[name], which)).partition(":")
    return getattr(import_module(f"{_HERE}.{module}"), attribute)
