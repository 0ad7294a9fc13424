"""The index of a campaign: a SQLite file that has a row for each unit of work that is done, and nothing by halves.

A unit counts when its row is committed, and a row is committed at once. The file has a rollback journal, not a
write-ahead log: so the one file is all that there is of it between two commits (a copy or an upload of it lacks
nothing), and it can be read where nothing can be written. It is locked as long as a campaign writes it. Each row has a
checksum of itself, its name and its campaign.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from everyturn.campaigns.index_format import (
    MOST_BYTES,
    UnitRow,
    UnitRows,
    check_header,
    check_journal,
    check_tables,
    checksum_of,
    create,
    journal_of,
    plan_in,
    readable,
    rows_in,
)
from everyturn.campaigns.plan import Plan
from everyturn.errors import UsageError


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
        return rows_in(self.path, self._database, self.plan)

    def _insert(self, name: str, row: UnitRow) -> None:
        values = (name, row.body, row.trace, checksum_of(self.plan, name, row))
        self._database.execute("INSERT INTO units VALUES (?, ?, ?, ?)", values)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction: all of it is kept, or nothing."""
        self.expect_in_place()
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

    def expect_in_place(self) -> None:
        """Raise :class:`UsageError` if the file is not where it was."""
        if _place(self.path) != self._place:
            found = "another file" if self.path.exists() else "none"
            raise UsageError(
                f"{self.path}: expected the index that this campaign writes; found {found}: it was moved or removed "
                "meanwhile, and what was recorded went with it"
            )


@contextmanager
def opened(path: Path, plan: Plan, connection: type[sqlite3.Connection] = sqlite3.Connection) -> Iterator[Index]:
    """The index of ``plan`` at ``path``, made if it is not there. ``connection``: what writes it.

    Raises :class:`UsageError` if the file is another campaign's, none of ours, in use, or cannot be written.
    """
    if path.exists() and path.stat().st_size:
        check_header(path)
        check_journal(path)
    with _connected(path, f"{path.resolve().as_uri()}?mode=rwc", connection) as database:
        with readable(path):
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute("PRAGMA synchronous = EXTRA")
            database.execute("BEGIN EXCLUSIVE")
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                create(database, plan)
            else:
                check_tables(path, database)
                found = plan_in(path, database)
                if found != plan:
                    raise UsageError(
                        f"{path}: expected the index of this campaign as it is now, with its agents' code (digest "
                        f"{plan.digest}); found that of {found.title!r} (digest {found.digest}). Choose another one "
                        "with --index, and compare the two with `everyturn diff`"
                    )
            database.execute("COMMIT")
        index = Index(path, database, plan)
        yield index
        index.expect_in_place()


def read_index(path: Path) -> tuple[Plan, dict[str, UnitRow]]:
    """The plan and the rows of an index of whoever it may be: opened read-only, and checked as a whole.

    What a campaign that was killed had not committed is taken back in a copy. Raises :class:`UsageError` for anything
    else.
    """
    if not path.is_file():
        raise UsageError(f"{path}: expected a campaign's index; found {'a folder' if path.is_dir() else 'no file'}")
    check_header(path)
    check_journal(path)
    try:
        return _read(path, path, "ro")
    except _Unfinished:
        with TemporaryDirectory() as folder, readable(path):
            copy = Path(folder) / "index"
            shutil.copyfile(path, copy)
            shutil.copyfile(journal_of(path), journal_of(copy))
            return _read(path, copy, "rw")


class _Unfinished(Exception):
    """A campaign was killed while it wrote an index: what it had not committed is to be taken back."""


def _read(path: Path, file: Path, mode: str) -> tuple[Plan, dict[str, UnitRow]]:
    """What is in a file, which is called ``path``. Raises :class:`_Unfinished` if it must be written first."""
    with _connected(path, f"{file.resolve().as_uri()}?mode={mode}", sqlite3.Connection) as database, readable(path):
        try:
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError as error:
            if mode == "ro" and error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_READONLY:
                raise _Unfinished from error
            raise
        database.execute("PRAGMA query_only = ON")
        check_tables(path, database)
        plan = plan_in(path, database)
        return plan, rows_in(path, database, plan)


@contextmanager
def _connected(path: Path, uri: str, connection: type[sqlite3.Connection]) -> Iterator[sqlite3.Connection]:
    with readable(path):
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


def _place(path: Path) -> tuple[int, int] | None:
    """Which file lies there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
