"""Iterators that are made in C, across an await: states know where they stand, and are merged."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.nightly import thinned

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging
from everyturn.asyncio.search.searching import outcomes, search


class Items:
    """What has items by their numbers, and no iterator of its own."""

    def __getitem__(self, place: int) -> int:
        return (1, 2, 3, 4)[place]


NUMBERS = {1: 1, 2: 2, 3: 3, 4: 4}
MAKERS: dict[str, Callable[[], Iterator[Any]]] = {
    "keys": lambda: iter(dict(NUMBERS)),
    "values": lambda: iter(dict(NUMBERS).values()),
    "items": lambda: iter(dict(NUMBERS).items()),
    "keys backwards": lambda: reversed(dict(NUMBERS)),
    "values backwards": lambda: reversed(dict(NUMBERS).values()),
    "items backwards": lambda: reversed(dict(NUMBERS).items()),
    "set": lambda: iter(set(NUMBERS)),
    "frozenset": lambda: iter(frozenset(NUMBERS)),
    "items by number": lambda: iter(Items()),
    "chain": lambda: itertools.chain([1, 2], (3, 4)),
    "islice": lambda: itertools.islice([1, 2, 3, 4, 5, 6], 1, 6),
    "cycle": lambda: itertools.islice(itertools.cycle([1, 2]), 5),
    "starmap": lambda: itertools.starmap(max, [(1, 2), (3, 4), (5, 6)]),
    "filterfalse": lambda: itertools.filterfalse(str, ["", "", ""]),
    "compress": lambda: itertools.compress([1, 2, 3, 4], [1, 1, 0, 1]),
    "repeat": lambda: itertools.repeat(1, 4),
    "pairwise": lambda: itertools.pairwise([1, 1, 1, 2]),
    "takewhile": lambda: itertools.takewhile(bool, [1, 1, 1, 0]),
    "dropwhile": lambda: itertools.dropwhile(bool, [1, 0, 1, 1]),
    "accumulate": lambda: itertools.accumulate([1, 0, 0, 1], initial=0),
}


class Two(Exception):
    """Two steps are made, and not one."""


def moved_on(make: Callable[[], Iterator[Any]]) -> Any:
    """One step or two, then a wait in which both could be taken for one, then what is left."""

    async def scenario(world: Any) -> None:
        iterator = make()
        next(iterator)
        try:
            await world.io("one step", errors=[Two])
        except Two:
            next(iterator)
        await asyncio.gather(world.io("x"), world.io("y"))
        await asyncio.gather(world.io("v"), world.io("w"))
        world.log(*iterator)

    return scenario


def noted(scenario: Any, guide: DepthFirstGuide) -> set[tuple[Any, ...]]:
    with prepared(scenario):
        return {tuple(each.logged) for each in outcomes(scenario, Setting(), guide) if each.complete}


@thinned(8)
@pytest.mark.parametrize("name", MAKERS)
def test_where_an_iterator_stands_is_a_part_of_a_state(name: str) -> None:
    scenario = moved_on(MAKERS[name])
    found = search(scenario)
    assert not found.opaque
    assert found.merged
    assert noted(scenario, Merging()) == noted(scenario, DepthFirstGuide())
    assert len(noted(scenario, Merging())) == 2


def passed_and_taken_out(names: dict[str, int], iterator: Any) -> None:
    next(iterator)
    del names["a"]
    names["d"] = 4


async def gaps_behind_it(world: Any) -> None:
    """The dictionary has the size that it had, so that it is gone through to its end; a gap before the place where the
    iterator stands would close as soon as the table of the dictionary is made anew."""
    names = {"a": 1, "b": 2, "c": 3}
    iterator = iter(names)
    passed_and_taken_out(names, iterator)
    await asyncio.gather(world.io("x"), world.io("y"))
    await asyncio.gather(world.io("v"), world.io("w"))
    with pytest.raises(RuntimeError, match="keys changed"):
        list(iterator)


async def of_another_size(world: Any) -> None:
    names = {"a": 1, "b": 2}
    iterator = iter(names)
    next(iterator)
    names["c"] = 3
    await asyncio.gather(world.io("x"), world.io("y"))
    await asyncio.gather(world.io("v"), world.io("w"))
    with pytest.raises(RuntimeError):
        next(iterator)


@pytest.mark.parametrize("scenario", [gaps_behind_it, of_another_size])
def test_an_iterator_of_a_dictionary_that_has_changed_is_not_known(scenario: Any) -> None:
    found = search(scenario)
    assert found.opaque
    assert not found.found


async def what_was_found_in_a_text(world: Any) -> None:
    try:
        await world.io("the first", errors=[Two])
        pattern = "a"
    except Two:
        pattern = "b"
    found = re.search(pattern, "ab")
    assert found is not None
    del pattern
    await asyncio.gather(world.io("x"), world.io("y"))
    await asyncio.gather(world.io("v"), world.io("w"))
    world.log(found.span())


def test_what_was_found_in_a_text_is_a_part_of_a_state() -> None:
    found = search(what_was_found_in_a_text)
    assert not found.opaque
    assert found.merged
    assert noted(what_was_found_in_a_text, Merging()) == {((0, 1),), ((1, 2),)}
