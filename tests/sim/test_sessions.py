"""Sessions of asyncio agents as they are: refuted by the right invariant, proved where they are right."""

from __future__ import annotations

from examples.sessions.adapter import Chat, Mended

from everyturn.sessions.adapter import Session
from everyturn.sessions.checking import check, workload
from everyturn.verdicts.verdict import Verdict

NEVER_SHOWN = {"state-before-notice", "idle-cancel"}


def said(adapter: type[Session], scope: str, *, merge: bool = True) -> dict[str, Verdict]:
    """What is said of all that is judged, but for what is proved and what nothing could violate."""
    cell = check(workload(adapter, scope), merge=merge).cell
    assert cell.conforms is not None
    every = {**cell.invariants, "conforms": cell.conforms}
    quiet = (Verdict.PROVED, Verdict.VACUOUS)
    return {name: each.verdict for name, each in every.items() if each.verdict not in quiet and name not in NEVER_SHOWN}


def refuted(adapter: type[Session], scope: str) -> set[str]:
    return {name for name, verdict in said(adapter, scope).items() if verdict is Verdict.REFUTED}


def test_a_prompt_that_comes_while_the_session_goes_idle_is_forgotten() -> None:
    assert refuted(Chat, "AA") == {"no-hang", "nothing-lost", "clean-rest", "no-deadlock", "conforms"}


def test_a_turn_that_is_cancelled_before_its_first_step_tells_nobody() -> None:
    assert {"no-hang", "true-outcome"} <= refuted(Chat, "A+1c")


def test_the_mended_session_is_proved() -> None:
    for scope in ("A", "AA", "Aa", "A+1c", "AA+1c", "AA+1e"):
        assert said(Mended, scope) == {}
