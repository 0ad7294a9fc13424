"""What a search remembers so as not to find it out again: bounds of the clock, who holds a task, what is alike.

Each must say what looking again would say.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from everyturn.asyncio.order import clock as clock_module
from everyturn.asyncio.order.clock import Clock
from everyturn.asyncio.order.moments import Moment
from everyturn.asyncio.runtime import collecting
from everyturn.asyncio.runtime.running import Setting
from everyturn.asyncio.search.packing import StatePacking
from everyturn.asyncio.search.searching import search


def _compared(seed: int) -> tuple[list[object], list[float], int]:
    """What comparisons of moments say while most of them are forgotten; the times; how many instants are kept."""
    random = Random(seed)
    said: list[object] = []

    def choose(kind: str, options: Sequence[str]) -> int:
        said.append(options)
        return random.randrange(2)

    clock = Clock(choose)
    held: list[Moment] = []
    for _ in range(120):
        clock.tick()
        held.append(clock.read() + random.choice([0, 1, 1, 2, 5]))
        while len(held) > random.choice([2, 3, 6]):
            held.pop(random.randrange(len(held)))
        one, other = random.choice(held), random.choice([clock.present(), *held])
        said.append((float(one), float(other), one <= other))
        timer = random.choice(held)
        bound = (timer.instant, clock.now, -timer.offset)
        if clock.possible([bound]):
            clock.require(*bound)
    return said, clock.times(), len(clock._known)


@pytest.mark.parametrize("seed", range(12))
def test_instants_that_nobody_can_ask_for_again_are_forgotten_and_nothing_is_decided_otherwise(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = _compared(seed)
    monkeypatch.setattr(clock_module, "_ROOM", 10**6)
    all_of_them = _compared(seed)
    monkeypatch.setattr(clock_module, "_ROOM", 0)
    fewest = _compared(seed)
    assert few[:2] == all_of_them[:2] == fewest[:2]
    assert few[2] < 60 < all_of_them[2]


def test_a_moment_that_is_still_there_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that forgets what somebody holds decides one comparison twice."""
    asked: list[Sequence[str]] = []

    def choose(kind: str, options: Sequence[str]) -> int:
        asked.append(options)
        return 0

    def compare_twice() -> int:
        asked.clear()
        clock = Clock(choose)
        clock.tick()
        before = clock.present()
        clock.tick()
        after = clock.present()
        assert after <= before + 1
        for _ in range(100):
            clock.tick()
            assert clock.present() >= after
        assert after <= before + 1
        return len(asked)

    monkeypatch.setattr(clock_module, "_ROOM", 0)
    assert compare_twice() == 1
    monkeypatch.setattr(Clock, "keeps", lambda clock, instant: None)
    monkeypatch.setattr(Clock, "releases", lambda clock, instant: None)
    assert compare_twice() == 2


def test_a_heartbeat_of_thousands_of_beats_keeps_few_instants() -> None:
    async def scenario(world: Any) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(300):
            await asyncio.sleep(1)
        world.log(loop.time() >= 300)
        kept.append(len(world.clock._known))

    kept: list[int] = []
    assert search(scenario).complete
    assert max(kept) <= 40


async def lets_go_of_a_task_later(world: Any) -> None:
    async def waits() -> None:
        await asyncio.get_running_loop().create_future()

    kept = [asyncio.create_task(waits())]
    await world.io("hold it")
    kept.clear()
    await world.io("let it go")


def test_a_task_that_was_held_and_is_not_any_more_may_be_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"destroyed", "left-over"}
    assert search(lets_go_of_a_task_later).found.keys() == found
    assert search(lets_go_of_a_task_later, merge=False).found.keys() == found
    held = collecting._leads_on
    monkeypatch.setattr(collecting, "_leads_on", lambda known, way: way is not None or held(known, way))
    assert search(lets_go_of_a_task_later).found.keys() != found


def test_the_way_to_a_task_is_looked_for_once_while_it_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    missed = collecting._is_missed

    def counted(world: Any, roots: list[Any], tasks: set[int]) -> bool:
        looked.append(len(tasks))
        return missed(world, roots, tasks)

    monkeypatch.setattr(collecting, "_is_missed", counted)

    async def scenario(world: Any) -> None:
        event = asyncio.Event()
        held = [asyncio.create_task(event.wait()) for _ in range(2)]
        for number in range(20):
            await world.io(f"answer {number}")
        event.set()
        await asyncio.wait(held)

    assert search(scenario, merge=False).found == {}
    assert 0 < len(looked) <= 8


def test_states_are_packed_alike_only_if_all_their_elements_are() -> None:
    packing = StatePacking()
    states = [("a", ("int", 1)), ("a", ("bool", True)), ("a", ("again", 1)), ("a",), ("a", "a"), (("a", "a"),)]
    packed = [packing("arrives", ("x", "y"), state) for state in states]
    assert len({*packed, packing("rest", ("x", "y"), states[0]), packing("arrives", ("x",), states[0])}) == 8
    assert packed == [packing("arrives", ("x", "y"), state) for state in states]
    unhashable: list[Any] = [("a", ["b"]), ("a", ["c"]), ("a", ("b",))]
    strange = [packing("arrives", ("x", "y"), state) for state in unhashable]
    assert len({*packed, *strange}) == 9


def test_a_search_leaves_the_collector_as_it_was() -> None:
    import gc

    async def scenario(world: Any) -> None:
        await asyncio.gather(world.io("x"), world.io("y"))

    search(scenario, Setting())
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
