"""What a Cancel has reached, what it has changed itself, and when a turn is over: explorer, specification and logs
alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import pytest
from msgspec import convert
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.formats.everyturn_log import LineKind, LogHeader, LogLine, Placed
from everyturn.formats.everyturn_trace import TraceTranslator
from everyturn.logs.watch import Watch
from everyturn.verdicts.verdict import Verdict
from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_impl.ports import Ports, Shared
from everyturn_impl.revisions.hardened import Hardened


class FirstCome(Small):
    """One prompt after the other, behind the mutex. A Cancel only looks."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.mutex.lock()
        await self.run_turn(call, caller.turn(call.prompt))
        await self.ports.mutex.unlock()

    async def run_turn(self, call: Call, turn: Context) -> None:
        await self.ports.active.set(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(None, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, message, result.text), None)
        await self.ports.active.delete(turn)

    async def cancel(self) -> None:
        await self.ports.mark.get()


def verdicts(agent: type[Small], scope: str, *names: str) -> tuple[Verdict, ...]:
    """What is said of the invariants, and of conformance at last."""
    said = check(agent, scope).cell  # type: ignore[arg-type]
    assert said.conforms is not None
    return (*(said.invariants[name].verdict for name in names), said.conforms.verdict)


# a Cancel in an idle session ---------------------------------------------------------------------------------------


class TidiesUpLate(FirstCome):
    """A turn sets a mark and deletes it when it is over: in the middle of a Cancel that only looks, as may be."""

    async def run_turn(self, call: Call, turn: Context) -> None:
        await self.ports.mark.set(1)
        await super().run_turn(call, turn)
        await self.ports.mark.delete()


class MarksForNobody(TidiesUpLate):
    """A Cancel that raises a mark, whatever others do with it."""

    async def cancel(self) -> None:
        if not await self.ports.mark.get():
            await self.ports.mark.set(2)


class LooksAndPutsBack(TidiesUpLate):
    """A Cancel that raises a mark and takes it away again, if it is still its own."""

    async def cancel(self) -> None:
        await self.ports.mutex.lock()
        if not await self.ports.mark.get():
            await self.ports.mark.set(2)
            await self.ports.mark.delete()
        await self.ports.mutex.unlock()


@dataclass(frozen=True, slots=True)
class Box:
    """A letter that asks for a Cancel, and whether it was answered."""

    letters: int = 0
    answers: int = 0

    def post(self) -> tuple[None, Box]:
        return None, replace(self, letters=self.letters + 1)

    def take(self) -> tuple[None, Box] | None:
        return (None, replace(self, letters=self.letters - 1)) if self.letters else None

    def answer(self) -> tuple[None, Box]:
        return None, replace(self, answers=self.answers + 1)

    def collect(self) -> tuple[None, Box] | None:
        return (None, replace(self, answers=self.answers - 1)) if self.answers else None


class Posts(TidiesUpLate):
    """A Cancel that has the dispatcher's own thread do its work, which is to look."""

    own = {"box": Box()}  # noqa: RUF012 - nobody changes it

    def __init__(self, ports: Ports, *, direct: bool = False, box: Shared[Box]) -> None:
        super().__init__(ports)
        self.box = box

    async def attend(self) -> None:
        while True:
            await self.box.wait(Box.take)
            await self.work()
            await self.box.do(Box.answer)

    async def work(self) -> None:
        await self.ports.mark.get()

    async def cancel(self) -> None:
        await self.box.do(Box.post)
        await self.box.wait(Box.collect)


class PostsAndLitters(Posts):
    """The work is to raise a mark."""

    async def work(self) -> None:
        if not await self.ports.mark.get():
            await self.ports.mark.set(2)


@pytest.mark.parametrize("agent", [TidiesUpLate, LooksAndPutsBack, Posts])
def test_an_idle_cancel_is_not_blamed_for_what_others_write(agent: type[Small]) -> None:
    """Neither by the invariant nor, for that, by the specification, which blames it for the stream that goes on."""
    cell = check(agent, "A+1c").cell  # type: ignore[arg-type]
    assert cell.invariants["idle-cancel"].verdict is Verdict.PROVED
    assert cell.conforms is not None
    assert "idle-unchanged" not in str(cell.conforms.guard)


@pytest.mark.parametrize("agent", [MarksForNobody, PostsAndLitters])
def test_an_idle_cancel_is_blamed_for_what_it_writes(agent: type[Small]) -> None:
    """Also if a thread writes it that does the Cancel's work."""
    assert verdicts(agent, "A+1c", "idle-cancel") == (Verdict.REFUTED, Verdict.REFUTED)
    said = check(agent, "A+1c", invariants=("idle-cancel",)).cell  # type: ignore[arg-type]
    assert said.invariants["idle-cancel"].sentence == "a Cancel in an idle session changed shared data: mark"


# when a turn is over ------------------------------------------------------------------------------------------------


class Watchdog(Small):
    """Runs prompts one after the other by the entry, which the watchdog, a ClearQueue here, deletes while a stream goes
    on."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        turn = caller.turn(call.prompt)
        if not await self.ports.active.set_if_idle(turn):
            return
        await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.active.delete(turn)

    async def clear_queue(self) -> None:
        held = await self.ports.active.get()
        if held is not None:
            await self.ports.active.delete(held)


class StreamsUnentered(Small):
    """Sets no entry at all: two streams at once."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.ports.model.end(await self.ports.model.start(caller.turn(call.prompt), call.prompt, 1))


class BeginsTwice(Small):
    """Looks at no entry, and sets its own."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        turn = caller.turn(call.prompt)
        await self.ports.active.set(turn)
        await self.ports.active.delete(turn)


def judged_as_log(agent: type[Small], scope: str, invariant: str) -> Verdict:
    """What a judge of logs says of the shortest run that the explorer found to violate the invariant."""
    run, _ = check(agent, scope, invariants=(invariant,)).runs[invariant]  # type: ignore[arg-type]
    teller = TraceTranslator()
    watch = Watch(LogHeader(kinds=frozenset(get_args(LineKind)), complete=True), lambda violation: None)
    fields = (each for events in run.seen() for event in events for each in teller.tell(event))
    for number, each in enumerate(fields):
        watch.see(Placed(number, convert({"session": "s", **each}, LogLine)))
    return dict(watch.verdicts())[invariant].verdict


def test_whoever_ends_the_entry_does_not_end_the_stream() -> None:
    """Two streams of two turns at once are two turns at once, whatever became of the first one's entry."""
    assert verdicts(Watchdog, "AA+1q", "one-turn") == (Verdict.REFUTED, Verdict.REFUTED)
    assert verdicts(Watchdog, "A+1q", "one-turn")[0] is Verdict.PROVED
    assert verdicts(StreamsUnentered, "AA", "one-turn") == (Verdict.REFUTED, Verdict.REFUTED)


def test_a_log_tells_the_same_of_turns_that_overlap() -> None:
    """In the log of such a run the first turn has no end when the second begins."""
    assert judged_as_log(BeginsTwice, "AA", "one-turn") is Verdict.REFUTED


# what a Cancel has reached -----------------------------------------------------------------------------------------


class Deaf(FirstCome):
    """Cancel looks at nothing that is active."""


class CancelsWhatItFinds(FirstCome):
    """Cancel reaches whatever the entry names; nothing is queued, and whoever waits for the mutex looks at the mark."""

    async def run_turn(self, call: Call, turn: Context) -> None:
        if await self.ports.mark.get():
            self.ports.journal.cancelled_on_entry(call)
            return
        await self.ports.active.set(turn)
        stream = await self.ports.model.start(turn, call.prompt, 1)
        await self.ports.model.end(stream)
        await self.ports.active.delete(turn)

    async def cancel(self) -> None:
        held = await self.ports.active.get()
        if held is not None:
            await self.ports.contexts.cancel(held)


class CancelsAnotherContext(CancelsWhatItFinds):
    """Cancel reaches a summary that is not there, beside the turn that streams."""

    async def cancel(self) -> None:
        await self.ports.contexts.cancel(Context(("w", "somebody")).summary())


class CancelsTheWorkspace(CancelsWhatItFinds):
    """Cancel reaches everything at once."""

    async def cancel(self) -> None:
        await self.ports.contexts.cancel(Context(("w",)))


@pytest.mark.parametrize("agent", [Deaf, CancelsAnotherContext])
def test_a_cancel_that_leaves_a_stream_alone_is_lost(agent: type[Small]) -> None:
    """Although that stream had begun before it; for the specification as well."""
    assert verdicts(agent, "a+1c", "no-lost-cancel") == (Verdict.REFUTED, Verdict.REFUTED)
    said = check(agent, "a+1c", invariants=("no-lost-cancel",)).cell  # type: ignore[arg-type]
    assert "streams on, not cancelled, after it returned" in str(said.invariants["no-lost-cancel"].sentence)


def test_a_cancel_that_reaches_what_streams_is_not_lost() -> None:
    """By the turn's own context, whose begin it may still miss, or by one above it."""
    for agent in (CancelsWhatItFinds, CancelsTheWorkspace):
        cell = check(agent, "a+1c", invariants=("no-lost-cancel",)).cell  # type: ignore[arg-type]
        sentence = cell.invariants["no-lost-cancel"].sentence
        assert "streams on" not in str(sentence)


# errors of prompts that finished -----------------------------------------------------------------------------------


class NotifiesAfterwards(FirstCome):
    """Tells that a prompt has finished, and then that it has failed."""

    run_id = True

    async def run_turn(self, call: Call, turn: Context) -> None:
        await super().run_turn(call, turn)
        await self.ports.broker.notify_error(call, Fault("store", call.prompt), run_id=self.run_id)


class NotifiesWithoutRunId(NotifiesAfterwards):
    """The notification is for nobody in particular."""

    run_id = False


def test_who_finished_is_not_told_of_an_error() -> None:
    """Neither as an invariant nor by the specification; nor in a log of that run."""
    assert verdicts(NotifiesAfterwards, "A", "true-outcome", "right-owner") == (
        *(Verdict.REFUTED, Verdict.PROVED),
        Verdict.REFUTED,
    )
    assert judged_as_log(NotifiesAfterwards, "A", "true-outcome") is Verdict.REFUTED
    assert verdicts(NotifiesWithoutRunId, "A", "true-outcome")[0] is Verdict.PROVED


# a turn's own summary ----------------------------------------------------------------------------------------------


class SummarisesTooLate(Hardened):
    """Makes a turn's own summary, under the turn's entry, when it has left the turn already."""

    async def summarise_within(self, call: Call, turn: Context) -> Fault | None:
        await self.ports.active.delete(turn)
        return await super().summarise_within(call, turn)


def test_the_own_summary_of_a_turn_is_judged_without_an_entry_of_its_own() -> None:
    """What streams beside it is beside it; the witness is shown."""
    whole = check("hardened", "AA+1t+u").cell
    assert whole.verdict is Verdict.PROVED
    assert whole.witnesses["turn-summary"]
    assert check(SummarisesTooLate, "AA+1t+u", invariants=("one-turn",)).cell.verdict is Verdict.REFUTED
