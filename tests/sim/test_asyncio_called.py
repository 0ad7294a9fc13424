"""Tasks and futures that a program makes by calling ``asyncio.Task`` and ``asyncio.Future``, as many packages do."""

from __future__ import annotations

import asyncio
import sys
from abc import ABC
from asyncio import Future
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.searching import outcomes, search

EAGER = pytest.mark.skipif(sys.version_info < (3, 12), reason="expected Python 3.12: eager tasks")
HELD: dict[str, Any] = {}


async def for_ever() -> None:
    await Future()


async def left_over(world: Any) -> None:
    HELD["task"] = asyncio.Task(for_ever(), loop=asyncio.get_running_loop())
    await asyncio.sleep(0)


async def left_over_eagerly(world: Any) -> None:
    factory: Any = asyncio.eager_task_factory  # type: ignore[attr-defined]
    HELD["task"] = factory(asyncio.get_running_loop(), for_ever())


class Own(asyncio.Task[Any]):
    """A class that a program derives: no stand-in is asked when it is called."""


async def left_over_of_a_class_of_ones_own(world: Any) -> None:
    HELD["task"] = Own(for_ever(), loop=asyncio.get_running_loop())
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    "scenario", [left_over, left_over_of_a_class_of_ones_own, pytest.param(left_over_eagerly, marks=EAGER)]
)
def test_a_task_that_no_loop_was_asked_for_is_left_over_all_the_same(scenario: Any) -> None:
    found = search(scenario)
    assert set(found.found) == {"left-over"}


@dataclass
class Request:
    """Its default was taken when the class was made, so no stand-in is called."""

    answer: asyncio.Future[Any] = field(default_factory=asyncio.Future)


def ended(futures: list[Any]) -> list[Any]:
    for place, each in enumerate(futures):
        each.set_result(place)
    return futures


async def futures(world: Any) -> None:
    done, _ = await asyncio.wait(ended([asyncio.Future() for _ in range(3)]))
    world.log(*(each.result() for each in done))


async def futures_in_a_display(world: Any) -> None:
    a, b, c = ended([Future(loop=asyncio.get_running_loop()) for _ in range(3)])
    world.log(*(each.result() for each in {a, b, c}))


async def futures_of_a_default_factory(world: Any) -> None:
    done, _ = await asyncio.wait(ended([Request().answer for _ in range(3)]))
    world.log(*(each.result() for each in done))


async def returns(value: int) -> int:
    return value


async def tasks(world: Any) -> None:
    loop = asyncio.get_running_loop()
    done, _ = await asyncio.wait([asyncio.Task(returns(each), loop=loop) for each in range(3)])
    world.log(*(each.result() for each in done))


async def tasks_of_a_class_of_ones_own(world: Any) -> None:
    loop = asyncio.get_running_loop()
    done, _ = await asyncio.wait([Own(returns(each), loop=loop) for each in range(3)])
    world.log(*(each.result() for each in done))


async def gathered(world: Any) -> None:
    """What ``gather`` makes is of a class of its own."""
    done, _ = await asyncio.wait([asyncio.gather(returns(each)) for each in range(3)])
    world.log(*(each.result()[0] for each in done))


@pytest.mark.parametrize(
    "scenario",
    [futures, futures_in_a_display, futures_of_a_default_factory, tasks, tasks_of_a_class_of_ones_own, gathered],
)
def test_their_order_in_sets_is_any(scenario: Any) -> None:
    found = search(scenario)
    assert found.complete
    with prepared(scenario):
        noted = {tuple(each.logged[0]) for each in outcomes(scenario, found.setting) if each.complete}
    assert len(noted) == 6


async def kept_across_an_await(world: Any) -> None:
    """So that states hold a set of them."""
    held = set(ended([asyncio.Future() for _ in range(2)]))
    await asyncio.gather(world.io("x"), world.io("y"))
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(*(each.result() for each in held))


def test_their_order_keeps_no_states_apart_and_is_not_trusted() -> None:
    found = search(kept_across_an_await)
    assert not found.trusted
    assert not found.opaque
    assert found.merged


async def counts_names(world: Any) -> None:
    """A task has a name of its loop's, in whatever way it was made."""
    loop = asyncio.get_running_loop()
    made = [asyncio.Task(returns(1), loop=loop), loop.create_task(returns(2)), asyncio.Task(returns(3), name="mine")]
    world.log(*(each.get_name() for each in made))
    await asyncio.wait(made)


def test_a_task_has_a_name_of_its_loops() -> None:
    with prepared(counts_names):
        assert next(iter(outcomes(counts_names, Setting()))).logged[0] == ("Task-1", "Task-2", "mine")


def test_the_stand_ins_are_the_classes_but_for_calls() -> None:
    real = asyncio.Future
    with prepared():
        stand_in: Any = asyncio.Future
        assert stand_in == real
        assert stand_in is not real
        assert {real: "known"}[stand_in] == "known"
        assert issubclass(Own, asyncio.Task)
        loop = asyncio.new_event_loop()
        assert type(asyncio.Future(loop=loop)) is real, "no loop that is explored"
        assert isinstance(loop.create_future(), asyncio.Future)

        class Derived(asyncio.Future[int]):
            """Of the program's own."""

        assert type(Derived(loop=loop)) is Derived
        assert not isinstance(loop.create_future(), Derived)
        loop.close()
    assert asyncio.Future is real


async def derives_while_it_runs(world: Any) -> None:
    class Promise(asyncio.Future[int], ABC):
        """With another metaclass."""

    promise = Promise()
    promise.set_result(1)
    assert await promise == 1


def test_a_class_may_be_derived_while_the_program_runs() -> None:
    assert not search(derives_while_it_runs).found


def test_a_coroutine_is_what_a_task_is_made_of() -> None:
    """The stand-in says what the class says where something else is given."""

    async def no_coroutine(world: Any) -> None:
        wrong: Coroutine[Any, Any, Any] = object()  # type: ignore[assignment]
        asyncio.Task(wrong)

    assert "a coroutine was expected" in str(search(no_coroutine).found["error"].findings)
