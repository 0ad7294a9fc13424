"""Each thing that the counter-check compares is compared: what is altered in one place is found there."""

from __future__ import annotations

from collections.abc import Callable, Collection
from random import Random
from typing import Any

import pytest

from everyturn.checking.check import check
from everyturn.checking.countercheck import counter_check as counter_checking
from everyturn.checking.countercheck.comparing import Claims, parted
from everyturn.checking.countercheck.likeness import alike
from everyturn.checking.countercheck.proofs import tables_of
from everyturn.checking.countercheck.walks import Walk
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.explorer.judge_states import JudgeTable
from everyturn.engines.explorer.levels import LevelExplorer
from everyturn.verdicts.checker import Finding, Judge
from everyturn.world.operations import Operation
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_impl.calls import Call
from everyturn_model.events import Refused, Rest


def walked(way: Collection[int] = ()) -> tuple[Walk, Claims]:
    """A run of `hardened` at A by the tables."""
    judge = Judge()
    explorer = LevelExplorer(World(Scope.parse("A"), "hardened"), judge)
    explorer.run()
    (walk,) = tables_of(explorer).walk([()], [Random(1)], 100)
    return walk, Claims(JudgeTable(judge), frozenset(), None)


def altered(walk: Walk, place: int, **changes: Any) -> Walk:
    steps = list(walk.steps)
    steps[place] = steps[place]._replace(**changes)
    return walk._replace(steps=steps)


OTHER: Any = Operation("mark", "get")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"enabled": ()}, "who can go on: by the tables nothing, really p1"),
        ({"before": OTHER}, "by the tables p1 then waits for mark.get()"),
        ({"after": OTHER}, "by the tables p1 then waits for mark.get()"),
        ({"after": None}, "by the tables p1 then ends"),
        ({"events": (Refused("p9"),)}, "what is seen: by the tables Refused(prompt='p9', busy=False), really nothing"),
        ({"findings": (Finding("no-hang", "so it is"),)}, "what is violated: by the tables no-hang, really nothing"),
        ({"known": False}, "the state that is reached here was never explored"),
    ],
)
def test_each_thing_that_tables_say_of_a_step_is_compared(changes: Any, sentence: str) -> None:
    """One of them is wrong, and found."""
    walk, claims = walked()
    place = next(number for number, said in enumerate(walk.steps) if not said.events and said.after is not None)
    world = World(Scope.parse("A"), "hardened")
    assert parted(walk, world, claims) is None
    found = parted(altered(walk, place, **changes), World(Scope.parse("A"), "hardened"), claims)
    assert found is not None
    assert sentence in found.sentence
    assert found.steps == place + (0 if {"enabled", "before"} & set(changes) else 1)


def test_what_tables_say_of_rest_is_compared() -> None:
    """What is seen, what is violated, and how the run ends."""
    walk, claims = walked()
    assert walk.rested is not None
    (rest,) = walk.rested.events
    assert isinstance(rest, Rest)

    def found(walk: Walk, claims: Claims) -> str:
        where = parted(walk, World(Scope.parse("A"), "hardened"), claims)
        assert where is not None
        return where.sentence

    other = walk._replace(rested=walk.rested._replace(events=()))
    assert found(other, claims).startswith("what is seen at rest: by the tables nothing")
    other = walk._replace(rested=walk.rested._replace(findings=(Finding("no-hang", "so it is"),)))
    assert found(other, claims) == "what is violated: by the tables no-hang, really nothing"
    assert found(walk, claims._replace(outcomes=set())) == "the outcome of this run was never found"
    shorter = walk._replace(steps=walk.steps[:-1])
    assert found(shorter, claims) == "who can go on: by the tables nothing, really p1"


def test_what_was_to_be_proved_must_not_be_violated() -> None:
    """Also where tables and run agree."""
    judge = Judge()
    world = World(Scope.parse("AA"), "d3")
    explorer = Explorer(world, judge)
    explorer.run()
    walks = tables_of(explorer).walk([()] * 60, [Random(number) for number in range(60)], 200)
    violating = next(walk for walk in walks if walk.rested and walk.rested.findings)
    claims = Claims(JudgeTable(judge), frozenset(), None)
    assert parted(violating, World(Scope.parse("AA"), "d3"), claims) is None
    found = parted(violating, World(Scope.parse("AA"), "d3"), claims._replace(proved=frozenset({"no-hang"})))
    assert found is not None
    assert "no-hang was to be proved and is violated" in found.sentence


def test_values_of_two_worlds_are_alike_unless_somebody_can_tell_them_apart() -> None:
    """Numbers that are no numbers, functions that were made twice, objects that nobody compares."""

    def made(number: int) -> Callable[[], int]:
        return lambda: number

    assert alike(float("nan"), float("nan"))
    assert alike((made(1), "a"), (made(1), "a"))
    assert alike(object(), object())
    assert not alike(1, True)
    assert not alike("a", "b")
    assert not alike(("a", 1), ("a",))
    assert not alike(Call("p1", "p1", "r1"), Call("p1", "p1", "r2"))


def test_something_is_compared_however_short_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy, or for a tiny scope."""
    monkeypatch.setattr(counter_checking, "_LEAST", 0.0)
    monkeypatch.setattr(counter_checking, "_SHARE", 0.0)
    done = check("hardened", "AA+1c").cell.counter_check
    assert done is not None
    assert done.stopped == "0.0 seconds"
    assert (done.merges, done.merged, done.schedules) == (counter_checking.FEWEST,) * 3
