"""What a scenario notes and says in its world: it may read it again, and note objects equal to nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.search.searching import search
from everyturn.errors import ReplayError
from everyturn.verdicts.verdict import Verdict

KEPT: dict[str, tuple[Callable[[Any], object], Callable[[Any], object]]] = {
    "a note": (lambda world: world.log("b was first"), lambda world: world.logged),
    "a duration": (lambda world: world.measure("wait", 1.0), lambda world: world.timing.measured),
    "a latency": (lambda world: world.takes("x", 1.0), lambda world: world.timing.latencies),
    "on the network": (lambda world: setattr(world.network, "first", 1), lambda world: hasattr(world.network, "first")),
}
"""How the world is told something, and where it can be read again."""


def remembers(say: Callable[[Any], object], read: Callable[[Any], object]) -> Scenario:
    """Which of two answers came first, nothing but the world knows; one order is wrong."""

    async def scenario(world: Any) -> None:
        answer = asyncio.ensure_future(world.io("a"))
        await world.io("b")
        if not answer.done():
            say(world)
        await answer
        del answer
        await asyncio.gather(world.io("x"), world.io("y"))
        assert not read(world)

    return scenario


@pytest.mark.parametrize("where", KEPT)
def test_what_a_scenario_reads_again_of_its_world_is_a_part_of_the_state(where: str) -> None:
    assert "error" in search(remembers(*KEPT[where])).found
    assert "error" not in search(remembers(lambda world: None, KEPT[where][1])).found


async def notes_an_error(world: Any) -> None:
    """No exception is equal to another one, nor is an object that says nothing of itself."""
    await asyncio.gather(world.io("a"), world.io("b"))
    world.log("failed", ValueError("no"))
    world.log(object())


def test_errors_and_objects_can_be_noted() -> None:
    assert check(notes_an_error).cell.verdict is Verdict.PROVED


def test_an_error_that_says_something_else_in_each_run_is_still_told() -> None:
    """What the scenario itself encloses is not put back."""
    runs: list[int] = []

    async def notes_which_run_it_is(world: Any) -> None:
        runs.append(1)
        await asyncio.gather(world.io("a"), world.io("b"))
        world.log("failed", ValueError(len(runs)))

    with pytest.raises(ReplayError, match=r"1\. of the notes: expected \('failed', ValueError\(\d+\)\)"):
        search(notes_which_run_it_is, merge=False)


async def takes_a_name_of_the_worlds(world: Any) -> None:
    """Taken for the world's own, it would mean that nothing is decided any more: all would be proved."""
    world.over = True
    first = await asyncio.gather(world.io("a"), world.io("b"))
    assert first is None


async def takes_a_name_of_its_own(world: Any) -> None:
    world.is_over = True
    await asyncio.gather(world.io("a"), world.io("b"))
    assert world.is_over


def test_a_name_that_the_world_needs_itself_is_refused() -> None:
    with pytest.raises(
        Unsupported, match=r"test_asyncio_notes\.py:\d+: world\.over = …: expected a name of the scenario's own"
    ):
        check(takes_a_name_of_the_worlds)
    assert check(takes_a_name_of_its_own).cell.verdict is Verdict.PROVED
