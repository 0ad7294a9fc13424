"""Ids that a package makes of what no run begins anew: a number that its module counts on, randomness in C."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import uuid
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.first_state import FirstState
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.depth_first import Merging
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.asyncio.states.addresses import in_text, replaced
from everyturn.errors import ReplayError

last_id = 0
ready = False
latest: float | None = None


def new_id() -> int:
    """As functions do that make ids out of the time: another one than ever before."""
    global last_id  # noqa: PLW0603 # as such functions do
    last_id += 1
    return last_id


async def has_an_id(world: Any) -> None:
    mine = new_id()
    await asyncio.gather(world.io("x"), world.io("y"))
    await asyncio.gather(world.io("v"), world.io("w"))
    world.log(mine)


def notes_of(scenario: Any) -> set[Any]:
    with prepared(scenario):
        return {tuple(each.logged) for each in outcomes(scenario, Setting()) if each.complete}


def test_each_run_counts_on_from_the_same_number() -> None:
    assert len(notes_of(has_an_id)) == 1
    assert search(has_an_id).merged


def test_without_that_no_states_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FirstState, "put_back", lambda self: False)
    with pytest.raises(ReplayError, match="changes the next one"):
        search(has_an_id)


async def makes_something_once(world: Any) -> None:
    global ready  # noqa: PLW0603
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(ready)
    ready = True


def test_what_is_made_once_for_good_is_made_in_each_run() -> None:
    """As in each process."""
    assert notes_of(makes_something_once) == {(False,)}


async def remembers_a_time(world: Any) -> None:
    global latest
    before, latest = latest, asyncio.get_running_loop().time()
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(before is None)


def test_a_time_that_a_run_left_behind_is_gone_in_the_next() -> None:
    assert notes_of(remembers_a_time) == {(True,)}


_DRAWN = itertools.count(1 << 70, 1 << 40)


def drawing_module() -> ModuleType:
    """Stands for one that is made in Rust: what it draws, nobody controls."""
    module = ModuleType("uuid_utils._uuid_utils")
    vars(module).update(
        UUID=lambda *, int: uuid.UUID(int=int),  # noqa: A006 # so it is called there
        uuid4=lambda: uuid.UUID(int=next(_DRAWN)),
        uuid7=lambda: uuid.UUID(int=next(_DRAWN)),
        _uuid4_int=lambda: next(_DRAWN),
    )
    return module


package: Any = drawing_module()


async def draws_ids(world: Any) -> None:
    ids = [package.uuid7(), package.uuid7(), package.uuid4(), uuid.UUID(int=package._uuid4_int())]
    await asyncio.gather(world.io("x"), world.io("y"))
    await asyncio.gather(world.io("v"), world.io("w"))
    assert ids[0] < ids[1]
    assert [each.version for each in ids] == [7, 7, 4, 4]
    world.log(*map(str, ids))


def test_ids_that_are_drawn_in_c_are_the_runs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    package.__file__ = os.path.join("site-packages", "uuid_utils", "_uuid_utils.so")  # noqa: PTH118
    monkeypatch.setitem(sys.modules, package.__name__, package)
    drawn = package.uuid4
    found = search(draws_ids)
    assert not found.found
    assert found.merged
    assert len(notes_of(draws_ids)) == 1
    assert package.uuid4 is drawn, "put back"


class Scope:
    """Known by where it lies."""


async def _named(world: Any, name: Any) -> None:
    """Two scopes come in either order; the name of one of them is kept beside both."""
    scopes: dict[str, Scope] = {}

    async def opens(which: str) -> None:
        await world.io(which)
        scopes[which] = Scope()

    await asyncio.gather(opens("one"), opens("other"))
    kept = name(scopes[min(scopes)])
    scopes = {each: scopes[each] for each in sorted(scopes)}
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(len(kept), name(scopes["one"]) == kept)


async def named_by_address(world: Any) -> None:
    await _named(world, lambda scope: f"cancelled by scope {id(scope):x}, at {hex(id(scope))}, that is {id(scope)}")


async def named_alike(world: Any) -> None:
    await _named(world, lambda scope: "cancelled by a scope")


def test_an_address_in_a_text_stands_for_what_lies_there() -> None:
    found, alike = search(named_by_address), search(named_alike)
    assert found.complete
    assert (found.runs, found.states, found.merged) == (alike.runs, alike.states, alike.merged)


async def names_one_of_two(world: Any) -> None:
    """Which of two that are both there is named depends on what came first."""
    scopes = {"one": Scope(), "other": Scope()}
    named: list[str] = []

    async def names(which: str) -> None:
        await world.io(which)
        if not named:
            named.append(f"scope {id(scopes[which]):x}")

    await asyncio.gather(names("one"), names("other"))
    await asyncio.gather(world.io("x"), world.io("y"))
    world.log(*(which for which, scope in scopes.items() if named == [f"scope {id(scope):x}"]))


def test_which_one_a_text_names_is_a_part_of_the_state() -> None:
    assert notes_of(names_one_of_two) == {("one",), ("other",)}
    with prepared(names_one_of_two):
        merged = outcomes(names_one_of_two, Setting(), Merging())
        assert {tuple(each.logged) for each in merged if each.complete} == {("one",), ("other",)}


@given(some.text(), some.dictionaries(some.integers(1 << 32, 1 << 60), some.integers(0, 9)), some.text())
def test_a_text_without_an_address_is_what_it_is(before: str, numbers: dict[int, int], behind: str) -> None:
    for text in (before, before + behind):
        assert replaced(text, in_text(text), {}) is None
    for address, number in numbers.items():
        for written in (f"{address:x}", f"{address:#x}", str(address)):
            text = f"{before} {written} {behind}"
            pieces = replaced(text, in_text(text), {address: number})
            assert pieces is not None
            forms = "xd" if f"{address:x}".isdecimal() else ["d" if written == str(address) else "x"]
            assert any((number, form, len(written.removeprefix("0x"))) in pieces for form in forms)


def test_how_an_address_is_written_counts() -> None:
    address = 0x7F50BDAC3820
    written = [f"{address:{form}}" for form in ("x", "X", "d", "016x", "020d")]
    told = [replaced(text, in_text(text), {address: 1}) for text in written]
    assert None not in told
    assert len(set(told)) == len(written)
    mixed = f"{address:x}".replace("f", "F")
    assert replaced(mixed, in_text(mixed), {address: 1}) is None
