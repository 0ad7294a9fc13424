"""Who is told is read off what a waiter reads: the run id; what was folded and made, off the store."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import Verdict
from everyturn_impl.calls import Call, Completion, Context, StreamResult
from everyturn_model.events import (
    Completed,
    Event,
    FinalStored,
    Folded,
    MessageWritten,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    TurnReleased,
    TurnStarted,
    Writer,
)


class FirstCome(Small):
    """One prompt after the other, told at the end of its turn."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.mutex.lock()
        await self.run_turn(call, caller.turn(call.prompt))
        await self.ports.mutex.unlock()

    async def run_turn(self, call: Call, turn: Context) -> None:
        await self.ports.active.set(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(turn, turn, 1)
        await self.fold(turn)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        await self.ports.broker.publish(self.completion(call, message, result), None)
        await self.ports.active.delete(turn)

    async def fold(self, turn: Context) -> None:
        pass

    def completion(self, call: Call, message: str, result: StreamResult) -> Completion:
        return Completion(call.prompt, call.run_id, message, result.text)


class ForgetsTheRunId(FirstCome):
    def completion(self, call: Call, message: str, result: StreamResult) -> Completion:
        return Completion(call.prompt, None, message, result.text)


class MixesRunIdsUp(FirstCome):
    def completion(self, call: Call, message: str, result: StreamResult) -> Completion:
        return Completion(call.prompt, {"r1": "r2", "r2": "r1"}[call.run_id or ""], message, result.text)


class InventsARunId(FirstCome):
    def completion(self, call: Call, message: str, result: StreamResult) -> Completion:
        return Completion(call.prompt, "r7", message, result.text)


class InventsAMessage(FirstCome):
    def completion(self, call: Call, message: str, result: StreamResult) -> Completion:
        return Completion(call.prompt, call.run_id, "m", result.text)


class MakesNoMessage(FirstCome):
    """Streams without an assistant message, and names one all the same."""

    async def run_turn(self, call: Call, turn: Context) -> None:
        await self.ports.active.set(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, "never made", result.text), None)
        await self.ports.active.delete(turn)


class StoresAnInventedMessage(FirstCome):
    """Says that it has stored the final state of a message that was never made."""

    async def run_turn(self, call: Call, turn: Context) -> None:
        await self.ports.active.set(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, "never made", result)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, "never made", result.text), None)
        await self.ports.active.delete(turn)


class FoldsInSilence(FirstCome):
    """What p2 wrote becomes a message of p1's turn, and the journal says nothing of it."""

    async def fold(self, turn: Context) -> None:
        if turn.prompt == "p1":
            await self.ports.store.write_user(turn, Call("p2", "p2", "r2"), "fold", turn)


@pytest.mark.parametrize(
    ("agent", "broken"),
    [
        (FirstCome, None),
        (ForgetsTheRunId, "no-hang"),
        (MixesRunIdsUp, "right-owner"),
        (InventsARunId, "no-hang"),
        (InventsAMessage, "state-before-notice"),
        (MakesNoMessage, "state-before-notice"),
        (StoresAnInventedMessage, "state-before-notice"),
        (FoldsInSilence, "no-fold-of-run-id"),
    ],
)
def test_a_dispatcher_is_not_believed_about_whom_it_tells(agent: Any, broken: str | None) -> None:
    """A completion reaches whoever waits for its run id, whatever prompt it is said to be about.

    What breaks the words is no run of the specification either.
    """
    cell = check(agent, "AA").cell
    assert cell.conforms is not None
    refuted = {name for name, judged in cell.invariants.items() if judged.verdict is Verdict.REFUTED}
    if broken is None:
        assert (refuted, cell.conforms.verdict) == (set(), Verdict.PROVED)
    else:
        assert broken in refuted
        assert cell.conforms.verdict is Verdict.REFUTED


# event by event ------------------------------------------------------------------------------------------------------

TWO = (Submitted("p1", True, True), Submitted("p2", True, True))


def step(prompt: str, number: int, how: StreamEnd) -> Iterable[Event]:
    """A step of a prompt's turn."""
    turn, message = f"t-{prompt}", f"m-{prompt}-{number}"
    yield from (StepPrepared(turn, message), StreamStarted(turn, False))
    yield from (StreamEnded(turn, how, False), FinalStored(turn, message))


def turn(prompt: str, *ends: StreamEnd) -> Iterable[Event]:
    """A turn of several steps."""
    yield TurnStarted(f"t-{prompt}", prompt, prompt)
    yield MessageWritten(prompt, Writer.TURN, f"t-{prompt}")
    for number, how in enumerate(ends, 1):
        yield from step(prompt, number, how)
    yield TurnReleased(f"t-{prompt}")


def told(prompt: str, message: str | None = None, *, run_id: bool = True) -> Completed:
    return Completed(prompt, run_id, True, False, False, prompt, message)


def violated(*events: Event) -> set[str]:
    return {finding.invariant for _, finding in Judge(conformance=False).run([events])}


ONE = tuple(turn("p1", StreamEnd.TOOL, StreamEnd.FINISHED))
OTHER = tuple(turn("p2", StreamEnd.FINISHED))


@pytest.mark.parametrize(
    ("broken", "events"),
    [
        (set(), (*TWO, *ONE, told("p1", "m-p1-2"), *OTHER, told("p2", "m-p2-1"))),
        (set(), (*TWO, *ONE, told("p1", "m-p1-1"), *OTHER, told("p2"))),
        ({"right-owner"}, (*TWO, *ONE, told("p1"), *OTHER, told("p2", "m-p1-2"))),
        ({"right-owner"}, (*TWO, *ONE, told("p1"), *OTHER, told("p2", "m-p1-1"))),
        ({"state-before-notice"}, (*TWO, *ONE, told("p1", "m-p1-3"))),
        ({"no-double-emit"}, (*TWO, *ONE, told("p1"), told("p1"))),
        (set(), (*TWO, *ONE, told("p1", run_id=False), told("p1"))),
        ({"no-fold-of-run-id"}, (*TWO, Folded("p2", "t-p1"))),
        ({"no-fold-of-run-id"}, (*TWO, *ONE[:2], MessageWritten("p2", Writer.FOLD, "t-p1"))),
        (set(), (*TWO, MessageWritten("p2", Writer.TURN, "t-p2"), *ONE[:2])),
    ],
)
def test_what_the_words_say_is_what_the_monitors_say(broken: set[str], events: tuple[Event, ...]) -> None:
    """Another's message breaks `right-owner`, whichever step it was of; a message of no step was never stored."""
    assert violated(*events) == broken
