"""Every guard of the specification, from both sides: what it refuses, and the neighbouring step that it lets pass."""

from __future__ import annotations

import pytest
from tests.model.guard_cases import CASES, Case
from tests.model.short_runs import Log

from everyturn_model.conformance import Refusal, advance_state
from everyturn_model.events import EVENT_TYPES
from everyturn_model.spec import ACTIONS, BY_EVENT, START
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.state import State


def after(log: Log) -> State:
    """The state after a log that must pass as a whole."""
    state = START
    for event in log:
        advanced = advance_state(state, event)
        assert not isinstance(advanced, Refusal), f"{advanced} in {log}"
        state = advanced
    return state


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.guard)
def test_a_guard_refuses_one_step_and_lets_its_neighbour_pass(case: Case) -> None:
    """Each guard refuses what its sentence forbids, and nothing next to it."""
    refusal = advance_state(after(case.before), case.refused)
    assert isinstance(refusal, Refusal), f"{case.refused} passed"
    assert refusal.guard == case.guard
    assert refusal.event == case.refused
    after((*(case.before if case.instead is None else case.instead), case.passing))


def test_every_guard_has_a_case() -> None:
    """No guard is without a case, and no case without a guard."""
    assert sorted(case.guard for case in CASES) == sorted(guard.name for action in ACTIONS for guard in action.guards)


def test_guards_speak_in_sentences() -> None:
    """What a user reads is a sentence: it begins with a capital letter and ends with a point."""
    sentences = [guard.sentence for action in ACTIONS for guard in action.guards]
    assert [each for each in sentences if not (each[0].isupper() and each.endswith(".") and "  " not in each)] == []


def test_every_event_has_an_action() -> None:
    """The specification has an opinion on every event of the vocabulary, and two actions that no event tells of."""
    assert BY_EVENT.keys() == {*EVENT_TYPES.values(), CancelTakesEffect, ClearTakesEffect}
