"""The rules that the seed commit's own tests state, on asyncio: real tasks, SQLite, broker and a gated model."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from everyturn_impl.broker import AgentFailed, PromptCompleted, Subscription
from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.revisions.d4_independent import Independent
from everyturn_impl.scripted_model import ScriptedClient, ScriptedStep, StreamGate
from everyturn_impl.server import Server
from everyturn_impl.workspace import OpenSession, Workspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TURN = Context(("workspace", "s", "host", "host"), "host")
BOTH = pytest.mark.parametrize("revision", ["d4-independent", "hardened"])


@asynccontextmanager
async def a_session(
    revision: str = "d4-independent", client: ScriptedClient | None = None, *, direct: bool = False
) -> AsyncIterator[tuple[Workspace, OpenSession, Subscription]]:
    """A workspace with one session ``s`` and a subscriber to everything."""
    async with Workspace(":memory:", client or ScriptedClient(), revision=revision, direct=direct) as workspace:
        with workspace.subscribe() as events:
            yield workspace, workspace.inside("s"), events


async def give_way() -> None:
    """Let a task that was just created run until it has to wait."""
    await asyncio.sleep(0)


def queued(prompt: str, sequence: int, run_id: str | None = None) -> Call:
    return Call(prompt, f"text of {prompt}", run_id, sequence=sequence)


def prompts(calls: tuple[Call, ...]) -> tuple[str, ...]:
    return tuple(call.prompt for call in calls)


def cancelled(prompt: str, run_id: str) -> PromptCompleted:
    return PromptCompleted("s", Completion(prompt, run_id, cancelled=True))


async def drain(session: OpenSession) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The prompts that a drain drops, and those that it folds."""
    assert isinstance(session.agent, Independent)
    dropped, folded = await session.agent.drain(TURN)
    return prompts(dropped), prompts(folded)


# what a drain does -----------------------------------------------------------------------------------------------


async def test_a_drain_judges_each_call_by_its_accept_sequence() -> None:
    """A call up to the mark, or without sequence, is dropped; a later one is folded; nothing stays."""
    async with a_session() as (_, session, _):
        await session.queue.set((queued("before", 1), queued("at", 2), queued("after", 3), queued("untracked", 0)))
        await session.mark.set(2)
        assert await drain(session) == (("before", "at", "untracked"), ("after",))
        assert await session.queue.get() == ()


async def test_a_drain_filters_under_the_dispatch_mutex() -> None:
    """While somebody has the mutex a drain reads nothing, and it sees the mark as it is when it gets the mutex."""
    async with a_session() as (_, session, _):
        await session.queue.set((queued("follow", 1),))
        await session.mutex.lock()
        draining = asyncio.create_task(drain(session))
        await give_way()
        assert prompts(await session.queue.get()) == ("follow",)
        await session.mark.set(1)
        await session.mutex.unlock()
        assert await draining == (("follow",), ())
        assert not session.mutex.locked


async def test_without_a_mark_every_call_without_run_id_is_folded() -> None:
    """No cancel: nothing is dropped."""
    async with a_session() as (_, session, _):
        await session.queue.set((queued("a", 0), queued("b", 5)))
        assert await drain(session) == ((), ("a", "b"))


async def test_calls_with_a_run_id_stay_queued() -> None:
    """They keep their order; calls without run id around them are folded."""
    async with a_session() as (_, session, _):
        await session.queue.set((queued("f", 1), queued("k", 2, "rk"), queued("g", 3), queued("l", 4, "rl")))
        assert await drain(session) == ((), ("f", "g"))
        assert prompts(await session.queue.get()) == ("k", "l")


async def test_covered_calls_with_a_run_id_are_reported_as_dropped() -> None:
    """A later call with run id stays; what is dropped is for the caller to tell."""
    async with a_session() as (_, session, events):
        await session.queue.set((queued("gone", 1, "rg"), queued("mute", 1), queued("stays", 5, "rs")))
        await session.mark.set(2)
        assert await drain(session) == (("gone", "mute"), ())
        assert prompts(await session.queue.get()) == ("stays",)
        assert events.take_all() == ()


async def test_a_drop_at_a_step_publishes_one_cancelled_completion() -> None:
    """For the dropped call with run id exactly one, for the one without none."""
    async with a_session() as (_, session, events):
        assert isinstance(session.agent, Independent)
        await session.queue.set((queued("gone", 1, "rg"), queued("mute", 1)))
        await session.mark.set(2)
        await session.agent.take_in_queue(TURN)
        assert (cancelled("gone", "rg"),) == events.take_all()
        assert await session.store.messages() == ()


# turns, one behind the other --------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("direct", [False, True])
async def test_a_queued_prompt_with_run_id_gets_its_own_turn_and_completion(revision: str, direct: bool) -> None:
    """The turn that hands off completes as well, each with its own message and text; nothing is folded."""
    gate = StreamGate()
    client = ScriptedClient({"main": [ScriptedStep(text="first", gate=gate)], "follow": [ScriptedStep(text="second")]})
    async with a_session(revision, client, direct=direct) as (workspace, session, events):
        running = asyncio.create_task(workspace.run("s", "the main one", "rm", prompt="main"))
        await gate.reached()
        await workspace.run("s", "the next one", "rf", prompt="follow")  # busy: queued, and back at once
        assert prompts(await session.queue.get()) == ("follow",)
        gate.open()
        await running
        assert Completion("main", "rm", "2", "first") == await workspace.wait("rm")
        assert Completion("follow", "rf", "4", "second") == await workspace.wait("rf")
        assert len(events.take_all()) == 2
        told = [(each.role, each.text) for each in await session.store.messages()]
        assert told == [
            ("user", "the main one"),
            ("assistant", "first"),
            ("user", "the next one"),
            ("assistant", "second"),
        ]


@BOTH
async def test_cancel_completes_a_queued_prompt_with_run_id_as_cancelled(revision: str) -> None:
    """Exactly one completion; a queued prompt without run id goes silently; the queue is empty."""
    async with a_session(revision) as (workspace, session, events):
        await session.queue.set((queued("mute", 1), queued("waiting", 2, "rw")))
        await workspace.cancel("s")
        assert (cancelled("waiting", "rw"),) == events.take_all()
        assert await session.queue.get() == ()


@BOTH
async def test_clearing_the_queue_tells_waiters_like_a_cancel(revision: str) -> None:
    """The active turn goes on and completes."""
    gate = StreamGate()
    async with a_session(revision, ScriptedClient({"main": [ScriptedStep(gate=gate)]})) as (workspace, session, events):
        await workspace.submit("s", "the main one", "rm", prompt="main")
        await gate.reached()
        await session.queue.set((queued("mute", 1), queued("waiting", 2, "rw")))
        await workspace.clear_queue("s")
        assert (cancelled("waiting", "rw"),) == events.take_all()
        gate.open()
        assert not (await workspace.wait("rm")).cancelled


@BOTH
async def test_a_queued_call_drops_its_completion_hook(revision: str) -> None:
    """It keeps run id and accept sequence; its completions are nobody's to hold back."""
    gate = StreamGate()
    async with a_session(revision, ScriptedClient({"main": [ScriptedStep(gate=gate)]})) as (workspace, session, _):
        await workspace.submit("s", "the main one", prompt="main")
        await gate.reached()
        agent = session.agent
        assert isinstance(agent, Server)
        accepted = await agent.accept(Call("next", "the next one", "rn", hook="collector"))
        await agent.run(accepted, workspace.context.child("caller"))
        assert (Call("next", "the next one", "rn", sequence=2),) == await session.queue.get()
        gate.open()
        await workspace.threads.join_all()


# publishing ------------------------------------------------------------------------------------------------------


async def test_must_deliver_reaches_a_subscriber_whose_buffer_is_full_for_a_moment() -> None:
    """The publisher waits for space instead of dropping the event."""
    async with a_session() as (workspace, _, _):
        with workspace.subscribe(length=1) as slow:
            await workspace.broker.publish(cancelled("a", "ra"), None)
            assert slow.full
            publishing = asyncio.create_task(workspace.broker.publish(cancelled("b", "rb"), None))
            await give_way()
            assert not publishing.done()
            assert cancelled("a", "ra") == await slow.get()
            assert cancelled("b", "rb") == await slow.get()
            await publishing
            assert 0 == slow.lost == workspace.broker.lost


async def test_an_agent_error_names_the_run_that_was_submitted() -> None:
    """The wait ends with the error; other waits of the session go on."""
    async with Workspace(":memory:", None, revision="d4-independent") as workspace:
        with workspace.subscribe() as events:
            await workspace.submit("s", "anybody there?", "r", prompt="p")
            event = await events.get()
            assert isinstance(event, AgentFailed)
            assert (event.prompt, event.run_id, getattr(event.error, "kind", None)) == ("p", "r", "not-configured")
            assert event.ends_wait("s", "r")
            assert not event.ends_wait("s", "other")
