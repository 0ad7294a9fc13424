"""What stands around the runs of a program: once for all that is asked of it together."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
import time
import weakref
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from everyturn.asyncio.checking import check
from everyturn.asyncio.control import preparing
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order.sequences import NOW
from everyturn.asyncio.runtime.decisions import FirstOption
from everyturn.asyncio.runtime.running import Scenario, Setting, run
from everyturn.asyncio.runtime.world import ScenarioWorld
from everyturn.asyncio.search.searching import search
from everyturn.verdicts.verdict import Verdict


def noting(name: str, ran: list[str]) -> Scenario:
    """What it encloses is not put back, as what modules hold is."""

    async def scenario(world: Any) -> None:
        ran.append(name)
        await world.io("disk")

    return scenario


async def one(world: Any) -> None:
    await world.io("disk")


async def other(world: Any) -> None:
    await world.io("disk")


async def hangs(world: Any) -> None:
    await world.io("disk")
    await asyncio.Event().wait()


class Job: ...


async def with_jobs(world: Any) -> None:
    jobs = {Job(), Job()}
    with suppress(LookupError):
        await world.io("disk", errors=[LookupError])
    world.log(len(jobs))


def test_within_one_for_the_same_program_nothing_is_done_again() -> None:
    ran: list[str] = []
    one = noting("one", ran)
    with prepared(one, Setting()):
        assert ran == ["one"]
        with prepared(one, Setting(longest=7)):
            assert ran == ["one"]
        assert gc.get_freeze_count()


def test_within_one_for_another_program_that_one_is_over_meanwhile() -> None:
    clock, frozen = time.monotonic, gc.get_freeze_count()
    ran: list[str] = []
    one, other = noting("one", ran), noting("other", ran)
    with prepared(one):
        patched = time.monotonic
        with prepared(other):
            assert ran == ["one", "other"]
            with prepared(one, Setting(order="any")):
                assert ran == ["one", "other", "one"]
            run(other, FirstOption(), Setting())
        assert time.monotonic is not clock
        assert time.monotonic is not patched
        assert run(one, FirstOption(), Setting()).complete
    assert time.monotonic is clock
    assert (gc.get_freeze_count(), gc.isenabled()) == (frozen, True)


def test_what_a_module_has_taken_by_name_since_the_last_time_is_patched(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what it still has is so again, and is as it was afterwards."""
    module: Any = ModuleType("takes_clocks")
    module.__file__ = "takes_clocks.py"
    module.one, module.other = time.monotonic, None
    monkeypatch.setitem(sys.modules, "takes_clocks", module)
    for other in (None, time.time, None, time.time):
        module.other = other
        with prepared(one):
            assert module.one is time.monotonic
            assert module.other is (other and time.time)
            assert time.time is not other
        assert (module.one, module.other) == (time.monotonic, other)


def test_classes_that_a_search_met_are_forgotten_by_what_comes_next() -> None:
    with prepared(one):
        NOW.take([Job])
        with prepared(one):
            assert NOW.classes == []
    with prepared(with_jobs):
        assert NOW.classes == [Job]
        NOW.take([type("Later", (), {})])
        with prepared(with_jobs):
            assert NOW.classes == [Job]
    assert Job.__hash__ is object.__hash__


def test_an_error_of_the_first_run_leaves_nothing_behind() -> None:
    clock = time.monotonic
    with prepared(one):
        try:
            with prepared(other, world_of=lambda *_, **__: 1 / 0):  # type: ignore[arg-type]
                raise AssertionError
        except ZeroDivisionError:
            pass
        assert run(one, FirstOption(), Setting()).complete
    assert time.monotonic is clock


def test_a_question_prepares_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For the search, what is told of it, and its counter-check."""
    firsts: list[Any] = []

    def first(scenario: Any, *rest: Any) -> Any:
        firsts.append(scenario)
        return run_once(scenario, *rest)

    run_once = preparing._run_once
    monkeypatch.setattr(preparing, "_run_once", first)
    assert check(one).cell.verdict is Verdict.PROVED
    assert firsts == [one]
    assert check(hangs).cell.verdict is Verdict.REFUTED
    assert firsts == [one, hangs]


def _keeps(library: object) -> None: ...


def test_what_the_process_keeps_for_itself_is_no_part_of_a_state() -> None:
    """A finalizer that was there before, and holds what no state can show."""
    finalizer = weakref.finalize(Job, _keeps, ctypes.CDLL(None).abs)
    try:
        found = search(with_jobs)
    finally:
        finalizer.detach()
    assert found.complete
    assert found.opaque == {}


SCOPES: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()
"""Known by their tasks, weakly, and leading back to these, as anyio's."""
OF_LOOPS: weakref.WeakKeyDictionary[Any, Any] = weakref.WeakKeyDictionary()


async def leaves_scopes_open(world: Any) -> None:
    async def within() -> None:
        SCOPES[asyncio.current_task()] = [asyncio.current_task()]
        OF_LOOPS[asyncio.get_running_loop()] = [asyncio.get_running_loop()]
        await world.io("disk")
        await world.io("disk")

    await asyncio.gather(within(), within())


def worlds() -> list[Any]:
    gc.collect()
    return [each for each in gc.get_objects() if type(each) is ScenarioWorld]


def test_no_run_keeps_an_earlier_one() -> None:
    """What leads back to a task, or to the loop, that it is the value of would do so for ever."""
    before = worlds()  # which other tests may keep on purpose
    found = search(leaves_scopes_open)
    assert (found.complete, found.opaque) == (True, {})
    assert [each for each in worlds() if each not in before] == []
    assert not SCOPES
    assert not OF_LOOPS


async def asserts(world: Any) -> None:
    async def loads(name: str) -> None:
        await world.io(name)
        assert name, world
        await world.io(name)

    await asyncio.gather(loads("a"), loads("b"))


def test_an_assertion_that_pytest_has_rewritten_leads_to_no_plugin_of_it() -> None:
    """From them to all that a session of tests consists of."""
    assert "@pytest_ar" in globals()
    found = search(asserts)
    assert (found.complete, found.opaque, found.found) == (True, {}, {})
    assert found.merged
