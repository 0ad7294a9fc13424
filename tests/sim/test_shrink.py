"""Shrinking: 1-minimal, stable, and still the same violation."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.cli import main
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.simpy.kernel import simulate
from everyturn.errors import UsageError
from everyturn.explanation.explain import shown_by
from everyturn.explanation.shrink import Shrunk, judge_of, shrink, shrink_source, smaller_scopes
from everyturn.runs.run import Run
from everyturn.runs.schedule import Schedule
from everyturn.runs.tokens.named_steps import Named
from everyturn.runs.trace import read
from everyturn.strategies.replay import Replay
from everyturn.world.scope import Scope
from everyturn.world.world import World

CASES = [
    ("d3", "AA", "no-hang"),
    ("d4", "AA+1c", "no-lost-cancel"),
    ("d4", "AA+1e", "no-hang"),
    ("d4", "AAA", "one-turn"),
    ("d1", "AA+1c", "no-poisoned-prompt"),
]


def counterexample(revision: str, scope: str, invariant: str) -> Run:
    """A shortest violating run."""
    return check(revision, scope, invariants=[invariant]).runs[invariant][0]


@cache
def shrunk(revision: str, scope: str, invariant: str) -> Shrunk:
    """That run, shrunk."""
    return shrink(counterexample(revision, scope, invariant).schedule, invariant)


def violates(schedule: Schedule, invariant: str) -> bool:
    """Whether the run of a schedule, made through SimPy, violates the invariant."""
    world = World(Scope.parse(schedule.scope), schedule.revision, schedule.granularity)
    run = simulate(world, Replay(schedule.deviations))
    return any(finding.invariant == invariant for _, finding in judge_of(invariant).run(run.seen()))


@thinned(2)
@pytest.mark.parametrize("case", CASES)
def test_the_same_invariant_is_violated(case: tuple[str, str, str]) -> None:
    """By the shrunk run, through SimPy, with no more deviations than before."""
    found = shrunk(*case)
    assert violates(found.after, case[2])
    assert len(found.after.deviations) <= len(found.before.deviations)


@thinned(2)
@pytest.mark.parametrize("case", CASES)
def test_no_single_deviation_can_be_removed_or_lowered(case: tuple[str, str, str]) -> None:
    """By brute force, through SimPy."""
    after = shrunk(*case).after
    for index, (decision, place) in enumerate(after.deviations):
        for lower in range(place):
            kept = ((decision, lower),) if lower else ()
            turns = (*after.deviations[:index], *kept, *after.deviations[index + 1 :])
            assert not violates(after._replace(deviations=turns), case[2])


@pytest.mark.parametrize("case", CASES)
def test_no_smaller_scope_violates(case: tuple[str, str, str]) -> None:
    """By exploring every scope with one prompt or one extra less."""
    after = shrunk(*case).after
    for scope, _ in smaller_scopes(Scope.parse(after.scope)):
        explorer = Explorer(World(scope, after.revision), judge_of(case[2]))
        found = explorer.run(Limits(states=100_000))
        assert found.complete
        assert case[2] not in found.violations


@thinned(2)
@pytest.mark.parametrize("case", CASES)
def test_shrinking_twice_changes_nothing(case: tuple[str, str, str]) -> None:
    """A shrunk run is as small as it gets; and shrinking is deterministic."""
    found = shrunk(*case)
    assert shrink(found.after, case[2]).after == found.after
    assert shrink(found.before, case[2]).after == found.after


def test_every_prompt_and_every_extra_is_tried_alone() -> None:
    """Each prompt by itself, each of two Cancels by itself."""
    assert [str(scope) for scope, _ in smaller_scopes(Scope.parse("AAa+2c+n"))] == [
        "Aa+2c+n",
        "Aa+2c+n",
        "AA+2c+n",
        "AAa+1c+n",
        "AAa+1c+n",
        "AAa+2c",
    ]


def test_the_steps_of_a_removed_prompt_are_dropped_and_the_others_renumbered() -> None:
    """Threads are named by their prompts."""
    rename = next(rename for _, rename in smaller_scopes(Scope.parse("AAA+n")))
    steps = [Named(thread, (("mutex.lock", "None"),)) for thread in ("p1", "p2", "title:p3", "title:p1", "cancel1")]
    renamed = [rename(step) for step in steps]
    assert [None if each is None else each.thread for each in renamed] == [None, "p1", "title:p2", None, "cancel1"]


def test_a_run_that_violates_nothing_is_refused() -> None:
    """With what was expected."""
    with pytest.raises(UsageError, match="expected a schedule that violates no-hang"):
        shrink(Schedule("hardened", "AA", "access", ()), "no-hang")


def test_the_cause_is_kept_if_that_is_asked_for() -> None:
    """N4 of the findings: p1 is tried again for p2's refusal. Without it N3 is found, p1's own retry, with one
    prompt."""
    trace = str(Path(__file__).parent.parent / "traces" / "N4-nothing-lost.jsonl")
    slipped, kept = shrink_source(trace, ["nothing-lost"]), shrink_source(trace, ["nothing-lost"], keep_cause=True)
    assert [slipped.after.scope, kept.after.scope] == ["A+1r", "AA+1r"]
    first, second, third = (
        shown_by(schedule, "nothing-lost").cause for schedule in (kept.before, kept.after, slipped.after)
    )
    assert first == second != third
    assert shrink(kept.after, "nothing-lost", keep_cause=True).after == kept.after


def test_a_kept_cause_is_1_minimal() -> None:
    """No deviation can be removed without another cause, or none."""
    trace = str(Path(__file__).parent.parent / "traces" / "H2-no-hang.jsonl")
    after = shrink_source(trace, keep_cause=True).after
    cause = shown_by(after, "no-hang").cause
    for index in range(len(after.deviations)):
        fewer = after._replace(deviations=(*after.deviations[:index], *after.deviations[index + 1 :]))
        assert not violates(fewer, "no-hang") or shown_by(fewer, "no-hang").cause != cause


def test_the_command_keeps_the_cause_on_demand(tmp_path: Path) -> None:
    """`everyturn shrink --keep cause -o FILE` writes a trace with the scope that the cause needs."""
    source = str(Path(__file__).parent.parent / "traces" / "N4-nothing-lost.jsonl")
    for keep, scope in (("cause", "AA+1r"), ("invariant", "A+1r")):
        path = tmp_path / keep
        command = ["shrink", source, "--invariant", "nothing-lost", "--keep", keep, "-o", str(path)]
        assert CliRunner().invoke(main, command).exit_code == 1
        assert read(path).header.scope == scope
