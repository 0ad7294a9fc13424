"""Symmetry reduces agents that treat all prompts alike, and notices every other one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest
from tests.nightly import thinned
from tests.sim.small_agents import Small

from everyturn.checking.check import check
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.ports import Ports, Shared


class Alike(Small):
    """Tells each prompt at once."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await self.work(call)

    async def work(self, call: Call) -> None:
        await self.tell(call, False)

    async def tell(self, call: Call, cancelled: bool) -> None:
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, cancelled=cancelled), None)


class FavoursIfItComesLate(Alike):
    """p2 keeps what p1 forgets: p1's two histories are one local state, p2's are two."""

    async def work(self, call: Call) -> None:
        late = await self.ports.mark.get() > 0 and call.prompt == "p2"
        await self.ports.mark.set(1)
        await self.ports.queue.get()
        await self.tell(call, late)


class FavoursInTheJournal(Alike):
    async def work(self, call: Call) -> None:
        await self.ports.queue.get()
        if call.prompt == "p1":
            self.ports.journal.cancelled_on_entry(call)


@dataclass(frozen=True)
class Line:
    """Its first is who comes first by name."""

    names: frozenset[str] = frozenset()

    def join(self, name: str) -> tuple[None, Line]:
        return None, Line(self.names | {name})

    def first(self) -> tuple[str, Line]:
        return min(self.names), self


class FavoursInAnObject(Alike):
    own: ClassVar[dict[str, Any]] = {"line": Line()}

    def __init__(self, ports: Ports, *, direct: bool = False, line: Shared[Line]) -> None:
        super().__init__(ports)
        self.line = line

    async def work(self, call: Call) -> None:
        await self.line.do(Line.join, call.prompt)
        await self.tell(call, await self.line.do(Line.first) == call.prompt)


@pytest.mark.parametrize("agent", [FavoursIfItComesLate, FavoursInTheJournal, FavoursInAnObject])
def test_a_favourite_is_noticed_wherever_it_shows(agent: Any) -> None:
    """In a local variable, in the journal, in the order of names within an object."""
    alike: Any = Alike
    with pytest.raises(EveryturnError, match="does not treat all prompts alike"):
        check(agent, "AA", reduce="symmetry")
    assert check(alike, "AA", reduce="symmetry").cell.states == 6  # 3 places of each of two threads, in any order


@thinned(2)
@pytest.mark.parametrize("agent", ["examples.agents.actor:Actor", "examples.agents.lock_free:LockFree"])
def test_an_agent_of_another_design_can_be_reduced(agent: str) -> None:
    """Verdicts are the same, with a thread and objects of its own, in nearly half the states."""
    whole, half = (check(agent, "AA", reduce=reduce).cell for reduce in ("dead", "symmetry"))
    assert whole.invariants == half.invariants
    assert whole.states is not None
    assert half.states is not None
    assert half.states < 0.6 * whole.states


@thinned(4)
@pytest.mark.parametrize(
    ("revision", "scope"),
    [("d4", "AAA"), ("d0", "aaa"), ("d3", "A+3c"), ("d4", "A+3q"), ("d4", "A+2s"), ("d4", "II+2s")],
)
def test_three_of_a_kind_change_places(revision: str, scope: str) -> None:
    """Renamings of more than two, and of summaries: the same violations, as short, and the same outcomes, in fewer
    states."""
    worlds = [World(Scope.parse(scope), revision, "await") for _ in range(2)]
    whole, reduced = (
        LevelExplorer(world, Judge(), each) for world, each in zip(worlds, ("dead", "symmetry"), strict=True)
    )
    told = [explorer.run() for explorer in (whole, reduced)]
    assert told[1].states < 0.6 * told[0].states
    one, other = ({name: len(each.decisions) for name, each in found.violations.items()} for found in told)
    assert one == other
    assert (told[0].outcomes, told[0].depth) == (told[1].outcomes, told[1].depth)


@thinned(2)
@pytest.mark.parametrize(
    ("revision", "scope", "granularity"),
    [("d2", "AA+1f", "await"), ("d0", "I+1r+x", "access"), ("d4", "aa+1r", "await")],
)
def test_a_way_is_found_through_states_whose_macro_steps_have_to_be_made_again(
    revision: str, scope: str, granularity: str
) -> None:
    """What a macro step reads may have become more since a state on the way was explored."""
    whole, reduced = (check(revision, scope, granularity=granularity, reduce=each) for each in ("dead", "symmetry"))
    assert {name: (each.verdict, each.steps) for name, each in reduced.cell.invariants.items()} == {
        name: (each.verdict, each.steps) for name, each in whole.cell.invariants.items()
    }
