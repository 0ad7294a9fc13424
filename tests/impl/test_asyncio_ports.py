"""The contracts of the small ports on asyncio; store, broker and model have files of their own."""

from __future__ import annotations

import asyncio

import pytest

from everyturn_impl.asyncio_contexts import CancellableContexts
from everyturn_impl.asyncio_ports import (
    AcceptCounter,
    ActiveEntry,
    CallQueue,
    ClosingFlag,
    DispatchMutex,
    JournalEntry,
    JournalList,
    KeptCompletions,
    Mark,
    OpenReservations,
    WatchedValue,
)
from everyturn_impl.asyncio_threads import TaskThreads, TaskTitles
from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation
from everyturn_impl.errors import Cancelled
from everyturn_impl.scripted_model import StreamGate

WORKSPACE = Context(("workspace",))
CALLER = WORKSPACE.child("s").child("p", "p")
TURN = CALLER.turn("p")
CALL = Call("p", "hello")


async def give_way() -> None:
    """Let a task that was just created run until it has to wait."""
    await asyncio.sleep(0)


# values that others wait for, mutex, active, queue ----------------------------------------------------------------


async def test_a_watched_value_wakes_who_waits_for_it() -> None:
    """Only when it holds what is waited for."""
    watched = WatchedValue(0)
    waiting = asyncio.create_task(watched.until(lambda value: value > 1))
    await give_way()
    watched.put(1)
    await give_way()
    assert not waiting.done()
    watched.put(2)
    assert await waiting == 2


async def test_the_mutex_is_given_in_the_order_of_asking() -> None:
    """One has it at a time; giving back what nobody has is an error."""
    mutex, order = DispatchMutex(), []

    async def critical(name: str) -> None:
        await mutex.lock()
        order.append(f"{name} in")
        await give_way()
        order.append(f"{name} out")
        await mutex.unlock()

    await asyncio.gather(*(critical(name) for name in "abc"))
    assert order == ["a in", "a out", "b in", "b out", "c in", "c out"]
    with pytest.raises(RuntimeError):
        await mutex.unlock()


async def test_the_active_entry_is_deleted_whoever_it_belongs_to() -> None:
    """And set without a look at what is there, unless it is asked to look."""
    active = ActiveEntry()
    assert await active.get() is None
    assert await active.set_if_idle(TURN)
    assert not await active.set_if_idle(CALLER)
    assert await active.get() == TURN
    await active.set(CALLER)
    await active.delete(TURN)
    assert await active.get() is None


async def test_the_queue_is_replaced_as_a_whole() -> None:
    """Get, set, delete; an empty queue is the empty tuple."""
    queue = CallQueue()
    assert await queue.get() == ()
    await queue.set((CALL,))
    assert await queue.get() == (CALL,)
    await queue.delete()
    assert await queue.get() == ()


# reservations and the mark ----------------------------------------------------------------------------------------


async def test_the_accept_sequence_is_one_for_all_sessions() -> None:
    """Each session counts its own open reservations."""
    sequence = AcceptCounter()
    left, right = OpenReservations(sequence, Mark()), OpenReservations(sequence, Mark())
    numbers = [(await each.begin("p")).sequence for each in (left, right, left)]
    assert numbers == [1, 2, 3]
    assert (await left.look(), await right.look()) == ((2, 3), (1, 3))
    assert (await left.count(), await right.count()) == (2, 1)


async def test_closing_the_last_reservation_deletes_the_mark() -> None:
    """Not an earlier one, and a second close of the same handle is nothing."""
    mark = Mark()
    reservations = OpenReservations(AcceptCounter(), mark)
    first, second = await reservations.begin("p"), await reservations.begin("q")
    await mark.set(2)
    await reservations.close(first)
    await reservations.close(first)
    assert (await reservations.count(), await mark.get()) == (1, 2)
    await reservations.close(second)
    assert (await reservations.count(), await mark.get()) == (0, 0)
    await mark.set(5)
    await reservations.close(second)
    await reservations.close(Reservation(9))
    assert (await reservations.count(), await mark.get()) == (0, 5)


async def test_a_close_may_leave_the_mark_alone() -> None:
    """As the oldest revisions want it."""
    mark = Mark()
    reservations = OpenReservations(AcceptCounter(), mark)
    reservation = await reservations.begin("p")
    await mark.set(1)
    await reservations.close(reservation, clears_mark=False)
    assert await mark.get() == 1
    await mark.delete()
    assert await mark.get() == 0


# contexts --------------------------------------------------------------------------------------------------------


async def test_cancelling_a_context_cancels_all_below_and_nothing_else() -> None:
    """Neither the one above, nor a neighbour whose name begins alike."""
    contexts = CancellableContexts()
    await contexts.cancel(CALLER)
    neighbour = WORKSPACE.child("s").child("pp", "pp")
    done = [await contexts.done(each) for each in (CALLER, TURN, TURN.summary(), WORKSPACE, neighbour)]
    assert done == [True, True, True, False, False]
    contexts.forget(CALLER)
    assert not await contexts.done(TURN)


async def test_a_cancel_interrupts_the_work_that_runs_below() -> None:
    """The work sees it where it waits, can tidy up, and its caller gets the error with the prompt's name."""
    contexts, gate, tidied = CancellableContexts(), StreamGate(), []

    async def work() -> None:
        try:
            await gate.pass_through()
        finally:
            tidied.append(True)

    running = asyncio.create_task(contexts.run(TURN, work()))
    await gate.reached()
    await contexts.cancel(WORKSPACE.child("elsewhere"))
    await give_way()
    assert not running.done()
    await contexts.cancel(WORKSPACE)
    with pytest.raises(Cancelled) as raised:
        await running
    assert (raised.value.owner, tidied) == ("p", [True])


async def test_work_under_a_cancelled_context_does_not_begin() -> None:
    """The error is raised at once."""
    contexts = CancellableContexts()
    await contexts.cancel(TURN)
    with pytest.raises(Cancelled):
        await contexts.run(TURN, give_way())


async def test_an_interrupted_caller_stays_interrupted() -> None:
    """A cancelled context does not turn the end of the caller's own task into an error that it could handle."""
    contexts, gate = CancellableContexts(), StreamGate()
    running = asyncio.create_task(contexts.run(TURN, gate.pass_through()))
    await gate.reached()
    await contexts.cancel(TURN)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_time_out_around_work_is_a_time_out() -> None:
    """Its context is left as it is."""
    contexts = CancellableContexts()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await contexts.run(TURN, asyncio.Event().wait())
    assert not await contexts.done(TURN)


# titles, hooks, threads, closing, journal -------------------------------------------------------------------------


async def test_a_title_is_waited_for_and_ends_with_its_context() -> None:
    """A cancelled one is no error."""
    contexts, made, gate = CancellableContexts(), [], StreamGate()

    async def make(text: str) -> None:
        made.append(text)
        if text == "slow":
            await gate.pass_through()

    titles = TaskTitles(make, contexts, WORKSPACE)
    titles.expect("p", "hello")
    await titles.start("p")
    await titles.join("p")
    titles.expect("q", "slow")
    await titles.start("q")
    await gate.reached()
    await contexts.cancel(WORKSPACE)
    await titles.join("q")
    assert made == ["hello", "slow"]


async def test_a_hook_keeps_the_latest_completion() -> None:
    """Until it is taken."""
    hooks = KeptCompletions()
    latest = Completion("p", "r", cancelled=True)
    for completion in (Completion("p", "r"), latest):
        await hooks.keep("h", completion)
    assert latest == await hooks.take("h")
    assert await hooks.take("h") is None


async def test_threads_are_joined_with_those_that_they_start() -> None:
    """Without the caller's own, which may be one of them; an unexpected error is logged."""
    threads, ended = TaskThreads(), []

    async def child() -> None:
        ended.append("child")

    async def parent() -> None:
        await threads.start("parent")
        threads.spawn("child", child())
        await threads.join_all()
        ended.append("parent")

    threads.spawn("parent", parent())
    await threads.join_all()
    assert ended == ["child", "parent"]
    assert await threads.end_all() == ()


async def test_threads_can_be_ended_and_may_crash(caplog: pytest.LogCaptureFixture) -> None:
    """Those that still run are interrupted and named; a crash is logged with the thread's name."""
    threads, gate = TaskThreads(), StreamGate()

    async def crash() -> None:
        raise KeyError("unexpected")

    threads.spawn("crashing", crash())
    threads.spawn("stuck", gate.pass_through())
    await gate.reached()
    assert await threads.end_all() == ("stuck",)
    assert "crashing" in caplog.text


async def test_a_workspace_closes_once() -> None:
    """The flag is never taken back."""
    closing = ClosingFlag()
    assert not await closing.get()
    await closing.set()
    assert await closing.get()


def test_the_journal_keeps_the_latest_entries() -> None:
    """Each says what happened to whom, and where or why."""
    journal = JournalList(length=4)
    journal.dropped(CALL, "cleared")
    journal.folded(CALL, TURN)
    journal.dropped(CALL, "covered")
    journal.cancelled_on_entry(CALL)
    journal.summary_failed(TURN, Fault("store", "p"))
    expected = [
        JournalEntry("folded", "p", "s/p/p"),
        JournalEntry("dropped", "p", "covered"),
        JournalEntry("cancelled on entry", "p"),
        JournalEntry("summary failed", "p", "store"),
    ]
    assert expected == list(journal.entries)
