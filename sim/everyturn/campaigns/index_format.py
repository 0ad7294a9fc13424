"""What an index looks like inside, and how a file that says to be one is looked at before anything in it counts."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from everyturn.campaigns.plan import Plan
from everyturn.errors import UsageError

APPLICATION: Final = 0x45566574
"""The application id of the file: ``EVet``."""
VERSION: Final = 1

MOST_BYTES: Final = 4 << 20
"""A longer row is none of ours."""
MOST_HELD: Final = 1 << 30
"""Nor are more bytes in all."""

_SCHEMA: Final = (
    "CREATE TABLE campaign (one INTEGER PRIMARY KEY CHECK (one = 1), plan BLOB NOT NULL)",
    "CREATE TABLE units (name TEXT PRIMARY KEY, body BLOB NOT NULL, trace BLOB, checksum TEXT NOT NULL) WITHOUT ROWID",
)
_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = 100
_JOURNAL: Final = b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7"
"""With this a journal ends that names a file of several databases."""


class UnitRow(NamedTuple):
    """A unit that is done: what came of it as JSON, and a run of it as a compressed trace, if it has one."""

    body: bytes
    trace: bytes | None = None


UnitRows = Mapping[str, UnitRow]
"""Units by their names."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What SQLite says of a file, as an error of the user's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise UsageError(f"{path}: expected an index that nobody writes; found one in use by a campaign") from error
        if "readonly" in str(error) or "unable to open" in str(error):
            raise UsageError(f"{path}: expected an index in a folder that can be written; found: {error}") from error
        raise UsageError(f"{path}: expected an index that can be used; found: {error}") from error
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: expected a whole index; found: {error}") from error


def create(database: sqlite3.Connection, plan: Plan) -> None:
    """Make the tables of an index, within a transaction."""
    database.execute(f"PRAGMA application_id = {APPLICATION}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    for statement in _SCHEMA:
        database.execute(statement)
    database.execute("INSERT INTO campaign VALUES (1, ?)", (msgspec.json.encode(plan),))


def check_header(path: Path) -> None:
    """Raise :class:`UsageError` for a file that is no index of ours, before SQLite is given it."""
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER)
    except OSError as error:
        raise UsageError(f"{path}: expected an index that can be read; found {error.strerror}") from error
    if len(header) < _HEADER or not header.startswith(_MAGIC):
        raise UsageError(f"{path}: expected a campaign's index, a SQLite file; found something else")
    application, version = int.from_bytes(header[68:72], "big"), int.from_bytes(header[60:64], "big")
    if application != APPLICATION:
        raise UsageError(f"{path}: expected a campaign's index; found a SQLite file of another program")
    if version != VERSION:
        raise UsageError(f"{path}: expected an index of version {VERSION}; found {version}")
    if header[18:20] != b"\x01\x01":
        raise UsageError(f"{path}: expected an index with a rollback journal; found one with a write-ahead log")


def check_journal(path: Path) -> None:
    """Raise :class:`UsageError` for a journal beside an index that names another file: SQLite would look for it."""
    journal = journal_of(path)
    try:
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - len(_JOURNAL)))
            end = file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{journal}: expected a journal that can be read; found {error.strerror}") from error
    if end == _JOURNAL:
        raise UsageError(f"{journal}: expected the journal of an index alone; found one that names another file")


def journal_of(path: Path) -> Path:
    """Where SQLite has what is not committed, or not yet taken back after a kill."""
    return path.with_name(f"{path.name}-journal")


def check_tables(path: Path, database: sqlite3.Connection) -> None:
    """Raise :class:`UsageError` for a file whose tables are not exactly ours, or that is damaged."""
    found = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name LIMIT 20").fetchall()
    if tuple(each for (each,) in found) != _SCHEMA:
        raise UsageError(f"{path}: expected the tables of an index and nothing else; found others")
    said = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise UsageError(f"{path}: expected a whole index; found damage: {said!r:.200}")


def plan_in(path: Path, database: sqlite3.Connection) -> Plan:
    """The plan that an index holds. Raises :class:`UsageError` for what is none."""
    found = database.execute("SELECT plan FROM campaign").fetchall()
    try:
        (raw,) = (each for (each,) in found)
        plan: Plan = msgspec.json.decode(_blob(raw), type=Plan)
        plan.shares()
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, UsageError) as error:
        raise UsageError(f"{path}: expected the plan of a campaign; found: {error}") from error
    return plan


def rows_in(path: Path, database: sqlite3.Connection, plan: Plan) -> dict[str, UnitRow]:
    """All units that an index holds. Raises :class:`UsageError` for a row that is not as it was written."""
    found: dict[str, UnitRow] = {}
    held = 0
    with readable(path):
        for name, body, trace, checksum in database.execute("SELECT name, body, trace, checksum FROM units"):
            row = UnitRow(_blob(body), None if trace is None else _blob(trace))
            held += len(row.body) + len(row.trace or b"")
            if not isinstance(name, str) or held > MOST_HELD:
                raise sqlite3.DatabaseError("rows that are none of ours")
            if checksum != checksum_of(plan, name, row):
                raise UsageError(
                    f"{path}: unit {name!r:.100}: expected a row as it was written; found one that was changed"
                )
            found[name] = row
    return found


def _blob(found: Any) -> bytes:
    if not isinstance(found, bytes) or len(found) > MOST_BYTES:
        raise sqlite3.DatabaseError("a row that is none of ours")
    return found


def checksum_of(plan: Plan, name: str, row: UnitRow) -> str:
    """A checksum of a unit, its name and its campaign."""
    parts = (plan.digest.encode(), name.encode(), row.body, row.trace or b"")
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(framed).hexdigest()[:16]
