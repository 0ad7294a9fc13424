"""The message store in SQLite: sessions and messages, read and written in worker threads, one at a time."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.calls import Call, Context, Fault, StepEnd, StreamResult
from everyturn_impl.errors import AgentError, Cancelled, StoreError

T = TypeVar("T")

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS sessions (
    id TEXT PRIMARY KEY,
    title TEXT,
    summary INTEGER REFERENCES messages (id)
);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL REFERENCES sessions (id),
    role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
    text TEXT NOT NULL DEFAULT '',
    finish TEXT CHECK (finish IN ('end of turn', 'tool use', 'cancelled', 'error'))
);
CREATE INDEX IF NOT EXISTS messages_of_session ON messages (session);
"""

END_OF_TURN: Final = "end of turn"
TOOL_USE: Final = "tool use"
CANCELLED: Final = "cancelled"
ERROR: Final = "error"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message. ``finish``, the finish reason, is none for user messages and for unfinished ones."""

    id: str
    role: str
    text: str
    finish: str | None


class Database:
    """One connection to the database file, used by one worker thread at a time. ``:memory:`` is a path, too."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    async def open(cls, path: str | Path) -> Database:
        """Open or create the database. Raises :class:`sqlite3.Error`."""
        return cls(await asyncio.to_thread(cls._connect, path))

    @staticmethod
    def _connect(path: str | Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False)
        try:
            connection.executescript(SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What ``work`` returns, in a transaction: all of it is done or nothing. Raises :class:`sqlite3.Error`."""
        return await asyncio.to_thread(self._run, work)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock, self._connection:
            return work(self._connection)

    async def close(self) -> None:
        """Wait for the work that is under way and close the connection."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            self._connection.close()


@dataclass(slots=True)
class _Draft:
    """The message that a turn or a summary is writing."""

    message: str
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.pieces)


class SqliteStore:
    """One session's message store, and the drafts of what is being streamed.

    Operations raise :class:`StoreError` when the database fails and :class:`Cancelled` when their context is cancelled
    before they begin. A failed create leaves nothing behind. A failed update is kept and written by the next update of
    the same row, or by :meth:`flush`.
    """

    def __init__(self, database: Database, session: str, contexts: CancellableContexts) -> None:
        self._database = database
        self._session = session
        self._contexts = contexts
        self._drafts: dict[tuple[str, ...], _Draft] = {}
        self._unwritten: dict[tuple[str, str], dict[str, str | None]] = {}

    # reading -----------------------------------------------------------------------------------------------------

    async def read(self, context: Context, owner: str) -> bool:
        """Whether the session has messages."""
        return bool(await self._run(context, owner, self._select_history))

    async def history(self) -> tuple[Message, ...]:
        """The conversation, as the next request to a model sees it: from the latest summary on."""
        return await self._run(None, None, self._select_history)

    async def messages(self) -> tuple[Message, ...]:
        """All messages of the session, oldest first."""
        return await self._run(None, None, self._select_messages)

    async def title(self) -> str | None:
        """The session's title, if it has one."""
        select = "SELECT title FROM sessions WHERE id = ?"
        rows = await self._run(None, None, lambda db: db.execute(select, (self._session,)).fetchall())
        return rows[0][0] if rows else None

    @property
    def unwritten(self) -> int:
        """How many rows have updates that failed and wait for a flush."""
        return len(self._unwritten)

    def _select_messages(self, db: sqlite3.Connection) -> tuple[Message, ...]:
        select = "SELECT id, role, text, finish FROM messages WHERE session = ? ORDER BY id"
        rows = db.execute(select, (self._session,))
        return tuple(Message(str(number), role, text, finish) for number, role, text, finish in rows)

    def _select_history(self, db: sqlite3.Connection) -> tuple[Message, ...]:
        row = db.execute("SELECT summary FROM sessions WHERE id = ?", (self._session,)).fetchone()
        first = 0 if row is None or row[0] is None else int(row[0])
        return tuple(each for each in self._select_messages(db) if int(each.id) >= first)

    # the messages of turns ---------------------------------------------------------------------------------------

    async def write_user(self, context: Context | None, call: Call, by: str, turn: Context | None) -> None:
        """Write the user message of ``call``; a failure is the turn's, if there is one."""
        owner = call.prompt if turn is None else turn.prompt
        await self._insert(context, owner, "user", call.text, None)

    async def create_assistant(self, context: Context | None, turn: Context, number: int) -> str:
        """Create the assistant message of a step and begin its draft; the message's identifier."""
        message = await self._insert(context, turn.prompt, "assistant", "", None)
        self._drafts[turn.path] = _Draft(message)
        return message

    async def read_usage(self, context: Context, turn: Context, message: str) -> None:
        """Read the session's row. This store counts no tokens: what matters is that the database can be read."""
        select = "SELECT summary FROM sessions WHERE id = ?"
        await self._run(context, turn.prompt, lambda db: db.execute(select, (self._session,)).fetchone())

    async def save_usage(self, context: Context, turn: Context, message: str) -> None:
        """Write the session's row. This store counts no tokens: what matters is that the database can be written."""
        await self._run(context, turn.prompt, self._ensure_session)

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        """Store text and finish reason of a step that ended well."""
        finish = TOOL_USE if result.how is StepEnd.TOOL else END_OF_TURN
        self._drafts.pop(turn.path, None)
        await self._update_message(turn, turn.prompt, message, {"text": result.text, "finish": finish})

    async def read_results(self, turn: Context, message: str) -> None:
        """Read the session's messages. This store keeps no tool calls: none lacks a result."""
        await self._run(None, turn.prompt, self._select_messages)

    async def finish_turn(self, turn: Context, message: str, fault: Fault) -> None:
        """Store, detached, what was streamed of ``message`` and that it ended in ``fault``."""
        fields: dict[str, str | None] = {"finish": CANCELLED if fault.kind == Cancelled.kind else ERROR}
        draft = self._drafts.pop(turn.path, None)
        if draft is not None:
            fields["text"] = draft.text
        await self._update_message(None, turn.prompt, message, fields)

    async def record_cancelled(self, call: Call) -> None:
        """Write, detached, an empty assistant message that is finished as cancelled."""
        await self._insert(None, call.prompt, "assistant", "", CANCELLED)

    # drafts: what the model streams ------------------------------------------------------------------------------

    def begin_text(self, context: Context) -> None:
        """A stream for the message that ``context`` is writing begins, perhaps again."""
        if context.path in self._drafts:
            self._drafts[context.path].pieces.clear()

    def add_text(self, context: Context, piece: str) -> None:
        """The stream brought a further piece of text."""
        if context.path in self._drafts:
            self._drafts[context.path].pieces.append(piece)

    def forget(self, context: Context) -> None:
        """No turn or summary below ``context`` is left: drop drafts that none of them finished."""
        length = len(context.path)
        self._drafts = {path: draft for path, draft in self._drafts.items() if path[:length] != context.path}

    # summaries and the session -----------------------------------------------------------------------------------

    async def create_summary(self, summary: Context, context: Context | None = None) -> None:
        """Create the summary's message, under ``context``, and begin its draft."""
        message = await self._insert(context, _owner(summary), "assistant", "", None)
        self._drafts[summary.path] = _Draft(message)

    async def finish_summary(self, summary: Context) -> None:
        """Store the finished summary."""
        draft = self._drafts[summary.path]
        fields: dict[str, str | None] = {"text": draft.text, "finish": END_OF_TURN}
        await self._update_message(summary, _owner(summary), draft.message, fields)

    async def save_session(self, summary: Context) -> None:
        """Let the conversation begin with the summary from now on."""
        draft = self._drafts.pop(summary.path)
        await self._update(summary, _owner(summary), ("sessions", self._session), {"summary": draft.message})

    async def abandon_summary(self, context: Context | None, summary: Context, *, delete: bool) -> None:
        """Delete the summary's message, or store it as failed."""
        message = self._drafts.pop(summary.path).message
        if not delete:
            await self._update_message(context, _owner(summary), message, {"finish": ERROR})
            return
        statement = "DELETE FROM messages WHERE id = ?"
        await self._run(context, _owner(summary), lambda db: db.execute(statement, (message,)))

    async def save_title(self, title: str) -> None:
        """Store the session's title."""
        await self._update(None, None, ("sessions", self._session), {"title": title})

    async def flush(self, owner: str | None) -> None:
        """Write the updates that failed. What fails again is logged and stays."""
        for row, fields in tuple(self._unwritten.items()):
            try:
                await self._update(None, owner, row, fields)
            except StoreError as error:
                _log.warning("update of %s %s failed again and stays buffered: %s", *row, error.__cause__)

    async def flush_under(self, context: Context, owner: str | None) -> None:
        """The same, unless ``context`` is cancelled."""
        if not self._contexts.is_cancelled(context):
            await self.flush(owner)

    # how -----------------------------------------------------------------------------------------------------------

    async def _run(self, context: Context | None, owner: str | None, work: Callable[[sqlite3.Connection], T]) -> T:
        if context is not None and self._contexts.is_cancelled(context):
            raise Cancelled(owner)
        try:
            return await self._database.run(work)
        except sqlite3.Error as error:
            raise StoreError(owner) from error

    def _ensure_session(self, db: sqlite3.Connection) -> None:
        db.execute("INSERT OR IGNORE INTO sessions (id) VALUES (?)", (self._session,))

    async def _insert(
        self, context: Context | None, owner: str | None, role: str, text: str, finish: str | None
    ) -> str:
        def insert(db: sqlite3.Connection) -> str:
            self._ensure_session(db)
            statement = "INSERT INTO messages (session, role, text, finish) VALUES (?, ?, ?, ?)"
            return str(db.execute(statement, (self._session, role, text, finish)).lastrowid)

        return await self._run(context, owner, insert)

    async def _update_message(
        self, context: Context | None, owner: str | None, message: str, fields: dict[str, str | None]
    ) -> None:
        await self._update(context, owner, ("messages", message), fields)

    async def _update(
        self, context: Context | None, owner: str | None, row: tuple[str, str], fields: dict[str, str | None]
    ) -> None:
        """Update a row, together with what earlier updates of it failed to write."""
        fields = {**self._unwritten.pop(row, {}), **fields}
        table, key = row

        def update(db: sqlite3.Connection) -> None:
            self._ensure_session(db)
            columns = ", ".join(f"{column} = ?" for column in fields)
            statement = f"UPDATE {table} SET {columns} WHERE id = ?"  # noqa: S608  names are this module's own
            db.execute(statement, (*fields.values(), key))

        try:
            await self._run(context, owner, update)
        except AgentError:
            self._unwritten[row] = {**fields, **self._unwritten.get(row, {})}
            raise


def _owner(summary: Context) -> str:
    return summary.prompt or summary.name
