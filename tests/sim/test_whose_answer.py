"""Whose answer a text is: its own prompt's, however it is decorated; another's, only where its own is not in it."""

from __future__ import annotations

import pytest
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.verdicts.verdict import Verdict
from everyturn.world.answers import answered
from everyturn_impl.calls import Call, Completion, Context, Fault


class Tells(Small):
    """One prompt after the other; what is told is for a subclass to say. The other's answer is that of the other
    prompt."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        turn = caller.turn(call.prompt)
        await self.ports.mutex.lock()
        await self.ports.active.set(turn)
        message = await self.ports.store.create_assistant(None, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        await self.ports.broker.publish(self.told(call, message, result.text), None)
        await self.ports.active.delete(turn)
        await self.ports.mutex.unlock()

    def told(self, call: Call, message: str, text: str) -> Completion:
        """What a waiter reads."""
        return Completion(call.prompt, call.run_id, message, text)

    def others(self, text: str) -> str:
        """The other prompt's answer."""
        return text.replace("p1", "p0").replace("p2", "p1").replace("p0", "p2")


class Decorates(Tells):
    def told(self, call: Call, message: str, text: str) -> Completion:
        return Completion(call.prompt, call.run_id, message, f"*{text.upper()}*.")


class Quotes(Tells):
    def told(self, call: Call, message: str, text: str) -> Completion:
        return Completion(call.prompt, call.run_id, message, f"after {self.others(text)}: {text}")


class MakesUp(Tells):
    def told(self, call: Call, message: str, text: str) -> Completion:
        return Completion(call.prompt, call.run_id, message, "all done")


class DecoratesAnothers(Tells):
    def told(self, call: Call, message: str, text: str) -> Completion:
        return Completion(call.prompt, call.run_id, message, f"*{self.others(text)}*.")


class NamesAnothersMessage(Tells):
    def told(self, call: Call, message: str, text: str) -> Completion:
        return Completion(call.prompt, call.run_id, self.others(message), text + ".")


class TellsAnothersError(Tells):
    def told(self, call: Call, message: str, text: str) -> Completion:
        return Completion(call.prompt, call.run_id, message, text + ".", Fault("store", self.others(call.prompt)))


@pytest.mark.parametrize("agent", [Tells, Decorates, Quotes, MakesUp])
def test_an_answer_that_is_made_of_its_own_is_right(agent: type[Small]) -> None:
    """Also where it quotes another one, or where nothing of any answer is left."""
    cell = check(agent, "AA", invariants=("right-owner",)).cell  # type: ignore[arg-type]
    assert cell.invariants["right-owner"].verdict is Verdict.PROVED


@pytest.mark.parametrize(
    ("agent", "what"), [(DecoratesAnothers, "answer"), (NamesAnothersMessage, "message"), (TellsAnothersError, "error")]
)
def test_what_is_anothers_is_wrong(agent: type[Small], what: str) -> None:
    """Its text, decorated; its message, beside a decorated text of one's own; its error."""
    cell = check(agent, "AA", invariants=("right-owner",)).cell  # type: ignore[arg-type]
    assert cell.invariants["right-owner"].verdict is Verdict.REFUTED
    assert f"carries the {what} of" in str(cell.invariants["right-owner"].sentence)


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("answer:p2", "p2"),
        ("answer:p2.", "p2"),
        ("Re: answer:p12!", "p12"),
        ("ANSWER:P2", "p2"),
        ("answer:p1 answer:p2", "p2"),
        ("answer:p1, answer:p3", "p1"),
        ("answer:", None),
        ("", None),
        (None, None),
    ],
)
def test_the_answer_in_a_text_tells_its_owner(text: str | None, owner: str | None) -> None:
    """For a completion of p2."""
    assert answered(text, "p2") == owner
