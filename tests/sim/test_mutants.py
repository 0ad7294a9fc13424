"""The checker from both sides: what is wrong is caught, what is right passes."""

from __future__ import annotations

import pytest

from everyturn.checking.check import check
from everyturn.checking.mutants import MUTANTS
from everyturn.verdicts.verdict import Verdict
from everyturn_impl.calls import Call, Context
from everyturn_impl.revisions.hardened import Hardened
from everyturn_model.invariants import BY_NAME


def test_there_is_a_mutant_for_each_invariant() -> None:
    """Named after it."""
    assert set(MUTANTS) == set(BY_NAME)


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_caught(name: str) -> None:
    """By the invariant that it is named after, and by the specification, which knows nothing of the invariants."""
    cell = check(MUTANTS[name], MUTANTS[name].scope).cell
    assert cell.invariants[name].verdict is Verdict.REFUTED
    assert cell.conforms is not None
    assert cell.conforms.verdict is Verdict.REFUTED


class NeverFolds(Hardened):
    """Gives every prompt a turn of its own."""

    async def take_foldable(self, turn: Context) -> Call | None:
        """Nothing is foldable."""
        return None


class LooksTwice(Hardened):
    """Reads the queue twice in each critical section."""

    async def empty_queue(self) -> tuple[Call, ...]:
        """Look before looking."""
        await self.ports.queue.get()
        return await super().empty_queue()


class TellsUnderTheMutex(Hardened):
    """Tells the waiters of cleared prompts before it gives the mutex back."""

    async def clear_queue(self) -> None:
        """Publish inside."""
        await self.ports.mutex.lock()
        await self.publish_drops(await self.empty_queue())
        await self.ports.mutex.unlock()


class CancelsTwice(Hardened):
    """Cancels a turn's context once more when the turn has ended."""

    async def pass_on(self, left: Context, caller: Context) -> Call | None:
        """As a deferred cancel function would."""
        call = await super().pass_on(left, caller)
        await self.ports.contexts.cancel(left)
        return call


@pytest.mark.parametrize("scope", ["Aa+1c", "AA+1q", "AI+1e", "AAa"])
@pytest.mark.parametrize("agent", [NeverFolds, LooksTwice, TellsUnderTheMutex, CancelsTwice])
def test_what_is_tricky_but_right_passes(agent: type[Hardened], scope: str) -> None:
    """A different order, a needless access or another policy is no violation."""
    cell = check(agent, scope).cell
    assert [name for name, judged in cell.invariants.items() if judged.verdict is Verdict.REFUTED] == []
    assert cell.conforms is not None
    assert cell.conforms.verdict is Verdict.PROVED
