"""A dispatcher that goes round for ever: what is judged at rest is not proved by there being no rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tests.nightly import one_in, thinned
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.checking.fuzz import fuzz
from everyturn.cli import main
from everyturn.engines.coroutines.components import components
from everyturn.engines.explorer import endless_runs
from everyturn.engines.explorer.rounds import on_cycles
from everyturn.engines.simpy import kernel
from everyturn.engines.simpy.replay import replay
from everyturn.errors import EndlessRun
from everyturn.verdicts.verdict import Verdict
from everyturn_impl.calls import Call, Completion, Context

AT_REST = ("no-hang", "nothing-lost", "clean-rest", "no-deadlock")


class Spins(Small):
    """Each prompt but the first looks again and again whether the first has run; nobody ever says so."""

    says = False

    async def submit(self, call: Call) -> Call:
        await self.ports.active.get()
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if call.prompt != "p1":
            while not await self.ports.mark.get():
                pass
        elif self.says:
            await self.ports.mark.set(1)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class SpinsForAWhile(Spins):
    """The first says so: a fair schedule lets everybody go."""

    says = True


@pytest.mark.parametrize("engine", ["levels", "plain"])
@pytest.mark.parametrize("agent", [Spins, SpinsForAWhile])
def test_what_is_judged_at_rest_is_not_proved_of_runs_without_rest(agent: Any, engine: str) -> None:
    """Undetermined, and where threads go round; one prompt alone comes to rest."""
    cell = check(agent, "AA", invariants=["no-hang", "no-deadlock"], engine=engine).cell
    for judged in cell.invariants.values():
        assert judged.verdict is Verdict.UNDETERMINED
        assert judged.sentence is not None
        assert f"p2 at mark.get ({__file__}:" in judged.sentence
    assert check(agent, "A", invariants=["no-hang", "no-deadlock"], engine=engine).cell.verdict is Verdict.PROVED


@thinned(3)
@pytest.mark.parametrize(
    ("agent", "names"),
    one_in(2, [Spins, SpinsForAWhile], [("no-deadlock",), ("true-outcome", "no-hang", "no-deadlock"), ()]),
)
def test_two_processes_see_the_same_round(agent: Any, names: tuple[str, ...]) -> None:
    """Also when this process has followed another counterexample before it looks for rounds."""
    one, two = (check(agent, "AA", invariants=names, processes=processes).cell for processes in (1, 2))
    assert one.invariants == two.invariants
    assert two.invariants["no-deadlock"].verdict is Verdict.UNDETERMINED


class SpinsAlike(Spins):
    """Whoever comes spins, unless a mark is set that nobody sets."""

    async def run_local(self, call: Call, caller: Context) -> None:
        while not await self.ports.mark.get():
            await self.ports.queue.get()


class TakesTurns(Spins):
    """Whoever comes writes his name over the other's, until he finds it still there."""

    async def run_local(self, call: Call, caller: Context) -> None:
        while await self.ports.queue.get() != (call,):
            await self.ports.queue.set((call,))


@pytest.mark.parametrize("reduce", ["dead", "none", "symmetry"])
@pytest.mark.parametrize("agent", [SpinsAlike, TakesTurns])
def test_symmetry_sees_the_same_round(agent: Any, reduce: str) -> None:
    """Of two prompts in-process either may spin; or only both together, each in the other's stead."""
    judged = check(agent, "II", invariants=["no-deadlock"], reduce=reduce).cell.invariants["no-deadlock"]
    assert judged.verdict is Verdict.UNDETERMINED


def test_a_round_is_seen_in_whichever_chunk_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are looked at chunk by chunk: here none of a round leaves a state that is among the first."""
    agent: Any = Spins
    monkeypatch.setattr(endless_runs, "CHUNK", 2)
    judged = check(agent, "AA", invariants=["no-deadlock"]).cell.invariants["no-deadlock"]
    assert judged.verdict is Verdict.UNDETERMINED


@pytest.mark.parametrize("agent", ["examples.agents.lock_free:LockFree", "examples.agents.actor:Actor"])
def test_a_loop_that_somebody_elses_progress_ends_is_no_round(agent: str) -> None:
    """A compare-and-set that is tried again has failed because another succeeded."""
    cell = check(agent, "AA").cell
    assert {cell.invariants[name].verdict for name in AT_REST} == {Verdict.PROVED}


def test_a_violation_on_an_endless_run_is_shown_up_to_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Through SimPy the run is cut after the step that violates; its token replays to the same step."""
    monkeypatch.setattr(kernel, "LONGEST", 1000)
    agent: Any = Spins
    judged = check(agent, "AA", invariants=["true-outcome"]).cell.invariants["true-outcome"]
    assert judged.verdict is Verdict.REFUTED
    assert judged.token is not None
    again = replay(judged.token, agent=agent)
    assert again.strayed is None
    assert again.run.rest is None
    assert len(again.run.steps) == judged.steps
    assert again.cell.invariants["true-outcome"].verdict is Verdict.REFUTED


def test_a_sampled_run_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says which thread goes on where."""
    monkeypatch.setattr(kernel, "LONGEST", 1000)
    with pytest.raises(EndlessRun, match=r"thread p2 is at mark\.get, and the run goes on"):
        fuzz(Spins, "AA", runs=1, strategy="fifo")  # type: ignore[arg-type]


def test_the_command_says_what_it_doubts() -> None:
    """Exit code 4, and a line for each invariant."""
    arguments = ["check", "--agent", f"{__name__}:Spins", "--scope", "AA", "--invariant", "no-deadlock"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 4
    assert "? no-deadlock: holds at rest, but threads can go round for ever" in done.output


EDGES = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=16)


@given(EDGES)
def test_steps_on_cycles_are_those_between_parts_with_one(edges: list[tuple[int, int]]) -> None:
    """Something is left exactly if some strongly connected part has a step within it; all such steps are left."""
    sources, targets = (np.array(each, np.int64) for each in (zip(*edges, strict=True) if edges else ((), ())))
    left = {edges[place] for place in on_cycles(sources, targets, 8).tolist()}
    part_of: dict[int, int] = {}
    for part in components(range(8), lambda node: [target for source, target in edges if source == node]):
        part_of.update(dict.fromkeys(part, part[0]))
    within = {(source, target) for source, target in edges if part_of[source] == part_of[target]}
    assert within <= left
    assert bool(left) == bool(within)
