"""What `hardened` owes at shutdown (docs/semantics.md 5), as an invariant of this test's own."""

from __future__ import annotations

from typing import Final

import pytest
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import Event, ShutdownBegan, TurnStarted
from everyturn_model.invariants import INVARIANTS, Invariant, Kind, Violated
from everyturn_model.lifecycle import Ledger


def no_late_start(closing: bool, event: Event, ledger: Ledger) -> bool | Violated:
    """After shutdown began, no turn begins."""
    if isinstance(event, TurnStarted) and closing:
        return Violated(f"{event.prompt} started after shutdown began")
    return closing or isinstance(event, ShutdownBegan)


NO_LATE_START: Final = Invariant(
    "no-late-start", "No prompt starts after shutdown began.", Kind.ALWAYS, no_late_start, False
)


def violated(revision: str, scope: str) -> set[str]:
    """What is violated in a cell, by the fifteen and by the one above."""
    explorer = LevelExplorer(World(Scope.parse(scope), revision), Judge((*INVARIANTS, NO_LATE_START)))
    found = explorer.run()
    assert found.complete
    return set(found.violations)


@thinned(2)
@pytest.mark.parametrize("scope", ["A+x", "AA+x", "Ai+x", "AI+x", "A+x+1c", "A+x+1s", "A+x+1f"])
def test_hardened_starts_nothing_after_shutdown_and_tells_everybody(scope: str) -> None:
    """All fifteen hold, waiters told included, and no turn begins late."""
    assert violated("hardened", scope) == set()


def test_the_seed_commit_starts_prompts_after_shutdown() -> None:
    """The check can fail: at d4 a prompt that was accepted in time starts late."""
    assert "no-late-start" in violated("d4", "AA+x")


def test_on_an_event_loop_a_shutdown_need_not_be_first() -> None:
    """With `await` a prompt may have started before; d4 then leaves its waiter alone, as on threads."""
    for granularity in ("access", "await"):
        cell = check("d4", "A+x", granularity=granularity).cell
        assert cell.invariants["no-hang"].verdict is Verdict.REFUTED
