"""What well-known packages make in C is known by what it is, and by whether it was there before the first run.

What is made in C by the standard library stands here for what packages make.
"""

from __future__ import annotations

import asyncio
import ctypes
import zlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from everyturn.asyncio.runtime import packages
from everyturn.asyncio.runtime.running import Scenario
from everyturn.asyncio.search.searching import search
from everyturn.asyncio.states import encoding
from everyturn.asyncio.states.process_names import NAMES

Call = Callable[[Any], object]


@pytest.fixture(autouse=True)
def found_anew() -> Iterator[None]:
    """How objects of a type are encoded is found out for each test."""
    encoding._OTHERWISE.clear()
    yield
    encoding._OTHERWISE.clear()


def _changed_by_the_second(make: Callable[[], Any], change: Call, seen: Call) -> Scenario:
    """Which of two answers came first, nothing but what is made knows."""

    async def scenario(world: Any) -> None:
        made = make()
        before = seen(made)
        answer = asyncio.ensure_future(world.io("a"))
        await world.io("b")
        if not answer.done():
            change(made)
        await answer
        del answer
        await asyncio.gather(world.io("x"), world.io("y"))
        assert seen(made) == before

    return scenario


class Number(ctypes.c_int):
    """A class of the program's own, derived from one that is known by a value."""

    note = 0
    notes: ClassVar[list[int]] = []


class ObjectProxy:
    """As that of wrapt, whose ``__dict__`` is that of what it wraps, and which has attributes of its own."""

    __module__ = "_wrappers"

    def __init__(self, wrapped: object) -> None:
        self.__wrapped__ = wrapped
        self._self_note = 0

    @property
    def __dict__(self) -> dict[str, Any]:  # type: ignore[override]
        return vars(self.__wrapped__)


class Wrapped:
    pass


KEPT: dict[str, tuple[Callable[[], Any], Call, Call]] = {
    "its value": (Number, lambda it: setattr(it, "value", 1), lambda it: it.value),
    "an attribute": (Number, lambda it: setattr(it, "note", 1), lambda it: it.note),
    "its class": (Number, lambda it: type(it).notes.append(1), lambda it: len(type(it).notes)),
    "an attribute of a proxy": (
        lambda: ObjectProxy(Wrapped()),
        lambda it: setattr(it, "_self_note", 1),
        lambda it: it._self_note,
    ),
}


@pytest.mark.parametrize("what", KEPT)
def test_what_a_derived_class_adds_to_what_is_known_by_a_value_is_a_part_of_the_state(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(packages._BY_VALUE, ("ctypes", "c_int"), lambda it: it.value)
    make, change, seen = KEPT[what]
    changed, unchanged = (search(_changed_by_the_second(make, each, seen)) for each in (change, lambda _: None))
    assert (changed.opaque, unchanged.opaque) == ({}, {})
    assert "error" in changed.found
    assert "error" not in unchanged.found


COMPRESSOR: Any = zlib.compressobj()
"""Stands for what never changes, once it is made."""


def test_what_never_changes_and_was_there_before_keeps_no_states_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """What each run makes is not kept for good."""
    kind = type(COMPRESSOR)
    there = _changed_by_the_second(lambda: COMPRESSOR, lambda _: None, lambda _: 0)
    assert search(there).opaque != {}
    monkeypatch.setattr(packages, "_FIXED_ONCE_MADE", {(kind.__module__, kind.__qualname__)})
    encoding._OTHERWISE.clear()
    assert search(there).opaque == {}
    kept = len(NAMES._themselves)
    made = search(_changed_by_the_second(zlib.compressobj, lambda _: None, lambda _: 0))
    assert list(made.opaque) != []
    assert len(NAMES._themselves) == kept
