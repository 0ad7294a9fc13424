"""Objects that are hashed by where they lie, one in a set: no order arises, and addresses keep no states apart."""

from __future__ import annotations

import asyncio
import builtins
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from tests.nightly import thinned

from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.search.searching import SearchLimits, search

BUILD = builtins.__build_class__


class Sink:
    """Hashed by where it lies."""


class Compared:
    """Hashed by where it lies, although it says what it is equal to."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__


class Held(Sink):
    """Has the hash of another class."""


async def _come_and_go(world: Any, make: Callable[[], Any], *, goes: bool) -> None:
    """Two that are made in either order, of which one is in a set, where it leaves a place behind."""
    sinks: set[Any] = set()
    kept = {}

    async def opens(name: str) -> None:
        await world.io(name)
        kept[name] = make()
        if name == "one":
            sinks.add(kept[name])
            if goes:
                await world.io("goes")
                sinks.discard(kept[name])

    await asyncio.gather(opens("one"), opens("other"))
    await asyncio.gather(world.io("end"), world.io("late"))
    world.log(len(sinks))


def _program(make: Callable[[], Any], *, goes: bool) -> Any:
    async def program(world: Any) -> None:
        await _come_and_go(world, make, goes=goes)

    return program


@thinned(2)
@pytest.mark.parametrize("goes", [False, True])
@pytest.mark.parametrize("kind", [Sink, Compared, Held])
def test_states_are_as_many_as_with_a_number_in_the_set(kind: type, goes: bool) -> None:
    by_value = search(_program(lambda: 0, goes=goes))
    found = search(_program(kind, goes=goes))
    assert found.complete
    assert not found.opaque
    assert not found.trusted
    assert (found.runs, found.states, found.merged) == (by_value.runs, by_value.states, by_value.merged)
    assert vars(kind).get("__hash__", object.__hash__) is object.__hash__
    assert not NOW.alone
    assert builtins.__build_class__ is BUILD


async def one_then_two(world: Any) -> None:
    """No set holds two of them but where one call fails."""
    sinks = {Sink()}
    try:
        await world.io("call", errors=(ValueError,))
    except ValueError:
        sinks.add(Sink())
        await asyncio.gather(world.io("again"), world.io("once more"))
    world.log(len(sinks))


async def kept_and_joined(world: Any) -> None:
    """One that a run before has left in a table is found there again."""
    if KEPT:
        assert next(iter(KEPT)) in KEPT
    KEPT.clear()
    KEPT[Sink()] = True
    await one_then_two(world)


KEPT: dict[Sink, bool] = {}


@pytest.mark.parametrize("program", [one_then_two, kept_and_joined])
def test_where_a_set_holds_two_after_all_their_order_is_trusted(program: Any) -> None:
    found = search(program)
    KEPT.clear()
    assert found.complete
    assert not found.found
    assert any("the order of sets of" in each and "Sink" in each for each in found.trusted)


async def of_a_class_made_here(world: Any) -> None:
    class Local:
        """Another one in each run."""

    await _hold_two_that_come_in_order(world, Local)


async def of_a_class_made_by_type(world: Any) -> None:
    await _hold_two_that_come_in_order(world, type("Made", (), {}))


async def _hold_two_that_come_in_order(world: Any, kind: type) -> None:
    made = [kind() for _ in "ab"]
    held = set(made)
    await asyncio.gather(world.io("one"), world.io("other"))
    world.log(len(held), *(made.index(each) for each in held if kind.__name__ == "Local"))


async def of_one_of_a_class_made_here(world: Any) -> None:
    class Local:
        """Another one in each run."""

    await _come_and_go(world, Local, goes=True)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (of_a_class_made_here, "Local is that in which they came"),
        (of_a_class_made_by_type, "Made is that of where they lie"),
    ],
)
def test_of_a_class_that_is_another_one_in_each_run_one_order_is_trusted(program: Any, said: str) -> None:
    found = search(program)
    assert found.complete
    assert any(said in each for each in found.trusted)


def test_one_of_a_class_that_is_another_one_in_each_run_has_no_order() -> None:
    found = search(of_one_of_a_class_made_here)
    by_value = search(_program(lambda: 0, goes=True))
    assert found.complete
    assert not found.trusted
    assert (found.runs, found.states) == (by_value.runs, by_value.states)


async def gone_through_weakly(world: Any) -> None:
    """Who goes through a weak set is in a set of it meanwhile."""
    sinks: weakref.WeakSet[Sink] = weakref.WeakSet()
    kept = {}

    async def opens(name: str) -> None:
        await world.io(name)
        kept[name] = Sink()
        for each in sinks:
            assert each is not None
        if name == "one":
            sinks.add(kept[name])

    await asyncio.gather(opens("one"), opens("other"))
    await asyncio.gather(world.io("end"), world.io("late"))
    world.log(len(sinks))


def test_who_goes_through_a_weak_set_leaves_no_place_behind_that_keeps_states_apart() -> None:
    found = search(gone_through_weakly)
    assert found.complete
    by_value = search(_program(lambda: 0, goes=False))
    assert (found.runs, found.states) == (by_value.runs, by_value.states)


HELD = {Sink()}


async def two_at_once(world: Any) -> None:
    """No state has a set of two; a step has one, and goes through it."""
    await asyncio.gather(world.io("one"), world.io("other"))
    made = [Sink() for _ in "abcdefgh"]
    world.log(len(HELD), [made.index(each) for each in {*made}])


def test_an_order_that_no_state_shows_is_still_found_where_objects_lie_elsewhere() -> None:
    found = search(two_at_once)
    assert found.complete
    assert any("lie elsewhere" in each for each in found.trusted)


async def keeps_thousands(world: Any) -> None:
    await asyncio.gather(world.io("one"), world.io("other"))
    known = {Sink(): number for number in range(20_000)}
    world.log(len(HELD), len(known))


def test_thousands_are_not_hashed_alike() -> None:
    """Which would take minutes."""
    found = search(keeps_thousands, limits=SearchLimits(seconds=60))
    assert found.complete
    assert found.runs == 6
