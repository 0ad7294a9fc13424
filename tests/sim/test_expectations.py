"""Which witnesses a scope calls for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.verdicts.expectations import CALLED_FOR, called_for, unreached
from everyturn.world.scope import Scope
from everyturn_model.witnesses import WITNESSES

SCOPES = ("A+1t", "AI+1s", "Aa+1c", "AA+1e", "A+1f", "A+u", "A+x", "A+1r+d")
BESIDES = {("Aa+1c", "store-failure"), ("A+x", "store-failure")}
"""A cancelled write is a failure of the store, too, but nothing that a Cancel in a scope calls for."""


@cache
def reached(revision: str, scope: str) -> dict[str, bool]:
    return check(revision, scope, invariants=["one-turn"]).cell.witnesses


def test_every_witness_is_spoken_of() -> None:
    """In the order of the model."""
    assert list(CALLED_FOR) == [witness.name for witness in WITNESSES]


@thinned(2)
@pytest.mark.parametrize("revision", ["d4", "hardened"])
@pytest.mark.parametrize("scope", SCOPES)
def test_what_is_reached_was_called_for(scope: str, revision: str) -> None:
    """Otherwise a scope could show more than it is said to, and what is missing there would not be told."""
    found = {name for name, is_reached in reached(revision, scope).items() if is_reached}
    assert {(scope, name) for name in found - set(called_for(Scope.parse(scope)))} <= BESIDES


def test_every_witness_is_reached_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is called for in vain; `d4` shows no drop in these scopes, the lock-free example does with two prompts."""
    monkeypatch.chdir(Path(__file__).parents[2])
    found = {name for scope in SCOPES for name, is_reached in reached("d4", scope).items() if is_reached}
    assert set(CALLED_FOR) - found == {"drop"}
    assert unreached(reached("examples.agents.lock_free:LockFree", "aa+1c"), Scope.parse("aa+1c")) == (
        "cancel-on-entry",
    )


@pytest.mark.parametrize(
    ("scope", "missing"),
    [
        ("A", ()),
        ("AA", ("queued", "hand-off")),
        ("Aa", ("queued", "fold", "hand-off")),
        ("AA+1c", ("queued", "hand-off", "drop", "clear", "cancel-on-entry", "cancelled-turn")),
        ("I+1c", ("cancelled-turn",)),
        ("AA+1q", ("queued", "hand-off", "clear")),
        ("A+1r", ()),
        ("A+2r", ("error-notice",)),
        ("A+1r+d", ("error-notice",)),
    ],
)
def test_a_scope_that_shows_only_a_finished_turn(scope: str, missing: tuple[str, ...]) -> None:
    """No Cancel, no drop; nobody else, no queue; one refusal is mended by the coordinator, if there is one."""
    assert unreached({"finished-turn": True, "completion": True}, Scope.parse(scope)) == missing
