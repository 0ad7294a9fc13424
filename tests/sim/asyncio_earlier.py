"""Scenarios whose sets of tasks were there before the run: of a module, a class, an object, a weak one."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar
from weakref import WeakSet


class Pool:
    of_all: ClassVar[set[Any]] = set()

    def __init__(self) -> None:
        self.own: set[Any] = set()


class Job:
    """Hashed by its address."""


class Room:
    """Hashed by its address, too."""

    def __init__(self, name: str) -> None:
        self.name = name


BACKGROUND: set[Any] = set()
ROOMS = {Room("a"), Room("b")}
FROZEN_ROOMS = frozenset([Room("a"), Room("b")])
_KEPT_ROOMS = [Room("a"), Room("b")]
WEAK_ROOMS = WeakSet(_KEPT_ROOMS)
WEAK: WeakSet[Any] = WeakSet()
JOBS: set[Any] = set()
POOL = Pool()


async def named(name: str) -> str:
    await asyncio.sleep(0)
    return name


async def _first_to_come(world: Any, held: Any) -> None:
    """Notes which of two tasks comes first in a set that was there before."""
    tasks = [asyncio.ensure_future(named(name)) for name in "ab"]
    held.update(tasks)
    for task in held:
        world.log(await task)
        break
    await asyncio.gather(*tasks)
    held.clear()


async def of_a_module(world: Any) -> None:
    await _first_to_come(world, BACKGROUND)


async def of_a_class(world: Any) -> None:
    await _first_to_come(world, Pool.of_all)


async def of_an_object(world: Any) -> None:
    await _first_to_come(world, POOL.own)


async def weak(world: Any) -> None:
    await _first_to_come(world, WEAK)


async def taken_out(world: Any) -> None:
    """What ``pop`` gives next depends on what it gave in the run before, but for our tidying."""
    for name in "ab":
        BACKGROUND.add(asyncio.ensure_future(named(name)))
    world.log(await BACKGROUND.pop())
    await BACKGROUND.pop()


async def kept_until_done(world: Any) -> None:
    """As the documentation of ``create_task`` says; no order is seen."""
    for name in "ab":
        task = asyncio.ensure_future(named(name))
        BACKGROUND.add(task)
        task.add_done_callback(BACKGROUND.discard)
    while BACKGROUND:
        await asyncio.sleep(0)
    world.log("done")


async def own_objects(world: Any) -> None:
    JOBS.update([Job(), Job()])
    await asyncio.wait([asyncio.ensure_future(asyncio.sleep(1)), asyncio.ensure_future(asyncio.sleep(2))])
    world.log(len(list(JOBS)))
    JOBS.clear()


async def filled_before(world: Any) -> None:
    """Nothing is to be decided, and the set was never empty."""
    world.log(next(iter(ROOMS)).name)


async def filled_before_and_frozen(world: Any) -> None:
    world.log(next(iter(FROZEN_ROOMS)).name)


async def filled_before_and_weak(world: Any) -> None:
    world.log(next(iter(WEAK_ROOMS)).name)


def _first_room() -> str:
    return next(iter(ROOMS)).name


async def filled_before_and_asked_by_a_function(world: Any) -> None:
    first = _first_room()
    await asyncio.gather(world.io("one"), world.io("other"))
    world.log(first)


async def filled_by_a_late_import(world: Any) -> None:
    from tests.sim.asyncio_earlier_late import ROOMS

    world.log(next(iter(ROOMS)).name)


async def nobody_asks(world: Any) -> None:
    await asyncio.gather(world.io("one"), world.io("other"))
