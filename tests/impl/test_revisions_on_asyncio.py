"""Every revision on a real loop: it runs, it can be cancelled, and what tells the revisions apart can be seen."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from everyturn_impl.broker import AgentFailed, BrokerEvent
from everyturn_impl.calls import Completion, StepEnd
from everyturn_impl.errors import InvalidPrompt, NotConfigured, ProviderError, Refused, SessionBusy
from everyturn_impl.revisions import REVISIONS
from everyturn_impl.scripted_model import ScriptedClient, ScriptedStep, StreamGate
from everyturn_impl.streaming_model import Request
from everyturn_impl.workspace import NeverCompleted, OpenSession, Workspace

EXAMPLES = Path(__file__).parents[2] / "examples"
EVERY = pytest.mark.parametrize("revision", list(REVISIONS))
SINCE_THE_SEED = tuple(REVISIONS)[4:]
NEWEST = pytest.mark.parametrize("revision", SINCE_THE_SEED)


def told(events: tuple[BrokerEvent, ...]) -> dict[str | None, str]:
    """How each prompt's completion or error describes it; a second one for the same run id would be a failure."""
    endings: dict[str | None, str] = {}
    for event in events:
        run_id = event.run_id if isinstance(event, AgentFailed) else event.completion.run_id
        assert run_id not in endings
        endings[run_id] = "error" if isinstance(event, AgentFailed) else in_a_word(event.completion)
    return endings


def in_a_word(completion: Completion) -> str:
    if completion.cancelled:
        return "cancelled"
    return "finished" if completion.fault is None else "failed"


async def is_queued(session: OpenSession, count: int = 1) -> None:
    """Wait until ``count`` calls are queued."""
    await session.queue.calls.until(lambda calls: len(calls) == count)


async def at_rest(session: OpenSession) -> tuple[object, ...]:
    """What has to be nothing when nothing can move."""
    return (
        await session.active.get(),
        await session.queue.get(),
        await session.reservations.count(),
        await session.mark.get(),
        session.mutex.locked,
    )


# every revision --------------------------------------------------------------------------------------------------


@EVERY
async def test_two_prompts_and_a_cancel_come_to_rest(revision: str) -> None:
    """The active turn ends as cancelled; the queued prompt's waiter is told from the seed commit on, not before."""
    gate = StreamGate()
    async with Workspace(":memory:", ScriptedClient({"p1": [ScriptedStep(gate=gate)]}), revision=revision) as workspace:
        session = workspace.inside("s")
        with workspace.subscribe() as events:
            await workspace.submit("s", "one", "r1")
            await gate.reached()
            await workspace.submit("s", "two", "r2")
            await is_queued(session)
            await workspace.cancel("s")
            await workspace.threads.join_all()
            assert await at_rest(session) == (None, (), 0, 0, False)
            waiters = {"r1": "cancelled", "r2": "cancelled"} if revision in SINCE_THE_SEED else {"r1": "cancelled"}
            assert waiters == told(events.take_all())


@EVERY
async def test_a_queued_prompt_with_run_id_behind_a_tool_round(revision: str) -> None:
    """Up to `d3` it is folded at the host's next step and never completes; from `d4` on it gets its own turn."""
    gate = StreamGate()
    client = ScriptedClient({"p1": [ScriptedStep(StepEnd.TOOL, gate=gate), ScriptedStep()]})
    async with Workspace(":memory:", client, revision=revision) as workspace:
        session = workspace.inside("s")
        with workspace.subscribe() as events:
            await workspace.submit("s", "one", "r1")
            await gate.reached()
            await workspace.submit("s", "two", "r2")
            await is_queued(session)
            gate.open()
            await workspace.threads.join_all()
            assert await at_rest(session) == (None, (), 0, 0, False)
            endings, notes = told(events.take_all()), [each.what for each in session.journal.entries]
    if revision in SINCE_THE_SEED:
        assert (endings, notes) == ({"r1": "finished", "r2": "finished"}, [])
    else:
        assert (endings, notes) == ({"r1": "finished"}, ["folded"])


@EVERY
async def test_a_waiter_that_nobody_tells_ends_with_the_workspace(revision: str) -> None:
    """Up to `d3` a turn that hands off owes its completion for ever; the wait ends in an error."""
    gate = StreamGate()
    async with Workspace(":memory:", ScriptedClient({"p1": [ScriptedStep(gate=gate)]}), revision=revision) as workspace:
        await workspace.submit("s", "one", "r1")
        await gate.reached()
        await workspace.submit("s", "two", "r2")
        await is_queued(workspace.inside("s"))
        waiting = asyncio.create_task(workspace.wait("r1"))
        gate.open()
        await workspace.threads.join_all()
    if revision in SINCE_THE_SEED:
        assert in_a_word(await waiting) == "finished"
    else:
        with pytest.raises(NeverCompleted):
            await waiting


@EVERY
async def test_shutdown_ends_a_running_stream(revision: str) -> None:
    """No thread has to be interrupted, and prompts are refused afterwards."""
    gate = StreamGate()
    async with Workspace(":memory:", ScriptedClient({"p1": [ScriptedStep(gate=gate)]}), revision=revision) as workspace:
        await workspace.submit("s", "one", "r1")
        await gate.reached()
        assert await workspace.shutdown() == ()
        with pytest.raises(Refused):
            await workspace.submit("s", "two", "r2")


# the newest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("revision", "order"), [("d4-independent", ["r2", "r1"]), ("hardened", ["r1", "r2"])])
async def test_the_order_in_which_a_chain_of_turns_is_told(revision: str, order: list[str]) -> None:
    """The seed's coordinator keeps the first completion until the whole chain has run; `hardened` holds none back."""
    gate = StreamGate()
    async with Workspace(":memory:", ScriptedClient({"p1": [ScriptedStep(gate=gate)]}), revision=revision) as workspace:
        with workspace.subscribe() as events:
            await workspace.submit("s", "one", "r1")
            await gate.reached()
            await workspace.submit("s", "two", "r2")
            await is_queued(workspace.inside("s"))
            gate.open()
            await workspace.threads.join_all()
            assert order == list(told(events.take_all()))


@NEWEST
async def test_a_provider_error_is_the_prompts_completion(revision: str) -> None:
    """The completion names the fault; from the seed commit on a prompt queued behind it is left in the queue."""
    gate = StreamGate()
    client = ScriptedClient({"p1": [ScriptedStep(StepEnd.ERROR, gate=gate)]})
    async with Workspace(":memory:", client, revision=revision) as workspace:
        session = workspace.inside("s")
        await workspace.submit("s", "one", "r1")
        await gate.reached()
        await workspace.submit("s", "two", "r2")
        await is_queued(session)
        gate.open()
        completion = await workspace.wait("r1")
        assert ("failed", ProviderError("p1").fault) == (in_a_word(completion), completion.fault)
        await workspace.threads.join_all()
        assert (0 if revision == "hardened" else 1) == len(await session.queue.get())


@NEWEST
async def test_refused_credentials_are_tried_once_more(revision: str) -> None:
    """The second stream's answer is the completion."""
    client = ScriptedClient({"p1": [ScriptedStep(StepEnd.UNAUTHORISED, text="no"), ScriptedStep(text="yes")]})
    async with Workspace(":memory:", client, revision=revision) as workspace:
        await workspace.submit("s", "one", "r1")
        completion = await workspace.wait("r1")
        assert client.requests == ["p1", "p1"]
        assert (in_a_word(completion), completion.text) == ("finished", "yes")


@NEWEST
async def test_a_user_summarises(revision: str) -> None:
    """The next request begins with the summary; while a turn is active a summary is refused."""
    gate = StreamGate()
    client = ScriptedClient({"p1": [ScriptedStep(gate=gate)], None: [ScriptedStep(text="in short")]})
    async with Workspace(":memory:", client, revision=revision) as workspace:
        await workspace.submit("s", "one", "r1")
        await gate.reached()
        with pytest.raises(SessionBusy):
            await workspace.summarise("s")
        gate.open()
        await workspace.wait("r1")
        await workspace.threads.join_all()
        await workspace.summarise("s")
        assert [each.text for each in await workspace.inside("s").store.history()] == ["in short"]


@NEWEST
async def test_a_nearly_full_context_is_summarised_and_the_work_goes_on(revision: str) -> None:
    """One completion, with the text of the last stream."""
    client = ScriptedClient({"p1": [ScriptedStep(StepEnd.TOOL, text="half", full=True), ScriptedStep(text="whole")]})
    async with Workspace(":memory:", client, revision=revision) as workspace:
        with workspace.subscribe() as events:
            await workspace.submit("s", "one", "r1")
            assert (await workspace.wait("r1")).text == "whole"
            await workspace.threads.join_all()
            assert told(events.take_all()) == {"r1": "finished"}


@NEWEST
async def test_sessions_do_not_wait_for_each_other(revision: str) -> None:
    """They share the accept sequence, and a cancel in one leaves the other alone."""
    left, right = StreamGate(), StreamGate()
    client = ScriptedClient({"l": [ScriptedStep(gate=left)], "r": [ScriptedStep(gate=right)]})
    async with Workspace(":memory:", client, revision=revision) as workspace:
        await workspace.submit("left", "one", "rl", prompt="l")
        await workspace.submit("right", "one", "rr", prompt="r")
        await left.reached()
        await right.reached()
        assert await workspace.inside("left").reservations.look() == (0, 2)
        await workspace.cancel("left")
        right.open()
        assert in_a_word(await workspace.wait("rl")) == "cancelled"
        assert in_a_word(await workspace.wait("rr")) == "finished"


# the door --------------------------------------------------------------------------------------------------------


async def test_what_is_not_valid_is_refused_and_changes_nothing() -> None:
    """No text, no session, a run id that is waited for already, a wait for what nobody submitted."""
    async with Workspace(":memory:", ScriptedClient({"p1": [ScriptedStep(gate=StreamGate())]})) as workspace:
        await workspace.submit("s", "one", "r1", prompt="p1")
        for session, text, run_id in [("s", "", "r2"), ("", "two", "r2"), ("s", "two", "r1")]:
            with pytest.raises(InvalidPrompt):
                await workspace.submit(session, text, run_id)
        with pytest.raises(InvalidPrompt):
            await workspace.wait("r2")


async def test_a_bug_in_a_client_ends_the_waits_of_its_session(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that no contract names reaches the waiter and the log; the workspace still shuts down."""

    class Broken(ScriptedClient):
        async def stream(self, request: Request) -> Any:
            yield "so far, so good"
            raise KeyError(request.prompt)

    async with Workspace(":memory:", Broken()) as workspace:
        await workspace.submit("s", "one", "r1", prompt="p1")
        with pytest.raises(KeyError):
            await workspace.wait("r1")
        await workspace.threads.join_all()
    assert "thread p1 ended" in caplog.text


async def test_a_local_prompt_that_fails_before_its_turn_is_not_waited_for() -> None:
    """Its caller has the error; a waiter for its run id ends."""
    async with Workspace(":memory:", None) as workspace:
        with pytest.raises(NotConfigured):
            await workspace.run("s", "one", "r1")
        with pytest.raises(NeverCompleted):
            await workspace.wait("r1")


@EVERY
async def test_nothing_is_kept_for_a_thread_that_has_ended(revision: str) -> None:
    """Its contexts' cancellations are forgotten, and its run id can be used again."""
    async with Workspace(":memory:", ScriptedClient(), revision=revision) as workspace:
        for prompt in ("p", "q"):
            await workspace.submit("s", "one", "r1", prompt=prompt)
            assert in_a_word(await workspace.wait("r1")) == "finished"
            await workspace.threads.join_all()
            turn = workspace.context.child("s").child(prompt, prompt).turn(prompt)
            assert not await workspace.contexts.done(turn)


async def test_a_title_is_made_from_the_first_prompt_only() -> None:
    """Which the store keeps for the session."""
    async with Workspace(":memory:", ScriptedClient()) as workspace:
        for number, text in enumerate(["first words", "second words"]):
            await workspace.submit("s", text, f"r{number}")
            await workspace.wait(f"r{number}")
            await workspace.threads.join_all()
        assert await workspace.inside("s").store.title() == "first words"


async def test_a_thread_that_does_not_end_is_interrupted_by_shutdown() -> None:
    """Its name is reported; nothing is left behind."""
    async with Workspace(":memory:", ScriptedClient()) as workspace:
        await workspace.inside("s").mutex.lock()
        await workspace.submit("s", "one", "r1", prompt="stuck")
        assert await workspace.shutdown(seconds=0.01) == ("stuck",)


def test_the_example_prints_what_is_committed() -> None:
    """Python in its development mode, where every warning is an error."""
    command = [sys.executable, "-X", "dev", "-W", "error", str(EXAMPLES / "real_loop.py")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (0, "", (EXAMPLES / "real_loop.txt").read_text()) == (run.returncode, run.stderr, run.stdout)
