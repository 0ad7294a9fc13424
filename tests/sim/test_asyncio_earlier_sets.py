"""Sets that were there before a run come in every order, too: the collector does not find them, and a proof would not
count."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import pytest
from tests.nightly import thinned
from tests.sim import asyncio_earlier as earlier
from tests.sim.asyncio_earlier import Room
from tests.sim.test_asyncio_sets import behaviours

from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order import earlier as order
from everyturn.asyncio.order.hashed import is_by_address
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.verdicts.verdict import Verdict

EITHER = {("a",), ("b",)}
KINDS = [earlier.of_a_module, earlier.of_a_class, earlier.of_an_object, earlier.weak, earlier.taken_out]


@thinned(4)
@pytest.mark.parametrize("scenario", KINDS, ids=lambda each: str(each.__name__))
def test_either_task_comes_first(scenario: Any) -> None:
    assert behaviours(scenario) == EITHER
    assert behaviours(scenario) == EITHER  # nothing of the runs before is left in the set


def test_where_they_are_not_remembered_an_order_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the tests above would show nothing."""
    monkeypatch.setattr(order.EarlierSets, "holding", lambda self, members: [])
    assert behaviours(earlier.of_a_module) == {("a",)}


def test_where_nobody_sees_an_order_all_is_proved() -> None:
    assert check(earlier.kept_until_done).cell.verdict is Verdict.PROVED


def kept_for_a_while() -> None:
    gc.freeze()
    gc.unfreeze()


MEANWHILE: Final[dict[str, Callable[[], object]]] = {
    "nothing": lambda: None,
    "the youngest are looked at": partial(gc.collect, 0),
    "those that are not old are": partial(gc.collect, 1),
    "all are": gc.collect,
    "all are kept from the collector": kept_for_a_while,
}


@thinned(2)
@pytest.mark.parametrize("meanwhile", MEANWHILE.values(), ids=MEANWHILE)
def test_sets_that_came_between_two_searches_are_known(
    meanwhile: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However old they are to the collector by then; objects that were there at the first are gone through again only
    where others have become as old."""
    asked: list[int | None] = []
    every = gc.get_objects

    def get_objects(generation: int | None = None) -> list[Any]:
        asked.append(generation)
        return every(generation=generation)

    known, kept, emptied = order.EarlierSets(), {Room("a")}, {Room("b")}
    gc.disable()
    try:
        known.freeze()
        known.forget()
        late = {Room("c")}
        emptied.clear()
        meanwhile()
        monkeypatch.setattr(gc, "get_objects", get_objects)
        known.freeze()
    finally:
        gc.unfreeze()
        gc.enable()
    assert [id(each) for each in (kept, emptied, late)] == [
        id(each) for one in (kept, emptied, late) for each in known._sets() if each is one
    ]
    assert (None in asked) == (meanwhile not in (MEANWHILE["nothing"], MEANWHILE["the youngest are looked at"]))
    emptied.add(Room("d"))
    kept.clear()
    assert [id(each) for each in known.changed()] == [id(emptied)]


def test_of_a_programs_own_objects_one_order_is_trusted() -> None:
    assert any("Job" in each for each in search(earlier.own_objects).trusted)


FILLED: Final = [
    earlier.filled_before,
    earlier.filled_before_and_frozen,
    earlier.filled_before_and_weak,
    earlier.filled_before_and_asked_by_a_function,
    earlier.filled_by_a_late_import,
]


@pytest.mark.parametrize("merge", [True, False])
@pytest.mark.parametrize("scenario", FILLED, ids=lambda each: str(each.__name__))
def test_so_it_is_of_a_set_that_was_filled_before_the_run(scenario: Any, merge: bool) -> None:
    assert any("Room" in each for each in search(scenario, merge=merge).trusted)


def test_a_set_that_no_code_of_the_program_names_is_not_spoken_of() -> None:
    assert search(earlier.nobody_asks).trusted == []


def test_asyncio_s_own_tasks_keep_their_hash() -> None:
    """Those of another loop in this process, which `all_tasks` holds; nothing can be set in their class."""
    assert not is_by_address(asyncio.Task)
    assert not is_by_address(asyncio.Future)
    assert is_by_address(earlier.Job)


KNOWN: weakref.WeakKeyDictionary[Any, str] = weakref.WeakKeyDictionary()


async def known_by_their_tasks(world: Any) -> None:
    """As anyio keeps the scopes of tasks."""

    async def within(name: str) -> None:
        KNOWN[asyncio.current_task()] = name
        await world.io(name)
        world.log(KNOWN.get(asyncio.current_task()))

    both = {asyncio.create_task(within(name)) for name in "ab"}
    world.log(next(iter(both)) in KNOWN)
    await asyncio.gather(*both)


SOME: weakref.WeakSet[Any] = weakref.WeakSet()


async def known_and_in_a_set(world: Any) -> None:
    """The same, with a weak set that is asked before the dictionary is."""
    SOME.clear()

    async def within(name: str) -> None:
        KNOWN[asyncio.current_task()] = name
        await world.io(name)
        world.log(asyncio.current_task() in SOME and KNOWN.get(asyncio.current_task()))

    for name in "ab":
        SOME.add(asyncio.create_task(within(name)))
    await asyncio.gather(*SOME)


def test_a_weak_set_and_a_dictionary_of_weak_keys_find_the_same_task() -> None:
    found = search(known_and_in_a_set)
    assert found.complete
    assert found.setting.groups
    with prepared(known_and_in_a_set):
        seen = {tuple(each.logged) for each in outcomes(known_and_in_a_set, found.setting) if each.complete}
    assert seen == {("a", "b"), ("b", "a")}


def test_a_dictionary_of_weak_keys_finds_a_task_whose_order_is_chosen() -> None:
    """A weak reference keeps the hash that it was asked for first; whoever looks for the sets of a task asks for
    none."""
    found = search(known_by_their_tasks)
    assert found.complete
    assert found.setting.groups
    with prepared(known_by_their_tasks):
        seen = {tuple(each.logged) for each in outcomes(known_by_their_tasks, found.setting) if each.complete}
    assert seen == {(False, "a", "b"), (False, "b", "a")}


def test_it_is_known_whether_a_weak_reference_was_asked_for_its_hash() -> None:
    """By where Python keeps it."""

    class Kept: ...

    kept = Kept()
    for reference in (weakref.ref(kept), weakref.ref(kept, print)):
        assert not order._was_hashed(reference)
        hash(reference)
        assert order._was_hashed(reference)
