"""What a run leaves where one does not look at once: the order of a dictionary, members of enumerations, draws."""

from __future__ import annotations

import asyncio
import enum
import random
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.searching import outcomes

ORDERED: OrderedDict[str, int] = OrderedDict(a=1, b=2, c=3)
PLAIN: dict[str, int] = {"a": 1, "b": 2, "c": 3}
DRAWS = random.Random(3)
FIRST = random.Random(3).random()


class Colour(enum.Enum):
    RED = 1

    def __init__(self, _: int) -> None:
        self.used = 0
        self.names: list[str] = []


def first_of_ordered() -> str:
    ORDERED.move_to_end(next(iter(ORDERED)))
    return next(iter(ORDERED))


def first_of_plain() -> str:
    first = next(iter(PLAIN))
    PLAIN[first] = PLAIN.pop(first)
    return next(iter(PLAIN))


def used() -> int:
    Colour.RED.used += 1
    return Colour.RED.used


def named() -> int:
    Colour.RED.names.append("x")
    return len(Colour.RED.names)


LEFT: dict[str, tuple[Callable[[], Any], Any]] = {
    "in the order of an ordered dictionary": (first_of_ordered, "b"),
    "in the order of a dictionary": (first_of_plain, "b"),
    "in an attribute of a member": (used, 1),
    "in a list of a member": (named, 1),
    "in a source of random numbers": (DRAWS.random, FIRST),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_a_run_leaves_is_put_back(name: str) -> None:
    leaves, once = LEFT[name]

    async def scenario(world: Any) -> None:
        await asyncio.gather(world.io("a"), world.io("b"))
        world.log(leaves())

    with prepared(scenario):
        seen = [each.logged for each in outcomes(scenario, Setting())]
    assert len(seen) > 4
    assert seen == [[once]] * len(seen)
    assert leaves() == once, "and what the last one has left"
