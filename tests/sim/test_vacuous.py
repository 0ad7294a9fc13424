"""Vacuous means that no dispatcher whatsoever could break the invariant: for every smallest scope, one that does.

What no dispatcher can make up are the two things that clients do: wait for a run id, and call Cancel. So only these are
asked of a scope; for everything else there is a dispatcher below, as silly as it has to be, that breaks the invariant
with one prompt. In order needs two prompts with run id: one that waits for a turn, and one that is preferred to it.
"""

from __future__ import annotations

from operator import attrgetter

import pytest
from tests.nightly import thinned
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.verdicts.vacuity import is_vacuous
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_model.invariants import BY_NAME

ONE_PROMPT = ("a", "i", "A", "I")
A_WAITER = ("A", "I")
A_CANCEL = ("a+1c", "i+1c")
TWO_WAITERS = ("AA", "AI", "II")

VACUOUS_WITHOUT_RUN_ID = {"no-hang", "no-double-emit", "no-fold-of-run-id", "in-order", "right-owner", "prompt-notice"}
VACUOUS_WITHOUT_CANCEL = {"no-lost-cancel", "idle-cancel"}


class Silly(Small):
    """Does the same for every prompt, whichever way it came; a Cancel does nothing."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.act(call, caller)

    async def run_local(self, call: Call, caller: Context) -> None:
        await self.act(call, caller)

    async def cancel(self) -> None:
        await self.ports.mark.get()

    async def act(self, call: Call, caller: Context) -> None:
        """What becomes of a prompt."""
        await self.ports.mark.get()

    async def answer(self, call: Call, turn: Context) -> str:
        """A step of a turn from its message to its end; the message that it made."""
        message = await self.ports.store.create_assistant(turn, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        return message


class Forgets(Silly):
    """Looks at something, and forgets the prompt."""


class TellsTwice(Silly):
    """Tells what never happened, twice."""

    async def act(self, call: Call, caller: Context) -> None:
        for _ in range(2):
            await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class FoldsIntoItself(Silly):
    """Queues a prompt, and folds it into the turn that it would have had."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.queue.set((call,))
        await self.ports.queue.delete()
        self.ports.journal.folded(call, caller.turn(call.prompt))
        await self.ports.mark.get()


class BeginsTwice(Silly):
    """Begins two turns of one prompt, and ends none."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.active.set(caller.turn(call.prompt))
        await self.ports.active.set(caller.next_hop().turn(call.prompt))


class RunsRegardless(Silly):
    """Runs a prompt's turn whatever a Cancel does, which is nothing."""

    async def act(self, call: Call, caller: Context) -> None:
        turn = caller.turn(call.prompt)
        await self.ports.active.set(turn)
        await self.answer(call, turn)
        await self.ports.active.delete(turn)


class CancelsItself(Silly):
    """Cancels its own turn, though nobody asked for it."""

    async def act(self, call: Call, caller: Context) -> None:
        turn = caller.turn(call.prompt)
        await self.ports.active.set(turn)
        await self.ports.contexts.cancel(turn)
        await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))


class LastInFirstOut(Silly):
    """Queues every prompt in front, and whoever finds two of them runs the one that came last."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.mutex.lock()
        queued = (call, *await self.ports.queue.get())
        await self.ports.queue.set(queued)
        if len(queued) > 1:
            for each in queued:
                turn = caller.turn(each.prompt)
                await self.ports.active.set(turn)
                await self.ports.active.delete(turn)
        await self.ports.mutex.unlock()


class TellsAMadeUpError(Silly):
    """Tells a waiter of an error that befell somebody else."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, fault=Fault("store", "somebody")), None)


class NotifiesOfAMadeUpError(Silly):
    """Notifies a waiter of an error that befell somebody else."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.broker.notify_error(call, Fault("store", "somebody"), run_id=True)


class Litters(Silly):
    """Leaves a mark, and does so in a Cancel."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.mark.set(1)

    async def cancel(self) -> None:
        await self.ports.mark.set(1)


class LocksTwice(Silly):
    """Waits for a mutex that it holds."""

    async def act(self, call: Call, caller: Context) -> None:
        await self.ports.mutex.lock()
        await self.ports.mutex.lock()


class TellsBehindASummary(Silly):
    """Keeps what a waiter has to be told until after a summary that nobody asked for."""

    shares = ("hooks",)

    async def act(self, call: Call, caller: Context) -> None:
        turn = caller.turn(call.prompt)
        await self.ports.active.set(turn)
        message = await self.answer(call, turn)
        await self.ports.active.delete(turn)
        await self.ports.hooks.keep(call.prompt, Completion(call.prompt, call.run_id, message))
        await self.ports.active.set(Context(("w", "somebody")).summary())


class TellsTooEarly(Silly):
    """Tells of a message that is not stored."""

    async def act(self, call: Call, caller: Context) -> None:
        turn = caller.turn(call.prompt)
        await self.ports.active.set(turn)
        message = await self.ports.store.create_assistant(turn, turn, 1)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, message), None)


BROKEN_BY = [
    ("no-hang", Forgets, A_WAITER),
    ("no-double-emit", TellsTwice, A_WAITER),
    ("no-fold-of-run-id", FoldsIntoItself, A_WAITER),
    ("one-turn", BeginsTwice, ONE_PROMPT),
    ("no-lost-cancel", RunsRegardless, A_CANCEL),
    ("no-poisoned-prompt", CancelsItself, ONE_PROMPT),
    ("nothing-lost", Forgets, ONE_PROMPT),
    ("in-order", LastInFirstOut, TWO_WAITERS),
    ("right-owner", TellsAMadeUpError, A_WAITER),
    ("right-owner", NotifiesOfAMadeUpError, A_WAITER),
    ("clean-rest", Litters, ONE_PROMPT),
    ("idle-cancel", Litters, A_CANCEL),
    ("no-deadlock", LocksTwice, ONE_PROMPT),
    ("prompt-notice", TellsBehindASummary, A_WAITER),
    ("true-outcome", TellsTwice, ONE_PROMPT),
    ("state-before-notice", TellsTooEarly, ONE_PROMPT),
]


def test_every_invariant_is_broken_in_its_smallest_scopes() -> None:
    """The table leaves none out."""
    assert {name for name, _, _ in BROKEN_BY} == set(BY_NAME)


@pytest.mark.parametrize(
    ("name", "agent", "scope"), [(name, agent, scope) for name, agent, scopes in BROKEN_BY for scope in scopes]
)
def test_what_is_not_vacuous_can_be_broken(name: str, agent: type[Silly], scope: str) -> None:
    """By a dispatcher, in this scope, which no smaller one is like."""
    assert not is_vacuous(BY_NAME[name], Scope.parse(scope))
    cell = check(agent, scope, invariants=(name,)).cell  # type: ignore[arg-type]
    assert cell.invariants[name].verdict is Verdict.REFUTED


@thinned(2)
@pytest.mark.parametrize(
    "agent",
    sorted({agent for _, agent, _ in BROKEN_BY}, key=attrgetter("__name__")),
    ids=lambda each: each.__name__,
)
def test_what_is_vacuous_is_broken_by_none_of_them(agent: type[Silly]) -> None:
    """Not in order with one waiter, not what speaks of waiters without any, not what speaks of Cancels without one."""
    for scope, vacuous in (
        ("aa", VACUOUS_WITHOUT_RUN_ID | VACUOUS_WITHOUT_CANCEL),
        ("Ai", VACUOUS_WITHOUT_CANCEL | {"in-order"}),
        ("a+1c", VACUOUS_WITHOUT_RUN_ID),
    ):
        said = check(agent, scope).cell.invariants  # type: ignore[arg-type]
        assert {name for name in BY_NAME if is_vacuous(BY_NAME[name], Scope.parse(scope))} == vacuous
        assert {said[name].verdict for name in vacuous} == {Verdict.VACUOUS}
