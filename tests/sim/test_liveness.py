"""Liveness of worlds: hang, livelock and endless choices told apart; endless scopes and what they abstract from."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.checking.liveness import cell, liveness
from everyturn.cli import main
from everyturn.engines.fairness.fairness import Liveness, WaitKind
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import ENDLESS, EXTRAS, UNBOUNDED, Scope
from everyturn.world.world import World, find_revision, with_few_steps
from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Completion, Context


def judged(revision: str | type[SessionAgent], scope: str) -> Liveness:
    """What weakly fair threads can do."""
    return liveness(World(Scope.parse(scope), revision))


def kinds(found: Liveness) -> set[tuple[WaitKind, str]]:
    """Who may wait for ever, and how."""
    return {(lasso.kind, lasso.who) for lasso in found.lassos}


@thinned(2)
@pytest.mark.parametrize("revision", ["d0", "d3", "d4", "hardened"])
@pytest.mark.parametrize("scope", ["AA", "A+1f", "AA+1e", "A+1c+1b"])
def test_where_every_run_ends_it_is_no_hang(revision: str, scope: str) -> None:
    """In a bounded scope nothing goes round, and somebody waits at rest exactly if no-hang is refuted."""
    found = judged(revision, scope)
    refuted = check(revision, scope, invariants=["no-hang"]).cell.verdict is Verdict.REFUTED
    assert {lasso.kind for lasso in found.lassos} == ({WaitKind.HANG} if refuted else set())


@pytest.mark.parametrize("revision", ["d4", "hardened"])
def test_tool_rounds_without_end_are_the_models_choice(revision: str) -> None:
    """Two waiters wait as long as the model asks for tools; if it stops asking some day, both are told."""
    world = World(Scope.parse("AA+*t"), revision)
    found = liveness(world)
    assert kinds(found) == {(WaitKind.ENDLESS, "p1"), (WaitKind.ENDLESS, "p2")}
    for lasso in found.lassos:
        ends = [step.told for step in lasso.cycle if "StreamEnded" in step.told]
        assert ends
        assert all("tool" in told for told in ends)
    assert cell(world, found).verdict is Verdict.REFUTED
    assert cell(world, found, fair_choices=True).verdict is Verdict.PROVED


@pytest.mark.parametrize("letter", [letter for letter in UNBOUNDED if letter not in "tb"])
def test_hardened_tells_everybody_however_often_something_fails(letter: str) -> None:
    """Errors, failures and refusals without number: every waiter is told, and nothing is retried for ever."""
    assert judged("hardened", f"AA+*{letter}").lassos == []


class Spins(SessionAgent):
    """Looks again and again whether the session is idle, instead of queueing behind its turn at once."""

    async def run_accepted(self, call: Call, caller: Context) -> None:
        """Spin, then go on as before."""
        while await self.ports.active.get() is not None:
            pass
        await super().run_accepted(call, caller)


class StaysBusy(SessionAgent):
    """Forgets to delete `active` at the end of a turn."""

    async def leave(self, work: Context) -> None:
        """Only cancel the turn's context."""
        await self.ports.contexts.cancel(work)


class SpinsForEver(Spins, StaysBusy):
    """Both."""


def test_who_spins_is_let_go_by_a_fair_schedule() -> None:
    """A schedule in which only the spinning thread moves is unfair, and no counterexample."""
    assert kinds(judged(Spins, "AA")) == set()
    unfair = liveness(World(Scope.parse("AA"), Spins), fair="none")
    assert {lasso.kind for lasso in unfair.lassos} == {WaitKind.LIVELOCK}


def test_a_hang_at_rest_and_a_livelock_are_told_apart() -> None:
    """A session that stays busy: who queues behind it waits at rest, who spins waits going round."""
    assert {kind for kind, _ in kinds(judged(StaysBusy, "AA"))} == {WaitKind.HANG}
    assert {kind for kind, _ in kinds(judged(SpinsForEver, "AA"))} == {WaitKind.HANG, WaitKind.LIVELOCK}


class TellsForEver(SessionAgent):
    """Publishes until somebody must have heard; it cannot know."""

    async def submit(self, call: Call) -> Call:
        await self.ports.mark.get()
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        while True:
            await self.ports.broker.publish(self.completion(call), None)

    def completion(self, call: Call) -> Completion:
        return Completion(call.prompt, call.run_id)


class TellsNobody(TellsForEver):
    def completion(self, call: Call) -> Completion:
        return Completion(call.prompt, None)


def test_what_makes_no_difference_to_its_thread_is_a_choice_all_the_same() -> None:
    """Every publish may be given up: fair choices end that. Without a run id no publish ends the wait."""
    assert kinds(judged(TellsForEver, "A+*b")) == {(WaitKind.ENDLESS, "p1")}
    assert kinds(judged(TellsNobody, "A+*b")) == {(WaitKind.LIVELOCK, "p1")}


def test_a_livelock_is_shown_as_stem_and_cycle() -> None:
    """Shortest: the cycle is the one look that the spinning thread takes again and again."""
    livelock = next(lasso for lasso in judged(SpinsForEver, "AA").lassos if lasso.kind is WaitKind.LIVELOCK)
    assert [step.told.split(" / ")[0] for step in livelock.cycle] == [f"{livelock.who} active.get"]
    lines = list(livelock.lines())
    assert len(lines) == len(livelock.stem) + len(livelock.cycle) + 2
    assert any("for ever" in line for line in lines)


# endless scopes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("letter", UNBOUNDED)
def test_an_endless_extra_is_read_and_written(letter: str) -> None:
    """A star in place of the number."""
    scope = Scope.parse(f"AA+*{letter}+1c")
    assert (getattr(scope, EXTRAS[letter][0]), scope.cancels, scope.endless) == (ENDLESS, 1, True)
    assert Scope.parse(str(scope)) == scope


@pytest.mark.parametrize("letter", sorted(set(EXTRAS) - set(UNBOUNDED)))
def test_only_what_is_up_to_the_world_goes_on_for_ever(letter: str) -> None:
    """Threads are counted, and what takes no number has none."""
    with pytest.raises(UsageError, match=r"(for ever|takes no number), found '\*"):
        Scope.parse(f"AA+*{letter}")


def test_the_steps_of_an_endless_turn_have_three_numbers() -> None:
    """1, 2, 3, 2, 3, …: any two in a row differ."""
    agent = World(Scope.parse("A+*t"), "d4").agent
    assert isinstance(agent, SessionAgent)
    numbers = [1]
    for _ in range(5):
        numbers.append(agent.next_step(numbers[-1]))
    assert numbers == [1, 2, 3, 2, 3, 2]


@pytest.mark.parametrize("revision", ["d1", "d4", "hardened"])
def test_numbering_steps_anew_changes_no_verdict(revision: str) -> None:
    """More tool rounds than numbers, with and without the abstraction: the same invariants are refuted."""
    scope = "A+1c+3t"
    plain = check(revision, scope).cell
    abstract = check(with_few_steps(find_revision(revision)), scope).cell
    assert {name: each.verdict for name, each in plain.invariants.items()} == {
        name: each.verdict for name, each in abstract.invariants.items()
    }


# the command ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "verdict"),
    [
        (["--scope", "A+*t"], 1, "refuted"),
        (["--scope", "A+*t", "--fair-choices"], 0, "proved"),
        (["--scope", "A+*t", "--expect", "refuted"], 0, "refuted"),
        (["--scope", "A+*t", "--max-states", "20"], 4, "undetermined"),
        (["--scope", "a"], 0, "vacuous"),
        (["--scope", "AA", "--revision", "d3"], 1, "refuted"),
    ],
)
def test_the_command_has_a_verdict_and_an_exit_code(arguments: list[str], code: int, verdict: str) -> None:
    """`everyturn liveness --json`: one cell with one property."""
    done = CliRunner().invoke(main, ["liveness", *arguments, "--json"])
    (found,) = json.loads(done.stdout)["cells"]
    assert (done.exit_code, found["verdict"]) == (code, verdict)
    assert list(found["invariants"]) == ["eventually-told"]


def test_the_command_prints_the_run() -> None:
    """Stem, cycle and sentence."""
    done = CliRunner().invoke(main, ["liveness", "--scope", "A+*t"])
    assert "p1 waits for as long as the world keeps making the same choices" in done.stdout
    assert done.stdout.count("│") == 16


def test_a_scope_is_needed() -> None:
    """Exit code 2."""
    assert CliRunner().invoke(main, ["liveness"]).exit_code == 2
