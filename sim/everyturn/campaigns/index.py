"""The index of a campaign: a SQLite file that has a row for each unit of work that is done, and nothing by halves.

A unit counts when its row is committed, and a row is committed at once. The file has a rollback journal, not a
write-ahead log: so the one file is all that there is of it between two commits (a copy or an upload of it lacks
nothing), and it can be read where nothing can be written. It is locked as long as a campaign writes it. Each row has a
checksum of itself, its name and its campaign.
"""

from __future__ import annotations

import contextlib
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

MOST_BYTES: Final = 16 << 20
"""A longer row is none of ours."""
MOST_HELD: Final = 1 << 30
"""Nor are more bytes in all."""

_SCHEMA: Final = (
    "CREATE TABLE campaign (one INTEGER PRIMARY KEY CHECK (one = 1), plan BLOB NOT NULL)",
    "CREATE TABLE units (name TEXT PRIMARY KEY, body BLOB NOT NULL, trace BLOB, checksum TEXT NOT NULL) WITHOUT ROWID",
)
_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = 100


class UnitRow(NamedTuple):
    """A unit that is done: what came of it as JSON, and a run of it as a compressed trace, if it has one."""

    body: bytes
    trace: bytes | None = None


UnitRows = Mapping[str, UnitRow]
"""Units by their names."""


class Index:
    """An open index, which nobody else writes meanwhile. MadeUnit by :func:`opened`."""

    def __init__(self, path: Path, database: sqlite3.Connection, plan: Plan) -> None:
        self.path = path
        self.plan = plan
        self._database = database
        self._place = _place(path)

    def add(self, name: str, row: UnitRow) -> None:
        """Keep a unit that is done. Raises :class:`UsageError` if it cannot be kept, and if it is kept already."""
        with self._writing():
            self._insert(name, row)

    def add_all(self, rows: UnitRows) -> None:
        """Keep units that are done, all or none of them."""
        with self._writing():
            for name, row in rows.items():
                self._insert(name, row)

    def forget(self, names: list[str]) -> None:
        """Remove units that are asked no more."""
        with self._writing():
            self._database.executemany("DELETE FROM units WHERE name = ?", [(name,) for name in names])

    def rows(self) -> dict[str, UnitRow]:
        """All units that are done. Raises :class:`UsageError` for a row that is not as it was written."""
        return _rows(self.path, self._database, self.plan)

    def _insert(self, name: str, row: UnitRow) -> None:
        values = (name, row.body, row.trace, _checksum(self.plan, name, row))
        self._database.execute("INSERT INTO units VALUES (?, ?, ?, ?)", values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all of it is kept, or nothing."""
        if _place(self.path) != self._place:
            found = "another file" if self.path.exists() else "none"
            raise UsageError(
                f"{self.path}: expected the index that this campaign writes; found {found}: it was moved or removed "
                "meanwhile, and what was recorded went with it"
            )
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._database.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise UsageError(f"{self.path}: expected an index that can be written; found: {error}") from error


@contextmanager
def opened(path: Path, plan: Plan, connection: type[sqlite3.Connection] = sqlite3.Connection) -> Iterator[Index]:
    """The index of ``plan`` at ``path``, made if it is not there. ``connection``: what writes it.

    Raises :class:`UsageError` if the file is another campaign's, none of ours, in use, or cannot be written.
    """
    new = not path.exists() or path.stat().st_size == 0
    if not new:
        _check_header(path)
    with _connected(path, f"{path.resolve().as_uri()}?mode=rwc", connection) as database:
        with _readable(path):
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("PRAGMA synchronous = EXTRA")
            database.execute("BEGIN EXCLUSIVE")
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                _create(database, plan)
            else:
                _check(path, database)
                found = _plan(path, database)
                if found != plan:
                    raise UsageError(
                        f"{path}: expected the index of this campaign as it is now, with its agents' code (digest "
                        f"{plan.digest}); found that of {found.title!r} (digest {found.digest}). Choose another one "
                        "with --index, and compare the two with `everyturn diff`"
                    )
            database.execute("COMMIT")
        yield Index(path, database, plan)


def read_index(path: Path) -> tuple[Plan, dict[str, UnitRow]]:
    """The plan and the rows of an index of whoever it may be: opened read-only, and checked as a whole.

    Raises :class:`UsageError` for anything else.
    """
    if not path.is_file():
        raise UsageError(f"{path}: expected a campaign's index; found {'a folder' if path.is_dir() else 'no file'}")
    _check_header(path)
    with _connected(path, f"{path.resolve().as_uri()}?mode=ro", sqlite3.Connection) as database, _readable(path):
        database.execute("PRAGMA query_only = ON")
        database.execute("BEGIN")
        _check(path, database)
        plan = _plan(path, database)
        return plan, _rows(path, database, plan)


@contextmanager
def _connected(path: Path, uri: str, connection: type[sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
    with _readable(path):
        database = sqlite3.connect(
            uri, uri=True, timeout=0, isolation_level=None, factory=connection, check_same_thread=False
        )
        database.execute("PRAGMA trusted_schema = OFF")
        database.execute("PRAGMA cell_size_check = ON")
        database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2 * MOST_BYTES)
    try:
        yield database
    finally:
        with contextlib.suppress(sqlite3.Error):
            database.close()


@contextmanager
def _readable(path: Path) -> Iterator[None]:
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


def _create(database: sqlite3.Connection, plan: Plan) -> None:
    database.execute(f"PRAGMA application_id = {APPLICATION}")
    database.execute(f"PRAGMA user_version = {VERSION}")
    for statement in _SCHEMA:
        database.execute(statement)
    database.execute("INSERT INTO campaign VALUES (1, ?)", (msgspec.json.encode(plan),))


def _check_header(path: Path) -> None:
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


def _check(path: Path, database: sqlite3.Connection) -> None:
    """Raise :class:`UsageError` for a file whose tables are not exactly ours, or that is damaged."""
    found = database.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name LIMIT 20").fetchall()
    if tuple(each for (each,) in found) != _SCHEMA:
        raise UsageError(f"{path}: expected the tables of an index and nothing else; found others")
    said = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        raise UsageError(f"{path}: expected a whole index; found damage: {said!r:.200}")


def _plan(path: Path, database: sqlite3.Connection) -> Plan:
    found = database.execute("SELECT plan FROM campaign").fetchall()
    try:
        (raw,) = (each for (each,) in found)
        plan: Plan = msgspec.json.decode(_blob(raw), type=Plan)
        plan.shares()
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError, UsageError) as error:
        raise UsageError(f"{path}: expected the plan of a campaign; found: {error}") from error
    return plan


def _rows(path: Path, database: sqlite3.Connection, plan: Plan) -> dict[str, UnitRow]:
    found: dict[str, UnitRow] = {}
    held = 0
    with _readable(path):
        for name, body, trace, checksum in database.execute("SELECT name, body, trace, checksum FROM units"):
            row = UnitRow(_blob(body), None if trace is None else _blob(trace))
            held += len(row.body) + len(row.trace or b"")
            if not isinstance(name, str) or held > MOST_HELD:
                raise sqlite3.DatabaseError("rows that are none of ours")
            if checksum != _checksum(plan, name, row):
                raise UsageError(
                    f"{path}: unit {name!r:.100}: expected a row as it was written; found one that was changed"
                )
            found[name] = row
    return found


def _blob(found: Any) -> bytes:
    if not isinstance(found, bytes) or len(found) > MOST_BYTES:
        raise sqlite3.DatabaseError("a row that is none of ours")
    return found


def _checksum(plan: Plan, name: str, row: UnitRow) -> str:
    parts = (plan.digest.encode(), name.encode(), row.body, row.trace or b"")
    framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(framed).hexdigest()[:16]


def _place(path: Path) -> tuple[int, int] | None:
    """Which file lies there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
