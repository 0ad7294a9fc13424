"""What a run leaves in globals, classes and objects is put back: each run begins with what the imports have made."""

from __future__ import annotations

import asyncio
import functools
import importlib
import itertools
import logging
import sys
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

import everyturn
from everyturn.asyncio.checking import check, fuzz
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import Scenario, Setting
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.verdicts.verdict import Verdict
from everyturn.world import overrun

# what is made where it is needed first
# ---------------------------------------------------------------------------

client: object | None = None


async def connected(world: Any) -> object:
    global client  # noqa: PLW0603 # as many a program does
    if client is None:
        await world.io("connects")
        client = object()
    return client


async def connects_twice(world: Any) -> None:
    """Both look before one of them has connected."""

    async def user(name: str) -> object:
        await world.io(name)
        return await connected(world)

    one, other = await asyncio.gather(user("a"), user("b"))
    assert one is other


class Pool:
    """The only one, it is said."""

    instance: ClassVar[Pool | None] = None

    @classmethod
    async def get(cls, world: Any) -> Pool:
        if cls.instance is None:
            await world.io("connects")
            cls.instance = cls()
        return cls.instance


async def makes_two_pools(world: Any) -> None:
    one, other = await asyncio.gather(Pool.get(world), Pool.get(world))
    assert one is other


@pytest.mark.parametrize("scenario", [connects_twice, makes_two_pools])
def test_who_makes_something_where_it_is_needed_first_does_so_in_each_run(scenario: Scenario) -> None:
    assert check(scenario).cell.verdict is Verdict.REFUTED
    assert fuzz(scenario, runs=5, seed=1).cell.verdict is Verdict.REFUTED


# what knows its loop
# ---------------------------------------------------------------------------

LOCK = asyncio.Lock()
ROOM = asyncio.Semaphore(1)
PROMPTS: asyncio.Queue[str] = asyncio.Queue()
STARTED = asyncio.Event()


@functools.cache
def lock() -> asyncio.Lock:
    return asyncio.Lock()


async def counts_up(world: Any, guard: Any) -> None:
    count = 0

    async def add(name: str) -> None:
        nonlocal count
        async with guard:
            before = count
            await world.io(name)
            count = before + 1

    await asyncio.gather(add("a"), add("b"), add("c"))
    assert count == 3


async def by_a_lock_of_the_module(world: Any) -> None:
    await counts_up(world, LOCK)


async def by_a_semaphore_of_the_module(world: Any) -> None:
    await counts_up(world, ROOM)


async def by_a_lock_that_a_function_keeps(world: Any) -> None:
    await counts_up(world, lock())


async def by_a_queue_and_an_event_of_the_module(world: Any) -> None:
    async def asks() -> None:
        await world.io("a user asks")
        STARTED.set()
        await PROMPTS.put("hello")

    async def answers() -> str:
        await STARTED.wait()
        return await PROMPTS.get()

    _, answer = await asyncio.gather(asks(), answers())
    assert answer == "hello"


@pytest.mark.parametrize(
    "scenario",
    [
        by_a_lock_of_the_module,
        by_a_semaphore_of_the_module,
        by_a_lock_that_a_function_keeps,
        by_a_queue_and_an_event_of_the_module,
    ],
)
def test_what_a_module_waits_by_belongs_to_the_loop_of_each_run(scenario: Scenario) -> None:
    assert check(scenario).cell.verdict is Verdict.PROVED
    assert fuzz(scenario, runs=3, seed=1).cell.verdict is Verdict.RISK


class InTurn(everyturn.Session):
    """A session that answers one prompt after the other, by a lock of its module."""

    promises = everyturn.Promises(cancel="turn and queue", busy="queue", folds=False)

    async def open(self, world: Any) -> None:
        self.model = world.model()
        self.waiting: list[str] = []

    async def submit(self, prompt: everyturn.UserPrompt) -> str:
        self.waiting.append(prompt.text)
        async with LOCK:
            self.waiting.remove(prompt.text)
            return str(await self.model(prompt.text))

    async def cancel(self) -> None: ...

    def look(self) -> everyturn.Held:
        return everyturn.Held(busy=LOCK.locked(), queue=list(self.waiting))


def test_so_it_is_of_the_module_of_an_adapter() -> None:
    found = everyturn.check_session(InTurn, "AA", invariants=["no-hang"])
    assert found.cell.verdict is Verdict.PROVED


# what a run leaves behind
# ---------------------------------------------------------------------------


class Kept:
    """Somebody's notes."""

    __slots__ = ("notes",)

    def __init__(self) -> None:
        self.notes: list[str] = []


class Numbered:
    """Counts its objects."""

    made: ClassVar[int] = 0

    def __init__(self) -> None:
        type(self).made += 1


DICTIONARY: dict[str, int] = {}
ORDERED: OrderedDict[str, int] = OrderedDict()
NESTED: dict[str, list[str]] = {"names": []}
LIST: list[str] = []
QUEUE: deque[str] = deque(["first"])
SET: set[str] = set()
BYTES = bytearray(b"a")
OBJECT = Kept()
LOCAL = threading.local()
ROWS = itertools.count(1)
next_row = itertools.count(1).__next__
LOGGER = logging.getLogger("everyturn.tests.first_state")


def enclosing() -> Callable[[], int]:
    number = 0

    def count() -> int:
        nonlocal number
        number += 1
        return number

    return count


count_up = enclosing()


def with_default(names: list[str] = []) -> int:  # noqa: B006 # as some do
    names.append("x")
    return len(names)


def attribute() -> int:
    attribute.calls = getattr(attribute, "calls", 0) + 1  # type: ignore[attr-defined]
    return int(attribute.calls)  # type: ignore[attr-defined]


def in_local() -> int:
    LOCAL.calls = getattr(LOCAL, "calls", 0) + 1
    return int(LOCAL.calls)


def handlers() -> int:
    LOGGER.addHandler(logging.NullHandler())
    return len(LOGGER.handlers)


@functools.cache
def notes() -> list[str]:
    return []


def in_dictionary() -> int:
    DICTIONARY[f"row {len(DICTIONARY)}"] = 1
    return len(DICTIONARY)


def in_ordered() -> list[str]:
    ORDERED[f"row {len(ORDERED)}"] = 1
    return list(ORDERED)


def within() -> int:
    NESTED["names"].append("x")
    return len(NESTED["names"])


def in_list() -> list[str]:
    LIST.append("x")
    return list(LIST)


def in_deque() -> list[str]:
    QUEUE.append("x")
    return list(QUEUE)


def in_set() -> int:
    SET.add(f"x{len(SET)}")
    return len(SET)


def in_bytes() -> bytes:
    BYTES.append(98)
    return bytes(BYTES)


def in_slot() -> int:
    OBJECT.notes = [*OBJECT.notes, "x"]
    return len(OBJECT.notes)


def in_class() -> int:
    Numbered()
    return Numbered.made


def in_results() -> int:
    notes().append("x")
    return len(notes())


def in_new_name() -> int:
    globals()["new_name"] = globals().get("new_name", 0) + 1
    return int(globals()["new_name"])


LEFT: dict[str, tuple[Callable[[], Any], Any]] = {
    "in a dictionary": (in_dictionary, 1),
    "in an ordered dictionary": (in_ordered, ["row 0"]),
    "in a list within": (within, 1),
    "in a list": (in_list, ["x"]),
    "in a deque": (in_deque, ["first", "x"]),
    "in a set": (in_set, 1),
    "in bytes": (in_bytes, b"ab"),
    "in a slot": (in_slot, 1),
    "in a class": (in_class, 1),
    "in a counter": (lambda: next(ROWS), 1),
    "in what a counter gives": (lambda: int(next_row()), 1),
    "in what a function encloses": (count_up, 1),
    "in a default value": (with_default, 1),
    "in an attribute of a function": (attribute, 1),
    "for each thread": (in_local, 1),
    "in a logger": (handlers, 1),
    "in kept results": (in_results, 1),
    "in a new name": (in_new_name, 1),
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


NUMBERS = itertools.count(1)
next_number = NUMBERS.__next__


async def numbers_its_rows(world: Any) -> None:
    """Nothing depends on the numbers but which row is which."""
    rows: dict[str, tuple[int, int]] = {}

    async def add(name: str) -> None:
        rows[name] = next(NUMBERS), next_number()
        await world.io(name)

    await asyncio.gather(add("a"), add("b"))
    await asyncio.gather(world.io("c"), world.io("d"))
    assert rows == {"a": (1, 2), "b": (3, 4)}


def test_counters_keep_no_states_apart() -> None:
    """They are one counter, also where only its next number is held."""
    found = search(numbers_its_rows)
    assert not found.found
    assert found.merged


LATE: list[str] = []


async def leaves_something_late(world: Any) -> None:
    """In few of many runs, and not in those that are looked at first."""
    assert not LATE
    answers = [asyncio.ensure_future(world.io(name)) for name in "abc"]
    await asyncio.gather(*answers[1:])
    if not answers[0].done():
        LATE.append("x")
    await answers[0]


@pytest.mark.parametrize("processes", [1, 2])
def test_where_it_is_found_late_the_search_begins_anew(processes: int) -> None:
    assert check(leaves_something_late, processes=processes).cell.verdict is Verdict.PROVED
    assert not LATE


# what is imported while it runs
# ---------------------------------------------------------------------------


PLUGINS: list[str] = []


async def imports_while_it_runs(world: Any) -> None:
    await asyncio.gather(world.io("a"), world.io("b"))
    module = importlib.import_module("imported_for_first_state")
    world.log(list(module.names), list(PLUGINS))
    module.names.append("x")
    PLUGINS.append("of a run")


def test_what_an_import_makes_is_there_in_each_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what it puts into what was there before."""
    module = tmp_path / "imported_for_first_state.py"
    module.write_text(f"import sys\nnames = ['first']\nsys.modules[{__name__!r}].PLUGINS.append('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module.stem, raising=False)
    with prepared(imports_while_it_runs):
        seen = [repr(each.logged) for each in outcomes(imports_while_it_runs, Setting())]
    PLUGINS.clear()
    assert set(seen) == {repr([(["first"], ["imported"])])}


async def imports_by_a_statement(world: Any) -> None:
    import loaded_before_first_state as module  # type: ignore[import-not-found]

    await asyncio.gather(world.io("a"), world.io("b"))
    world.log(list(module.names))
    module.names.append("x")


def test_what_was_loaded_before_the_runs_and_is_imported_in_them_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a module that an earlier check has loaded: no name leads to it before the statement is executed."""
    (tmp_path / "loaded_before_first_state.py").write_text("names = ['first']\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("loaded_before_first_state")
    with prepared(imports_by_a_statement):
        seen = [each.logged for each in outcomes(imports_by_a_statement, Setting())]
    assert len(seen) > 4
    assert seen == [[["first"]]] * len(seen)
    assert module.names == ["first"]


async def starts_a_thread_while_it_imports(world: Any) -> None:
    await world.io("a")
    world.log(importlib.import_module("starts_what_is_refused").DONE)


def test_what_a_run_may_not_do_an_import_may(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As trio asks a subprocess for a library, and some begin a thread."""
    module = tmp_path / "starts_what_is_refused.py"
    module.write_text(
        "import subprocess, sys, threading, time\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)\n"
        "thread = threading.Thread(target=print)\nthread.start()\nthread.join()\n"
        "DONE = type(time.monotonic()).__name__\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module.stem, raising=False)
    with prepared(starts_a_thread_while_it_imports):
        assert [each.logged for each in outcomes(starts_a_thread_while_it_imports, Setting())] == [["float"]]


def test_an_import_may_take_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large packages take more than ten seconds on a slow machine: that is no step that goes on and on."""
    module = tmp_path / "starts_what_is_refused.py"
    module.write_text("import time\ntime.sleep(1)\nDONE = 1\n")
    monkeypatch.setattr(overrun, "STEP_SECONDS", 0.3)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, module.stem, raising=False)
    assert not search(starts_a_thread_while_it_imports).found


class Days(timedelta):
    """What C code keeps as numbers shows as slots, which nobody can set."""

    unit = "days"


LONG = Days(days=-999_999_999)


async def counts_in_days(world: Any) -> None:
    await asyncio.gather(world.io("a"), world.io("b"))
    LONG.unit = "weeks"
    world.log(LONG.days)


def test_numbers_that_c_code_keeps_are_not_put_back() -> None:
    with prepared(counts_in_days):
        assert {repr(each.logged) for each in outcomes(counts_in_days, Setting())} == {"[-999999999]"}
    assert LONG.unit == "days"


# what packages keep
# ---------------------------------------------------------------------------


def test_what_a_package_keeps_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But a definition of a package that was looked up once is kept: that is what is made once for good."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "package_of_first_state.py").write_text(
        "import itertools\n_sessions = {}\n_number = itertools.count(1)\n_backend = {}\n"
        "class Session:\n    def __init__(self):\n        self.number = next(_number)\n"
        "        _backend['it'] = Session\n        _sessions[self.number] = self\n"
        "    def all(self):\n        return len(_sessions), self.number\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    package = importlib.import_module("package_of_first_state")
    monkeypatch.setitem(globals(), "Session", package.Session)

    async def scenario(world: Any) -> None:
        await asyncio.gather(world.io("a"), world.io("b"))
        world.log(globals()["Session"]().all())

    with prepared(scenario):
        seen = [each.logged for each in outcomes(scenario, Setting())]
        assert len(seen) > 4
        assert seen == [[(1, 1)]] * len(seen)
        assert package._backend == {"it": package.Session}
    assert package._sessions == {}


def test_what_only_methods_of_packages_read_is_a_part_of_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of two marks came first, where no name of the program leads to it."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "package_that_remembers.py").write_text(
        "_marks = {'all': []}\nclass Memory:\n    def mark(self, name):\n        _marks['all'].append(name)\n"
        "    def first(self):\n        return _marks['all'][0]\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    package = importlib.import_module("package_that_remembers")
    monkeypatch.setitem(globals(), "package_that_remembers", package)

    async def remembers(world: Any) -> None:
        memory = package.Memory()

        async def marks(name: str) -> None:
            await world.io(name)
            memory.mark(name)

        await asyncio.gather(marks("a"), marks("b"))
        await asyncio.gather(world.io("c"), world.io("d"))
        assert memory.first() == "a"

    found = search(remembers)
    assert found.merged
    assert "error" in found.found


# what a class says of itself
# ---------------------------------------------------------------------------


class OnlyOfObjects:
    """As classes have it that stand for a function."""

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        if instance is None:
            raise AttributeError("a class stands for nothing")
        return str


class StandsForAFunction:
    __wrapped__ = OnlyOfObjects()


async def asks_what_it_stands_for(world: Any) -> None:
    tool = StandsForAFunction()
    await asyncio.gather(world.io("a"), world.io("b"))
    await asyncio.gather(world.io("c"), world.io("d"))
    assert tool.__wrapped__ is str


def test_what_a_class_makes_of_its_attributes_is_not_asked() -> None:
    found = search(asks_what_it_stands_for)
    assert not found.found
    assert found.merged
