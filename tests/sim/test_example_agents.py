"""Dispatchers of other designs than the project's own: proved where they are right, refuted where they are not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.nightly import nightly, one_in, thinned

from everyturn.checking.check import check
from everyturn.verdicts.verdict import Verdict
from everyturn.world.world import find_revision
from everyturn_impl.scripted_model import ScriptedClient, ScriptedStep, StreamGate
from everyturn_impl.workspace import Workspace

ROOT = Path(__file__).parents[2]
LOCK_FREE = "examples.agents.lock_free:LockFree"
ACTOR = "examples.agents.actor:Actor"


@pytest.fixture(autouse=True)
def _in_the_projects_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a user would type the commands."""
    monkeypatch.chdir(ROOT)


def refuted(agent: str, scope: str) -> set[str]:
    """The invariants that are refuted in a cell, conformance among them."""
    cell = check(agent, scope).cell
    assert cell.conforms is not None
    said = {**cell.invariants, "conforms": cell.conforms}
    return {name for name, judged in said.items() if judged.verdict not in (Verdict.PROVED, Verdict.VACUOUS)}


@thinned(4)
@pytest.mark.parametrize(
    ("scope", "agent"), one_in(2, ["AI", "II", "AA+1q", "AA+1e", "AA+1t", "AA+1f", "AA+1r"], [LOCK_FREE, ACTOR])
)
def test_everything_is_proved(agent: str, scope: str) -> None:
    """All fifteen invariants and the specification, which knows no mutex, mark, recursion or coordinator."""
    assert refuted(agent, scope) == set()


@pytest.mark.parametrize(
    ("agent", "scope", "invariants", "states"),
    [
        (LOCK_FREE, "AA", (), 1039),
        (LOCK_FREE, "AAa", ("mission",), 58879),
        (LOCK_FREE, "AA+1c", (), 70842),
        (ACTOR, "AA", (), 2237),
        nightly(ACTOR, "AAa", ("mission",), 275732),
        nightly(ACTOR, "AA+1c", (), 99541),
    ],
)
def test_what_was_proved_is_pinned(agent: str, scope: str, invariants: tuple[str, ...], states: int) -> None:
    """Everything, or the mission's three: nobody hangs, nobody is told twice, no run id is folded."""
    cell = check(agent, scope, invariants=invariants).cell
    assert (cell.verdict, cell.states) == (Verdict.PROVED, states)
    assert cell.conforms is None or cell.conforms.verdict is Verdict.PROVED


@thinned(2)
@pytest.mark.parametrize(
    ("agent", "scope", "broken"),
    [
        ("examples.agents.lock_free:LooksOnce", "AA", {"no-hang", "nothing-lost", "clean-rest", "conforms"}),
        ("examples.agents.lock_free:AsksTheEpoch", "Aa+1c", {"no-poisoned-prompt", "conforms"}),
        ("examples.agents.actor:LooksForItself", "A+1c", {"no-lost-cancel", "conforms"}),
    ],
)
def test_the_races_that_were_avoided_are_found(agent: str, scope: str, broken: set[str]) -> None:
    """A lost wake-up, a fold into a turn that a Cancel has just hit, a Cancel that looks too early."""
    assert refuted(agent, scope) == broken


@pytest.mark.parametrize("agent", [LOCK_FREE, ACTOR])
def test_the_same_classes_run_on_asyncio(agent: str) -> None:
    """With SQLite and a model: a prompt behind another one is told after it, a cancelled one as cancelled."""

    async def story() -> tuple[str, str, bool]:
        first, last = StreamGate(), StreamGate()
        client = ScriptedClient(
            {"p1": [ScriptedStep(text="one", gate=first)], "p3": [ScriptedStep(text="three", gate=last)]}
        )
        async with Workspace(":memory:", client, revision=find_revision(agent)) as workspace:
            await workspace.submit("s", "first", "r1", prompt="p1")
            await first.reached()
            await workspace.submit("s", "second", "r2", prompt="p2")
            first.open()
            one, two = await workspace.wait("r1"), await workspace.wait("r2")
            await workspace.submit("s", "third", "r3", prompt="p3")
            await last.reached()
            await workspace.cancel("s")
            three = await workspace.wait("r3")
            return one.text, two.prompt, three.cancelled

    assert asyncio.run(asyncio.wait_for(story(), 20)) == ("one", "p2", True)
