"""The contract of the broker: bounded buffers, must-deliver, and who is skipped."""

from __future__ import annotations

import asyncio

import pytest

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.broker import PATIENCE_SECONDS, AgentFailed, PromptCompleted, SessionBroker, WorkspaceBroker
from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_impl.errors import ProviderError

WORKSPACE = Context(("workspace",))
CALLER = WORKSPACE.child("s").child("p", "p")
TURN = CALLER.turn("p")
AGES = 60.0  # seconds: longer than any test may take


async def give_way() -> None:
    """Let a task that was just created run until it has to wait."""
    await asyncio.sleep(0)


def completed(number: int) -> PromptCompleted:
    return PromptCompleted("s", Completion(f"p{number}", f"r{number}"))


def test_patience_is_fifty_milliseconds() -> None:
    """As the protocol has it."""
    assert PATIENCE_SECONDS == 0.05


async def test_every_subscriber_gets_what_it_wants_in_order() -> None:
    """From the time it subscribed until it is closed; what is in its buffer then can still be taken."""
    broker = WorkspaceBroker(CancellableContexts())
    every, second = broker.subscribe(), broker.subscribe(wants=lambda event: event == completed(2))
    for number in (1, 2, 3):
        await broker.publish(completed(number), CALLER)
    assert (completed(2),) == second.take_all()
    assert completed(1) == await every.get()
    broker.close()
    await broker.publish(completed(4), None)
    assert [completed(2), completed(3)] == [event async for event in every]


async def test_a_loss_is_counted_and_the_next_subscriber_served() -> None:
    """When a buffer stays full for as long as the broker's patience lasts."""
    broker = WorkspaceBroker(CancellableContexts(), patience=0.001)
    full, other = broker.subscribe(length=1), broker.subscribe()
    for context in (CALLER, CALLER, None):
        await broker.publish(completed(1), context)
    assert (broker.lost, full.lost, other.lost) == (2, 2, 0)
    assert (len(full.take_all()), len(other.take_all())) == (1, 3)


async def test_a_publisher_whose_context_ends_returns_at_once() -> None:
    """It skips the remaining subscribers, with or without space, and counts nothing."""
    contexts = CancellableContexts()
    broker = WorkspaceBroker(contexts, patience=AGES)
    before, full, after = broker.subscribe(), broker.subscribe(length=1), broker.subscribe()
    full.offer(completed(0))
    publishing = asyncio.create_task(broker.publish(completed(1), TURN))
    assert completed(1) == await before.get()
    await contexts.cancel(CALLER)
    await publishing
    assert ((completed(0),), ()) == (full.take_all(), after.take_all())
    assert 0 == broker.lost == full.lost


async def test_a_publisher_whose_context_has_ended_still_tries_without_blocking() -> None:
    """Up to the first subscriber that it would have to wait for."""
    contexts = CancellableContexts()
    await contexts.cancel(TURN)
    broker = WorkspaceBroker(contexts, patience=AGES)
    before, full, after = broker.subscribe(), broker.subscribe(length=1), broker.subscribe()
    full.offer(completed(0))
    await broker.publish(completed(1), TURN)
    assert ((completed(1),), (completed(0),), ()) == (before.take_all(), full.take_all(), after.take_all())
    assert broker.lost == 0


async def test_who_unsubscribes_is_no_loss() -> None:
    """A publisher that waits for it goes on at once."""
    broker = WorkspaceBroker(CancellableContexts(), patience=AGES)
    with broker.subscribe(length=1) as leaving:
        leaving.offer(completed(0))
        publishing = asyncio.create_task(broker.publish(completed(1), None))
        await give_way()
    await publishing
    assert ((completed(0),), 0) == (leaving.take_all(), broker.lost)
    assert await leaving.get() is None


@pytest.mark.parametrize("run_id", [True, False])
async def test_an_agent_error_may_name_its_run(run_id: bool) -> None:
    """One that names none ends every wait of its session, and only of that."""
    broker = WorkspaceBroker(CancellableContexts())
    events = broker.subscribe()
    await SessionBroker(broker, "s").notify_error(Call("p", "hello", "r"), Fault("provider", "p"), run_id=run_id)
    event = await events.get()
    assert isinstance(event, AgentFailed)
    assert ("s", "p", "r" if run_id else None) == (event.session, event.prompt, event.run_id)
    assert isinstance(event.error, ProviderError)
    assert [True, not run_id, False] == [
        event.ends_wait("s", "r"),
        event.ends_wait("s", "another"),
        event.ends_wait("elsewhere", "r"),
    ]
