"""The contract of the message store, against real SQLite that really fails."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.calls import Call, Context, Fault, StepEnd, StreamResult
from everyturn_impl.errors import Cancelled, StoreError
from everyturn_impl.sqlite_store import Database, Message, SqliteStore

WORKSPACE = Context(("workspace",))
CALLER = WORKSPACE.child("s").child("p", "p")
TURN = CALLER.turn("p")
CALL = Call("p", "hello")
FINISHED = StreamResult(StepEnd.FINISHED, "done")


@asynccontextmanager
async def a_store() -> AsyncIterator[tuple[SqliteStore, Database, CancellableContexts]]:
    """The store of session ``s`` in a database in memory."""
    contexts = CancellableContexts()
    database = await Database.open(":memory:")
    try:
        yield SqliteStore(database, "s", contexts), database, contexts
    finally:
        await database.close()


async def execute(database: Database, statement: str) -> None:
    await database.run(lambda db: db.execute(statement))


async def break_writes(database: Database, kind: str, table: str = "messages") -> None:
    """Let every INSERT, UPDATE or DELETE fail."""
    trigger = f"CREATE TRIGGER broken BEFORE {kind} ON {table} BEGIN SELECT RAISE(ABORT, 'disk on fire'); END"
    await execute(database, trigger)


async def mend_writes(database: Database) -> None:
    await execute(database, "DROP TRIGGER broken")


async def test_a_turn_is_stored_message_by_message() -> None:
    """With role, text and finish reason; the session has messages from the first write on."""
    async with a_store() as (store, _, _):
        assert not await store.read(CALLER, "p")
        await store.write_user(CALLER, CALL, "turn", TURN)
        assert await store.read(CALLER, "p")
        first = await store.create_assistant(TURN, TURN, 1)
        await store.finish_step(TURN, first, StreamResult(StepEnd.TOOL, "let me see"))
        second = await store.create_assistant(TURN, TURN, 2)
        await store.finish_step(TURN, second, FINISHED)
        await store.record_cancelled(CALL)
        expected = (
            Message("1", "user", "hello", None),
            Message("2", "assistant", "let me see", "tool use"),
            Message("3", "assistant", "done", "end of turn"),
            Message("4", "assistant", "", "cancelled"),
        )
        assert expected == await store.messages() == await store.history()


@pytest.mark.parametrize(("kind", "finish"), [("cancelled", "cancelled"), ("provider", "error")])
async def test_what_was_streamed_of_a_broken_off_turn_is_stored(kind: str, finish: str) -> None:
    """Detached: the turn's own cancellation does not reach that write. A second stream begins the text anew."""
    async with a_store() as (store, _, contexts):
        message = await store.create_assistant(TURN, TURN, 1)
        store.begin_text(TURN)
        store.add_text(TURN, "refused")
        store.begin_text(TURN)
        store.add_text(TURN, "it was ")
        store.add_text(TURN, "a dark")
        await contexts.cancel(TURN)
        await store.finish_turn(TURN, message, Fault(kind, "p"))
        assert (Message("1", "assistant", "it was a dark", finish),) == await store.messages()


async def test_a_cancelled_context_stops_writes_and_reads() -> None:
    """Detached operations go on."""
    async with a_store() as (store, _, contexts):
        await contexts.cancel(CALLER)
        with pytest.raises(Cancelled):
            await store.read(CALLER, "p")
        with pytest.raises(Cancelled):
            await store.write_user(CALLER, CALL, "turn", TURN)
        with pytest.raises(Cancelled):
            await store.create_assistant(TURN, TURN, 1)
        assert await store.messages() == ()
        await store.write_user(None, CALL, "cancel_on_entry", None)
        assert len(await store.messages()) == 1


async def test_a_failed_create_leaves_nothing_behind() -> None:
    """It raises with the turn's name, whoever's message it was; a flush brings nothing to light."""
    async with a_store() as (store, database, _):
        await break_writes(database, "INSERT")
        with pytest.raises(StoreError) as raised:
            await store.write_user(TURN, Call("folded", "me too"), "fold", TURN)
        assert Fault("store", "p") == raised.value.fault
        await mend_writes(database)
        await store.flush("p")
        assert (store.unwritten, await store.messages()) == (0, ())


async def test_a_failed_update_is_stored_by_the_next_flush() -> None:
    """A flush that fails as well does not raise and keeps it."""
    async with a_store() as (store, database, _):
        message = await store.create_assistant(TURN, TURN, 1)
        await break_writes(database, "UPDATE")
        with pytest.raises(StoreError):
            await store.finish_step(TURN, message, FINISHED)
        await store.flush("p")
        assert (store.unwritten, (await store.messages())[0].text) == (1, "")
        await mend_writes(database)
        await store.flush("p")
        assert (Message("1", "assistant", "done", "end of turn"),) == await store.messages()
        assert store.unwritten == 0


async def test_a_later_update_takes_the_failed_one_with_it() -> None:
    """So that a flush never brings old values back."""
    async with a_store() as (store, _, contexts):
        message = await store.create_assistant(TURN, TURN, 1)
        await contexts.cancel(TURN)
        with pytest.raises(Cancelled):
            await store.finish_step(TURN, message, FINISHED)
        await store.finish_turn(TURN, message, Fault("cancelled", "p"))
        await store.flush("p")
        assert (Message("1", "assistant", "done", "cancelled"),) == await store.messages()


async def test_a_summary_is_where_the_conversation_begins() -> None:
    """The messages before it stay in the store."""
    async with a_store() as (store, _, _):
        summary = CALLER.summary()
        await store.write_user(CALLER, CALL, "turn", TURN)
        await store.create_summary(summary)
        store.add_text(summary, "in short")
        await store.finish_summary(summary)
        await store.save_session(summary)
        expected = Message("2", "assistant", "in short", "end of turn")
        assert (expected,) == await store.history()
        assert len(await store.messages()) == 2


@pytest.mark.parametrize(("delete", "finishes"), [(True, []), (False, ["error"])])
async def test_an_abandoned_summary_is_deleted_or_stored_as_failed(delete: bool, finishes: list[str]) -> None:
    """After a cancellation, and after an error."""
    async with a_store() as (store, _, _):
        summary = CALLER.summary()
        await store.create_summary(summary)
        await store.abandon_summary(CALLER, summary, delete=delete)
        assert finishes == [message.finish for message in await store.messages()]


async def test_sessions_share_a_database_file_that_outlives_them(tmp_path: Path) -> None:
    """Each sees its own messages; the loop is never blocked by another's write."""
    counts = []
    for _ in range(2):
        database = await Database.open(tmp_path / "messages.db")
        stores = [SqliteStore(database, name, CancellableContexts()) for name in "ab"]
        await asyncio.gather(*(each.write_user(CALLER, CALL, "turn", None) for each in stores * 3))
        await stores[0].save_title("a title")
        assert [await each.title() for each in stores] == ["a title", None]
        counts += [len(await each.messages()) for each in stores]
        await database.close()
    assert counts == [3, 3, 6, 6]


async def test_a_closed_or_foreign_database_is_a_store_error(tmp_path: Path) -> None:
    """What SQLite says is the cause; a file that is no database cannot be opened."""
    async with a_store() as (store, database, _):
        await database.close()
        with pytest.raises(StoreError) as raised:
            await store.read(CALLER, "p")
        assert isinstance(raised.value.__cause__, sqlite3.Error)
    (tmp_path / "foreign").write_text("no database, for certain" * 50)
    with pytest.raises(sqlite3.Error):
        await Database.open(tmp_path / "foreign")
