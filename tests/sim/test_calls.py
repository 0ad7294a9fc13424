"""That something is called, and returns, is an event of the world, whatever the dispatcher's code does."""

from __future__ import annotations

from typing import Any

import pytest
from tests.nightly import thinned
from tests.sim.silent_agents import (
    Forgets,
    IgnoresAll,
    IgnoresCancel,
    IgnoresClear,
    Keeps,
    Locks,
    Looks,
    Notes,
    Refuses,
    Started,
    Streams,
    Tells,
    Waits,
)
from tests.sim.test_every_schedule import every_schedule, explored

from everyturn.checking.check import check
from everyturn.checking.fuzz import fuzz
from everyturn.engines.coroutines.exploration import Exploration
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.engines.simpy.kernel import simulate
from everyturn.strategies import strategy
from everyturn.verdicts.checker import Judge
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.revisions.hardened import Hardened
from everyturn_model import events as ev

LOST = {"no-hang", "nothing-lost", "conforms"}
"""What a prompt breaks that is forgotten."""
AGENTS: list[tuple[Any, str, set[str]]] = [
    (Forgets, "AA", LOST),
    (Forgets, "aa", LOST - {"no-hang"}),
    (Forgets, "II", LOST),
    (Forgets, "II+x", LOST),
    (Forgets, "AI+d+x", LOST),
    (Looks, "II", LOST),
    (Looks, "II+x", LOST),
    (Looks, "I+1f", LOST),
    (Refuses, "AA", {"conforms"}),
    (Refuses, "AA+x", {"conforms"}),
    (Keeps, "I", {"nothing-lost", "true-outcome", "conforms"}),
    (Keeps, "II", {"nothing-lost", "true-outcome", "conforms"}),
    (Tells, "II", {"no-hang", "nothing-lost", "true-outcome", "clean-rest", "conforms"}),
    (Notes, "I", {"no-hang", "no-poisoned-prompt", "conforms"}),
    (Streams, "I", LOST),
    (Locks, "II", LOST | {"no-deadlock", "clean-rest", "true-outcome"}),
    (Waits, "A", set()),
    (Waits, "A+1c", {"no-lost-cancel", "conforms"}),
    (Started, "A+1c", {"no-lost-cancel", "conforms"}),
]
"""Agents, scopes, and what is violated there, thought out by hand."""


def violated(found: Exploration) -> set[str]:
    assert found.complete
    return set(found.violations)


@thinned(4)
@pytest.mark.parametrize(("agent", "scope", "expected"), AGENTS)
def test_every_engine_finds_what_is_true(agent: Any, scope: str, expected: set[str]) -> None:
    """By levels, with one process and with two, plainly, without merging anything, and by orders of accesses that
    matter."""
    assert violated(LevelExplorer(World(Scope.parse(scope), agent), Judge()).run()) == expected
    assert violated(LevelExplorer(World(Scope.parse(scope), agent), Judge(), processes=2).run()) == expected
    plain = Explorer(World(Scope.parse(scope), agent), Judge()).run()
    assert violated(plain) == expected
    assert every_schedule(agent, scope) == (expected, plain.outcomes)
    searched = fuzz(agent, scope, strategy="dpor", runs=20_000)
    assert searched.complete
    assert (set(searched.failures), set(searched.outcomes)) == (expected, plain.outcomes)


@thinned(2)
@pytest.mark.parametrize(("agent", "scope", "expected"), [each for each in AGENTS if each[0] is not Waits])
def test_random_runs_find_what_is_true(agent: Any, scope: str, expected: set[str]) -> None:
    """Through SimPy and over tables; the shortest counterexamples replay in SimPy."""
    for engine in ("simpy", "tables"):
        assert set(fuzz(agent, scope, runs=300, seed=1, engine=engine).failures) == expected, engine
    for name, (run, step) in check(agent, scope).runs.items():
        assert name in expected
        assert step <= len(run.steps)


@pytest.mark.parametrize("granularity", ["access", "await"])
@pytest.mark.parametrize(("agent", "scope", "expected"), [each for each in AGENTS if len(each[1]) < 4])
def test_letting_others_run_before_every_operation_finds_no_more(
    agent: Any, scope: str, expected: set[str], granularity: str
) -> None:
    """What is looked at before a thread's first step could as well be looked at later."""
    assert every_schedule(agent, scope, fine=True)[0] == expected
    assert every_schedule(agent, scope, granularity) == explored(agent, scope, granularity)


def test_a_cancel_that_does_nothing_is_lost() -> None:
    """The right dispatcher but for its Cancel: refuted for that alone."""
    cell = check(IgnoresCancel, "AA+1c").cell
    refuted = {name for name, judged in cell.invariants.items() if judged.verdict == "refuted"}
    assert refuted == {"no-lost-cancel"}
    assert cell.conforms is not None
    assert cell.conforms.verdict == "refuted"


def test_a_clear_that_does_nothing_breaks_the_specification_only() -> None:
    """No invariant asks what becomes of a queued prompt that a ClearQueue found; the specification does."""
    assert violated(LevelExplorer(World(Scope.parse("AA+1q"), IgnoresClear), Judge()).run()) == {"conforms"}


@pytest.mark.parametrize("scope", ["A+1q", "A+1s", "A+x"])
def test_every_call_is_seen(scope: str) -> None:
    """A ClearQueue, Summarise or shutdown that does nothing is called, and returns, in every run."""
    run = simulate(World(Scope.parse(scope), IgnoresAll), strategy("random-walk", 1), 0)
    seen = {type(event) for events in run.seen() for event in events}
    calls: dict[str, set[type[ev.Event]]] = {
        "A+1q": {ev.ClearCalled, ev.ClearReturned},
        "A+1s": {ev.SummariseCalled, ev.SummariseReturned},
        "A+x": {ev.ShutdownBegan},
    }
    assert calls[scope] <= seen


@pytest.mark.parametrize("scope", ["I+1f+x", "i+1f+x", "II+1f", "I+1c+1f", "A+1f+x"])
def test_a_prompt_that_fails_before_its_turn_was_submitted_before_it_failed(scope: str) -> None:
    """That no model is configured is its fate; that its thread is counted as ended is no submission."""
    assert violated(LevelExplorer(World(Scope.parse(scope), Hardened), Judge()).run()) == set()


def test_what_was_never_let_in_was_called_all_the_same() -> None:
    """A prompt that waits for ever before its first access is told at rest, in traces and tables, too."""
    run = check("tests.sim.silent_agents:Locks", "II").runs["no-hang"][0]
    submitted, rest = run.at_rest
    assert isinstance(submitted, ev.Submitted)
    assert rest == ev.Rest(ev.SharedData(mutex="p1" if submitted.prompt == "p2" else "p2"), (submitted.prompt,))
    assert [tuple(events) for events in run.seen()][-1] == (submitted, rest)
