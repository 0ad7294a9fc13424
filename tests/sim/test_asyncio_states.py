"""When two states are one: what differs in anything that can matter later is never merged.

Each program is led into two states that differ in one hidden thing, waits while the world decides, and then looks at
it. With merging it must note what it notes without; an encoder that forgets the thing must be found out by the same
programs.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import random
import re
import threading
import types
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from tests.nightly import thinned
from tests.sim import (
    asyncio_hidden,
    asyncio_hidden_in_code,
    asyncio_hidden_in_containers,
    asyncio_hidden_in_keys,
    asyncio_hidden_in_names,
    asyncio_hidden_in_settings,
    asyncio_hidden_in_the_library,
)
from tests.sim.asyncio_hidden import Kept, elsewhere
from tests.sim.test_asyncio_conformance import PROGRAMS, scenario_of, with_what_was_noted

from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import ScenarioOutcome, Setting
from everyturn.asyncio.search.depth_first import DepthFirstGuide, Merging
from everyturn.asyncio.search.searching import outcomes
from everyturn.asyncio.states import encoding, frames
from everyturn.identity import anatomy as anatomies

Program = Callable[[Any], Any]
MAKE_AND_LOOK: Final = (
    asyncio_hidden.MAKE_AND_LOOK
    | asyncio_hidden_in_code.MAKE_AND_LOOK
    | asyncio_hidden_in_containers.MAKE_AND_LOOK
    | asyncio_hidden_in_the_library.MAKE_AND_LOOK
    | asyncio_hidden_in_settings.MAKE_AND_LOOK
    | asyncio_hidden_in_keys.MAKE_AND_LOOK
    | asyncio_hidden_in_names.MAKE_AND_LOOK
)


def program(name: str) -> Program:
    """Makes the thing in one of two ways, waits while the world decides, and notes what it sees."""
    make, look = MAKE_AND_LOOK[name]

    async def scenario(world: Any) -> None:
        elsewhere.number, Kept.shared, Kept.sometimes = 0, [], None
        thing = None
        try:
            await world.io("way", errors=[LookupError])
            thing = make(0)
        except LookupError:
            thing = make(1)
        await asyncio.gather(world.io("x"), world.io("y"))
        world.log(repr(look(thing)))

    return scenario


def noted(scenario: Program, guide: DepthFirstGuide) -> set[tuple[Any, ...]]:
    with prepared():
        return {tuple(each.logged) for each in outcomes(scenario, Setting(), guide) if each.complete}


@pytest.fixture(autouse=True)
def library_as_it_was() -> Iterator[None]:
    with (
        asyncio_hidden_in_the_library.library_as_it_was(),
        asyncio_hidden_in_settings.settings_as_they_were(),
        asyncio_hidden_in_names.names_as_they_were(),
    ):
        yield


@thinned(8)
@pytest.mark.parametrize("name", MAKE_AND_LOOK)
def test_what_differs_in_one_hidden_thing_is_two_states(name: str) -> None:
    scenario = program(name)
    with prepared():
        whole = noted(scenario, DepthFirstGuide())
        merged = noted(scenario, Merging())
    assert len(whole) == 2
    assert merged == whole


async def in_a_loop(world: Any) -> None:
    """The iterator of a ``for`` lies on the value stack only."""
    items = [1, 2, 3]
    steps = 0
    for item in items:
        steps += 1
        try:
            await world.io("again or not", errors=[LookupError])
        except LookupError:
            steps = 0
        del item
    world.log(steps)


async def while_an_exception_is_handled(world: Any) -> None:
    """What is handled is in no variable."""
    import sys

    try:
        await world.io("way", errors=[LookupError, KeyError])
        raise ValueError
    except Exception:
        await asyncio.gather(world.io("x"), world.io("y"))
        world.log(type(sys.exception()).__name__)


async def a_comprehension_with_an_await(world: Any) -> None:
    """Its variables are those of its function from Python 3.12 on."""
    way = 0
    try:
        await world.io("way", errors=[LookupError])
    except LookupError:
        way = 1
    numbers = [number + way if await world.io(f"item {number}", True, errors=[KeyError]) else 0 for number in (1, 2)]
    way = 0
    world.log(tuple(numbers))


class Rude(asyncio.CancelledError):
    """A cancellation of a program's own."""


async def by_which_error_it_was_cancelled(world: Any) -> None:
    """A task that ends by a cancellation keeps the very error, where no attribute shows it."""

    async def ends(errors: list[Callable[[], BaseException]]) -> None:
        raise errors.pop()()

    errors: list[Callable[[], BaseException]] = [functools.partial(asyncio.CancelledError, "stop", 1)]
    try:
        await world.io("way", errors=[LookupError])
    except LookupError:
        errors = [functools.partial(Rude, "stop", 1)]
    task = asyncio.create_task(ends(errors))
    await asyncio.wait([task])
    await asyncio.gather(world.io("x"), world.io("y"))
    try:
        task.result()
    except asyncio.CancelledError as error:
        world.log(type(error).__name__)


@pytest.mark.parametrize(
    "scenario",
    [in_a_loop, while_an_exception_is_handled, a_comprehension_with_an_await, by_which_error_it_was_cancelled],
)
def test_what_lies_hidden_in_a_frame_counts(scenario: Program) -> None:
    with prepared():
        whole = noted(scenario, DepthFirstGuide())
        merged = noted(scenario, Merging())
    assert len(whole) >= 2
    assert merged == whole


# encoders that forget something --------------------------------------------------------------------------------------


def _forgetting(kind: type) -> Callable[[pytest.MonkeyPatch], None]:
    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(encoding._BY_TYPE, kind, lambda encoder, value: encoder.out.append("forgotten"))

    return patch


def _without_parts(forgets: Callable[[Any], bool]) -> Callable[[pytest.MonkeyPatch], None]:
    """Anatomies of what ``forgets`` says lose their tags and parts."""

    def patch(monkeypatch: pytest.MonkeyPatch) -> None:
        anatomy = anatomies.anatomy

        def mutant(value: Any) -> Any:
            found = anatomy(value)
            return found._replace(tag="", items=(), names=(), held=()) if forgets(value) else found

        monkeypatch.setattr(anatomies, "anatomy", mutant)

    return patch


def _no_aliases(monkeypatch: pytest.MonkeyPatch) -> None:
    def sequence(encoder: Any, value: Any) -> None:
        encoder.numbers.pop(id(value), None)
        encoder.out.append(len(value))
        for each in value:
            encoder.value(each)

    monkeypatch.setitem(encoding._BY_TYPE, list, sequence)


def _no_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding.StateEncoder, "_class_attributes", lambda encoder, kind: None)


def _any_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding.StateEncoder, "named", lambda encoder, attributes: None)


def _no_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding.StateEncoder, "_ordered", lambda encoder, value: None)


_STEP: Final = "a step of an async generator"

ENCODERS_THAT_FORGET: Final[dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]]] = {
    "aliasing": (_no_aliases, "aliasing"),
    "a set's members": (_forgetting(set), "a set's members"),
    "a set's table": (_no_table, "a set's table"),
    "a context's variables": (_forgetting(contextvars.Context), "a context"),
    "a dictionary": (_forgetting(dict), "a dictionary's order"),
    "a class attribute": (_no_classes, "a class attribute"),
    "attributes of functions": (_any_attributes, "an attribute of a function"),
    "a closure's cell": (_without_parts(lambda value: type(value) is types.CellType), "a closure's cell"),
    "an exception": (_without_parts(lambda value: isinstance(value, BaseException)), "an exception's arguments"),
    "an iterator": (_without_parts(lambda value: isinstance(value, type(iter([])))), "a list's iterator"),
    "a partial": (_without_parts(lambda value: isinstance(value, functools.partial)), "a partial's argument"),
    "a deque": (_without_parts(lambda value: isinstance(value, deque)), "a deque's length"),
    "a pattern": (_without_parts(lambda value: isinstance(value, re.Pattern)), "the end of a long pattern"),
    "randomness": (_without_parts(lambda value: isinstance(value, random.Random)), "a source of randomness"),
    "a generator": (_forgetting(types.GeneratorType), "a generator"),
    "how far a step is": (lambda patch: patch.setattr(frames, "_progress", lambda step: 0), _STEP),
    "a lock": (_without_parts(lambda value: isinstance(value, type(threading.Lock()))), "a lock"),
}


@pytest.mark.parametrize("forgotten", ENCODERS_THAT_FORGET)
def test_an_encoder_that_forgets_is_found_out(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mutate, name = ENCODERS_THAT_FORGET[forgotten]
    mutate(monkeypatch)
    assert len(noted(program(name), Merging())) < 2


# random programs -----------------------------------------------------------------------------------------------------


def all_noted(seed: int, guide: DepthFirstGuide) -> set[Any] | None:
    """What the program of this number notes and what is wrong with it, over all runs; nothing if there are too many."""
    found: set[Any] = set()
    with prepared():
        for number, outcome in enumerate(outcomes(scenario_of(seed), Setting(), guide)):
            if number > 120:
                return None
            if outcome.complete:
                found.add(_what_came(outcome))
    return found


def _what_came(outcome: ScenarioOutcome) -> Any:
    return tuple(map(repr, outcome.logged)), tuple(sorted(each.kind for each in outcome.findings))


def test_random_programs_do_with_merging_what_they_do_without() -> None:
    compared = 0
    for seed in range(1000, 1000 + PROGRAMS):
        whole = all_noted(seed, DepthFirstGuide())
        if whole is not None:
            assert all_noted(seed, Merging(with_what_was_noted)) == whole, f"program {seed}"
            compared += 1
    assert compared >= PROGRAMS / 3
    print(f"{compared} programs")


def two_ways(what: Callable[[Any, int], Any]) -> Program:
    """What is begun differs by how an answer came; all else is the same when the world decides next."""

    async def scenario(world: Any) -> None:
        try:
            await world.io("way", errors=[LookupError])
            begun = what(world, 0)
        except LookupError:
            begun = what(world, 1)
        await asyncio.gather(world.io("x"), world.io("y"))
        if begun is not None:
            world.log(await begun)

    return scenario


def _called_soon(world: Any, way: int) -> None:
    asyncio.get_running_loop().call_soon(world.log, way)


def _called_later(world: Any, way: int) -> None:
    asyncio.get_running_loop().call_later(1, world.log, way)


def _answered(world: Any, way: int) -> Any:
    return world.io("answer", way)


def _done_outside(world: Any, way: int) -> Any:
    rows: list[int] = []
    world.io("write", effect=lambda: rows.append(way)).cancel()

    async def look() -> tuple[int, ...]:
        return tuple(rows)

    return look()


def _on_a_thread(world: Any, way: int) -> Any:
    return asyncio.get_running_loop().run_in_executor(None, lambda number: number, way)


def _default_executor(world: Any, way: int) -> Any:
    both = [ThreadPoolExecutor(1, name) for name in "ab"]
    asyncio.get_running_loop().set_default_executor(both[way])

    async def ask() -> str:
        return (await asyncio.to_thread(threading.current_thread)).name if both else ""

    return ask()


PARTS: Final[dict[str, Callable[[Any, int], Any]]] = {
    "ready": _called_soon,
    "timers": _called_later,
    "answers": _answered,
    "orphans": _done_outside,
    "pools": _on_a_thread,
    "default executor": _default_executor,
}


@thinned(2)
@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_the_loop_counts_and_a_state_without_it_is_found_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = two_ways(PARTS[name])
    with prepared():
        whole = noted(scenario, DepthFirstGuide())
        merged = noted(scenario, Merging())
    assert len(whole) >= 2
    assert merged == whole
    part = encoding.StateEncoder.part

    def mutant(encoder: Any, each: str, *values: Any) -> None:
        if each != name:
            part(encoder, each, *values)

    monkeypatch.setattr(encoding.StateEncoder, "part", mutant)
    assert noted(scenario, Merging()) != whole
