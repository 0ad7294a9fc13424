"""The contract of the model's port, with the scripted client behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.calls import Call, Context, Fault, StepEnd, StreamResult
from everyturn_impl.errors import NotConfigured
from everyturn_impl.scripted_model import ScriptedClient, ScriptedStep, StreamGate
from everyturn_impl.sqlite_store import Database, SqliteStore
from everyturn_impl.streaming_model import Client, Request, StreamingModel

WORKSPACE = Context(("workspace",))
CALLER = WORKSPACE.child("s").child("p", "p")
TURN = CALLER.turn("p")
CALL = Call("p", "hello")


@asynccontextmanager
async def a_model(client: Client | None) -> AsyncIterator[tuple[StreamingModel, SqliteStore, CancellableContexts]]:
    """The model of session ``s``, and the store that it writes drafts to."""
    contexts = CancellableContexts()
    database = await Database.open(":memory:")
    try:
        store = SqliteStore(database, "s", contexts)
        yield StreamingModel(client, "s", contexts, store), store, contexts
    finally:
        await database.close()


async def test_a_stream_ends_as_its_script_says() -> None:
    """Step by step, then with a plain answer; words come one by one."""
    steps = [
        ScriptedStep(StepEnd.TOOL, text="let me see", delay=0.0001),
        ScriptedStep(StepEnd.ERROR),
        ScriptedStep(StepEnd.UNAUTHORISED),
        ScriptedStep(text="so much", full=True),
    ]
    async with a_model(ScriptedClient({"p": steps})) as (model, _, _):
        await model.ready("p")
        ends = [await model.end(await model.start(TURN, "p", number)) for number in range(1, 6)]
        expected = [
            StreamResult(StepEnd.TOOL, "let me see"),
            StreamResult(StepEnd.ERROR),
            StreamResult(StepEnd.UNAUTHORISED),
            StreamResult(StepEnd.FINISHED, "so much", full=True),
            StreamResult(StepEnd.FINISHED, "answer to p"),
        ]
        assert expected == ends


async def test_a_cancel_reaches_a_running_stream() -> None:
    """What came until then is in the draft; a stream whose context was cancelled before does not ask the client."""
    gate = StreamGate()
    client = ScriptedClient({"p": [ScriptedStep(text="it was a dark", gate=gate)]})
    async with a_model(client) as (model, store, contexts):
        message = await store.create_assistant(TURN, TURN, 1)
        ending = asyncio.create_task(model.end(await model.start(TURN, "p", 1)))
        await gate.reached()
        await contexts.cancel(CALLER)
        assert StreamResult(StepEnd.CANCELLED) == await ending
        late = await model.start(TURN, "p", 2)
        assert late.cancelled
        assert StreamResult(StepEnd.CANCELLED) == await model.end(late)
        assert client.requests == ["p"]
        await store.finish_turn(TURN, message, Fault("cancelled", "p"))
        assert [each.text for each in await store.messages()] == ["it was a dark"]


async def test_a_client_sees_the_conversation_and_may_lose_its_connection() -> None:
    """A connection that breaks, or a store that does not answer, is a provider error to the turn."""

    class Forgetful(ScriptedClient):
        async def stream(self, request: Request) -> Any:
            history = await request.history()
            yield history[-1].text.upper()
            if request.number == 2:
                raise ConnectionResetError

    async with a_model(Forgetful()) as (model, store, _):
        await store.write_user(CALLER, CALL, "turn", TURN)
        assert (await model.end(await model.start(TURN, "p", 1))).text == "HELLO"
        assert (await model.end(await model.start(TURN, "p", 2))).how == StepEnd.ERROR


async def test_without_a_client_no_model_is_configured() -> None:
    """The error names who asked."""
    async with a_model(None) as (model, _, _):
        with pytest.raises(NotConfigured) as raised:
            await model.ready("p")
        assert raised.value.owner == "p"
        assert (await model.end(await model.start(TURN, "p", 1))).how == StepEnd.ERROR
