"""Explanations of known causes, and what is promised of every explanation."""

from __future__ import annotations

from functools import cache

import pytest
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.checking.fuzz import after_fuzzing, fuzz
from everyturn.engines.coroutines.transitions import JUDGE, Row, Transitions
from everyturn.engines.explorer.paths import ByPlace, walk
from everyturn.explanation.explain import Explanation, explain
from everyturn.explanation.happens_before import HappensBefore
from everyturn.explanation.shrink import judge_of, shrink
from everyturn.reports import story
from everyturn.runs.tokens.named_steps import ByName
from everyturn.verdicts.checker import SINK
from everyturn.world.scope import Scope
from everyturn.world.world import World

CASES = [
    ("d3", "AA", "no-hang"),
    ("d3", "AA", "no-fold-of-run-id"),
    ("d4", "AA+1c", "no-lost-cancel"),
    ("d4", "AA+1e", "no-hang"),
]


@cache
def explained(revision: str, scope: str, invariant: str) -> Explanation:
    """The explanation of a shrunk shortest run."""
    run = check(revision, scope, invariants=[invariant]).runs[invariant][0]
    return explain(shrink(run.schedule, invariant).after, invariant)


def racing(found: Explanation) -> list[tuple[str, str]]:
    """Thread and operation of the racing pair."""
    assert found.race is not None
    made = [found.run.steps[touch.step].operations[touch.place] for touch in found.race]
    return [(each.thread, str(each.operation)) for each in made]


def test_the_fold_races_with_the_append() -> None:
    """d3, AA: whether p2 is in the queue when p1's drain reads it decides whether it is folded (F1, H1)."""
    for invariant in ("no-fold-of-run-id", "no-hang"):
        assert racing(explained("d3", "AA", invariant)) == [("p2", "queue.set"), ("p1", "queue.get")]


def test_the_second_delete_races_with_the_next_turn() -> None:
    """d4, AA+1c: p1's deferred delete removes the entry that p2 has just set, so that the Cancel finds nobody (L3)."""
    assert racing(explained("d4", "AA+1c", "no-lost-cancel")) == [("p2", "active.set"), ("p1", "active.delete")]


def test_the_story_says_whose_entry_is_deleted() -> None:
    """And when a Cancel was done: what is promised goes by that."""
    told = list(story.lines(explained("d4", "AA+1c", "no-lost-cancel")))
    assert any(
        "p1's turn marks the session idle; BUT THE ENTRY IT DELETES IS THAT OF p2's turn" in line for line in told
    )
    assert any("cancel1 returns: Cancel is done" in line for line in told)


@pytest.mark.parametrize(
    ("work", "said"),
    [
        ("p1/p1", "p1's turn"),
        ("p1/p2.1", "p2's turn"),
        ("p1/retry/p1", "p1's second turn"),
        ("p1/retry/p2.1", "p2's turn"),
        ("p1/p1/summary", "the summary of p1"),
        ("summarise1/summary", "the summary of summarise1"),
        ("summarise1/p2.1", "p2's turn"),
    ],
)
def test_a_turn_is_told_by_whose_it_is(work: str, said: str) -> None:
    """Not by its name, which is its path."""
    assert story.whose(work) == said


def test_the_error_path_races_with_the_busy_test() -> None:
    """d4, AA+1e: p2 finds p1's entry, which p1 deletes without looking at the queue (H4)."""
    assert racing(explained("d4", "AA+1e", "no-hang")) == [("p2", "active.get"), ("p1", "active.delete")]


def test_the_lines_of_a_race_are_the_agents() -> None:
    """File, line and text are those of the code that waits for the access."""
    found = explained("d4", "AA+1c", "no-lost-cancel")
    assert found.race is not None
    lines = [found.places[touch.step][touch.place] for touch in found.race]
    assert [line.file for line in lines] == ["everyturn_impl/agent.py"] * 2
    assert ["ports.active.set(" in lines[0].text, "ports.active.delete(" in lines[1].text] == [True, True]


@pytest.mark.parametrize("case", CASES)
def test_the_nearest_passing_run_violates_nothing_and_is_the_same_before(case: tuple[str, str, str]) -> None:
    """Up to the step at which it differs."""
    found = explained(*case)
    assert found.passing is not None
    assert judge_of(case[2]).run(found.passing.run.seen()) == []
    steps = [(step.thread, step.operations) for step in found.run.steps]
    others = [(step.thread, step.operations) for step in found.passing.run.steps]
    assert steps[: found.passing.step] == others[: found.passing.step]
    assert steps[found.passing.step] != others[found.passing.step]


@pytest.mark.parametrize("case", CASES)
def test_the_good_way_that_was_lost_is_good(case: tuple[str, str, str]) -> None:
    """From the step that crossed the point of no return on, it leads to a rest in which nothing is violated."""
    found = explained(*case)
    assert found.no_return is not None
    assert found.no_return.step is not None
    transitions = Transitions(World(Scope.parse(found.run.scope), found.run.revision), judge_of(case[2]))
    bad = walk(transitions, ByPlace(found.run.schedule.deviations)).names
    guide = ByName([*bad[: found.no_return.step], *found.good])
    assert walk(transitions, guide).violation(case[2]) is None
    assert guide.stray is None
    after = ByName([*bad[: found.no_return.step + 1]])
    assert walk(transitions, after).violation(case[2]) is not None


@pytest.mark.parametrize("case", CASES)
def test_happened_before_is_a_partial_order_within_the_run(case: tuple[str, str, str]) -> None:
    """It contains each thread's order, goes forward only, and is transitive; races are of different threads."""
    run = explained(*case).run
    order = HappensBefore(run)
    steps = range(len(run.steps))
    for a in steps:
        for b in range(a, len(run.steps)):
            if run.steps[a].thread == run.steps[b].thread:
                assert order.before(a, b)
            if order.before(a, b):
                assert all(order.before(a, c) for c in steps if order.before(b, c))
    assert all(run.steps[race.first.step].thread != run.steps[race.second.step].thread for race in order.races)


def graph(transitions: Transitions) -> dict[Row, list[Row]]:
    """All rows that can be reached, and where each can go."""
    found: dict[Row, list[Row]] = {}
    waiting = [transitions.initial()]
    while waiting:
        row = waiting.pop()
        if row not in found:
            found[row] = [after for _, _, after, _ in transitions.successors(row)]
            waiting += found[row]
    return found


@thinned(2)
@pytest.mark.parametrize(
    ("revision", "scope", "invariant"),
    [("d3", "AA", "no-hang"), ("d4", "AA+1e", "no-hang"), ("d4", "A+1s", "one-turn"), ("d4", "AI", "nothing-lost")],
)
def test_the_point_of_no_return_is_that_of_the_whole_graph(revision: str, scope: str, invariant: str) -> None:
    """Of all rows of the scope those are known from which a good end can be reached; the step leads out of them."""
    found = explained(revision, scope, invariant)
    transitions = Transitions(World(Scope.parse(found.run.scope), found.run.revision), judge_of(invariant))
    leads = graph(transitions)
    assert len(leads) > 500
    spoken = {row for row in leads if SINK in transitions.judged.values[row[JUDGE]].monitors}
    good = {row for row in leads if not leads[row] and row not in spoken and not transitions.rest(row)[1]}
    before: dict[Row, list[Row]] = {}
    for row, following in leads.items():
        for after in following:
            before.setdefault(after, []).append(row)
    waiting = list(good)
    while waiting:
        for row in before.get(waiting.pop(), ()):
            if row not in good and row not in spoken:
                good.add(row)
                waiting.append(row)
    path = walk(transitions, ByPlace(found.run.schedule.deviations))
    rows = [*(step.row for step in path.steps), path.last]
    assert found.no_return is not None
    assert found.no_return.step == max(number for number, row in enumerate(rows) if row in good)


def test_too_small_a_budget_is_undetermined() -> None:
    """Never a guess."""
    run = explained("d4", "AA+1c", "no-lost-cancel").run
    assert explain(run.schedule, "no-lost-cancel", budget=3).no_return is None


def test_the_text_names_prompt_lines_and_token() -> None:
    """What a reader needs: who, where in the code, when it was too late, and how to look at it again."""
    found = explained("d4", "AA+1e", "no-hang")
    told = "\n".join(story.lines(found))
    for part in ("p2 has a run id", "everyturn_impl/agent.py:", "Point of no return: step", found.run.token, "side by"):
        assert part.lower() in told.lower()


def test_a_campaign_that_found_something_ends_with_an_explanation() -> None:
    """Shrunk first; a clean one has none."""
    explanation = after_fuzzing(fuzz("d3", "AA+1c", runs=50, seed=1))
    assert explanation is not None
    assert explanation[1].run.token == explanation[0].run.token
    assert after_fuzzing(fuzz("hardened", "A", runs=2)) is None
