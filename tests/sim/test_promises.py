"""What a session promises decides what is judged of it; what it does not promise is named, and is no proof."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.sim.small_agents import Small

from everyturn import Promises
from everyturn.checking.check import check
from everyturn.checking.fuzz import fuzz
from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Exit, Result, Verdict, exit_code
from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.errors import Refused
from everyturn_impl.revisions.hardened import Hardened
from everyturn_model.promises import ALL


class SparesTheQueue(Hardened):
    """Cancel ends what is active, in one critical section, and nothing else."""

    async def cancel_locked(self) -> tuple[Call, ...]:
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        return ()


class StopsOnlyTheTurn(SparesTheQueue):
    promises = Promises(cancel="turn")


class ClearsAsWell(Hardened):
    """Promises to spare the queue, and drops it."""

    promises = Promises(cancel="turn")


class StopsNothing(Hardened):
    promises = Promises(cancel="nothing")

    async def cancel(self) -> None:
        await self.ports.mark.get()


class SaysItStopsTheTurn(StopsNothing):
    promises = Promises(cancel="turn")


class ForgetsTheAccepted(Hardened):
    """Cancel drops what is queued, and covers nobody who is on his way."""

    promises = Promises(cancel="turn and queue")

    async def raise_mark(self) -> None:
        """Cover nothing."""


def said(agent: type[Small] | type[Hardened], scope: str, name: str) -> Verdict:
    return check(agent, scope, invariants=(name,)).cell.invariants[name].verdict  # type: ignore[arg-type]


def test_a_cancel_that_spares_the_queue_is_judged_by_that() -> None:
    """What was queued may run; without the promise it is a lost Cancel. The specification says the same."""
    cell = check(StopsOnlyTheTurn, "AA+1c").cell
    assert cell.verdict is Verdict.PROVED
    assert cell.conforms is not None
    assert cell.conforms.verdict is Verdict.PROVED
    whole = check(SparesTheQueue, "AA+1c").cell
    assert whole.invariants["no-lost-cancel"].verdict is Verdict.REFUTED
    assert whole.conforms is not None
    assert whole.conforms.verdict is Verdict.REFUTED


def test_a_cancel_that_promises_to_end_the_turn_has_to() -> None:
    """The active turn is judged; and who is spared is not dropped."""
    assert said(SaysItStopsTheTurn, "A+1c", "no-lost-cancel") is Verdict.REFUTED
    assert said(ClearsAsWell, "AA+1c", "no-poisoned-prompt") is Verdict.REFUTED


def test_who_is_accepted_and_on_his_way_is_covered_only_by_promise() -> None:
    """A mutant of that kind is refuted under the whole promise."""
    assert said(ForgetsTheAccepted, "AA+1c", "no-lost-cancel") is Verdict.PROVED
    assert said(type("Whole", (ForgetsTheAccepted,), {"promises": ALL}), "AA+1c", "no-lost-cancel") is Verdict.REFUTED


def test_what_is_not_promised_is_said_and_is_no_proof() -> None:
    """In check and in fuzz; nothing else asked for: nothing ran."""
    cell = check(StopsNothing, "A+1c", invariants=("no-lost-cancel",)).cell
    assert cell.invariants["no-lost-cancel"].verdict is Verdict.NOT_PROMISED
    assert cell.verdict is Verdict.NOT_PROMISED
    assert cell.verdict.words == "not promised"
    assert exit_code(Result("everyturn/result/1", "check", [cell])) is Exit.NOTHING_RAN
    whole = check(StopsNothing, "A+1c").cell
    assert whole.verdict is Verdict.PROVED
    assert exit_code(Result("everyturn/result/1", "check", [whole])) is Exit.HOLDS
    fuzzed = fuzz(StopsNothing, "A+1c", runs=20).cell
    assert fuzzed.invariants["no-lost-cancel"].verdict is Verdict.NOT_PROMISED


class Turns(Small):
    """Refuses whoever comes while another one is there."""

    promises = Promises(busy="refuse", folds=False)

    async def submit(self, call: Call) -> Call:
        if not await self.ports.active.set_if_idle(Context(("w", call.prompt)).turn(call.prompt)):
            raise Refused(call.prompt)
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        turn = caller.turn(call.prompt)
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(None, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, message, result.text), None)
        await self.ports.active.delete(turn)


def test_a_session_may_refuse_while_it_is_busy() -> None:
    """Then order is not promised, and the specification lets it refuse; not otherwise."""
    cell = check(Turns, "AA").cell  # type: ignore[arg-type]
    assert cell.invariants["in-order"].verdict is Verdict.NOT_PROMISED
    assert cell.conforms is not None
    assert (cell.verdict, cell.conforms.verdict) == (Verdict.PROVED, Verdict.PROVED)
    queues = check(type("Queues", (Turns,), {"promises": ALL}), "AA").cell
    assert queues.conforms is not None
    assert queues.conforms.verdict is Verdict.REFUTED


class FoldsInSpiteOfIt(Hardened):
    promises = Promises(folds=False)


def test_a_session_that_promises_not_to_fold_does_not() -> None:
    """Nor those for whom nobody waits."""
    assert said(FoldsInSpiteOfIt, "Aa", "no-fold-of-run-id") is Verdict.REFUTED
    assert said(Hardened, "Aa", "no-fold-of-run-id") is Verdict.PROVED


def test_promises_are_listed_and_checked() -> None:
    """Words that are none, and objects that are none, are refused with what is expected."""
    listed = CliRunner().invoke(main, ["list", "promises", "--json"])
    assert {each["name"] for each in json.loads(listed.stdout)["entries"]} == {"cancel", "busy", "folds"}
    with pytest.raises(ValueError, match="cancel='everything': expected one of 'nothing', 'turn'"):
        Promises(cancel="everything")
    with pytest.raises(UsageError, match=r"promises: expected everyturn\.Promises"):
        check(type("Wrong", (Hardened,), {"promises": "turn"}), "A")
    assert Promises() == ALL
