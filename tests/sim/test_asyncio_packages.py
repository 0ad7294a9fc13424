"""What unmodified packages do besides waiting: dates, output, sets of their own objects, addresses, imports."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import datetime as dates
import importlib
import logging
import pickle
import platform
import sys
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from everyturn.asyncio.checking import check, fuzz, replay
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.order.sets import WorldSet
from everyturn.asyncio.runtime.errors import Unsupported
from everyturn.asyncio.runtime.outside import Job
from everyturn.asyncio.runtime.places import user_line
from everyturn.asyncio.search.depth_first import Merging
from everyturn.asyncio.search.searching import outcomes, search
from everyturn.cli import main
from everyturn.verdicts.verdict import Verdict

REAL = datetime, date


async def dates_of_the_loop(world: Any) -> None:
    now = datetime.now(UTC)
    assert now == datetime.now(tz=UTC)
    assert now.timestamp() < 1_700_000_100
    assert datetime.utcnow() == now.replace(tzinfo=None)
    assert date.today() == dates.date.today()
    assert isinstance(now, datetime)
    assert isinstance(now, dates.datetime)
    assert type(now) is REAL[0]
    assert datetime(2026, 1, 2) == REAL[0](2026, 1, 2)
    assert issubclass(REAL[0], date)
    assert {REAL[0]: "known"}[datetime] == "known"
    assert pickle.loads(pickle.dumps([now, now.date()])) == [now, now.date()]
    assert copy.deepcopy(now) == now
    await world.io("later")
    world.log(datetime.now(UTC).isoformat())


def test_dates_are_those_of_the_loop_and_are_put_back() -> None:
    checked = check(dates_of_the_loop)
    assert checked.cell.verdict is Verdict.PROVED, checked.cell.invariants
    assert (dates.datetime, dates.date) == (datetime, date) == REAL
    assert abs(datetime.now(UTC).timestamp() - datetime.now(UTC).timestamp()) < 60
    assert datetime.now(UTC).timestamp() > 1_700_000_100


async def prints_and_logs(world: Any) -> None:
    print("to standard output")
    print("to standard error", file=sys.stderr)
    logger = logging.getLogger("somebody")
    logger.propagate = False  # the test runner's own handlers are further up
    logger.error("to a log")
    await world.io("answer", errors=[LookupError])


def test_what_explored_code_prints_is_shown_for_a_counterexample_only(capsys: pytest.CaptureFixture[str]) -> None:
    judged = check(prints_and_logs).cell.invariants["error"]
    assert capsys.readouterr() == ("", "")
    assert judged.token is not None
    lines = [line.split("  ", 2)[-1].strip() for line in replay(judged.token, prints_and_logs).lines]
    assert capsys.readouterr() == ("", "")
    assert [line for line in lines if line.startswith("it prints")] == [
        "it prints to standard output",
        "it prints to standard error",
        "it prints to a log",
    ]


async def says_on_what_machine_it_runs(world: Any) -> None:
    await world.io(platform.platform(), errors=[LookupError])


def test_which_machine_it_is_may_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As clients of models do for a header; Python asks a subprocess for it, the first time."""
    monkeypatch.setattr(platform, "_uname_cache", None)
    monkeypatch.setattr(platform, "_platform_cache", {})
    assert set(search(says_on_what_machine_it_runs).found) == {"error"}


def test_a_module_that_deletes_in_its_own_way_is_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of cryptography, which say what is deprecated: what it deletes it looks for in another module."""
    (tmp_path / "deletes_elsewhere.py").write_text(
        "import sys, types\n"
        "class Elsewhere(types.ModuleType):\n"
        "    def __delattr__(self, name):\n        getattr(types, name)\n"
        "def together(items):\n    return frozenset(items)\n"
        "sys.modules[__name__].__class__ = Elsewhere\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("deletes_elsewhere")
    with prepared(prints_and_logs):
        assert "frozenset" in vars(module)
    assert "frozenset" not in vars(module)


class Listener:
    """Hashed by where it lies, as any object is."""

    def __init__(self, name: str) -> None:
        self.name = name


async def tells_its_listeners(world: Any) -> None:
    listeners = {Listener(name) for name in "abcd"}
    await asyncio.gather(world.io("x"), world.io("y"))
    for each in listeners:
        world.log(each.name)


def test_a_set_of_objects_is_in_one_order_which_is_said_to_be_trusted() -> None:
    found = search(tells_its_listeners)
    assert found.complete
    assert not found.opaque
    said = f"the order of sets of {__name__}.Listener is that in which they came; it is one of all that are possible"
    assert said in found.trusted
    assert hash(Listener("a")) != hash(Listener("b"))
    assert "__hash__" not in vars(Listener)


def test_a_set_of_objects_is_in_the_same_order_when_runs_are_sampled() -> None:
    assert fuzz(tells_its_listeners, runs=8).cell.verdict is Verdict.RISK


async def knows_objects_by_their_addresses(world: Any) -> None:
    names = {}

    async def user(name: str) -> None:
        listener = Listener(name)
        await world.io(name)
        names[id(listener)] = listener

    await asyncio.gather(user("x"), user("y"))
    await asyncio.gather(world.io("u"), world.io("v"))
    assert all(key == id(each) for key, each in names.items())


async def knows_objects_by_their_names(world: Any) -> None:
    names = {}

    async def user(name: str) -> None:
        listener = Listener(name)
        await world.io(name)
        names[name] = listener

    await asyncio.gather(user("x"), user("y"))
    await asyncio.gather(world.io("u"), world.io("v"))
    assert all(key == each.name for key, each in names.items())


def test_addresses_keep_no_states_apart() -> None:
    assert search(knows_objects_by_their_addresses).states == search(knows_objects_by_their_names).states


IMPORTED = "tests.sim.asyncio_imported_late"


async def imports_something(world: Any) -> None:
    from tests.sim import asyncio_imported_late

    world.log(float(asyncio_imported_late.clock()))
    await world.io("answer")
    world.log(asyncio_imported_late.clock() >= 0)
    assert asyncio_imported_late.Day.__mro__[1] is REAL[1]
    assert asyncio_imported_late.today() == date.today()
    assert type(asyncio_imported_late.together([1])) is WorldSet


def test_what_is_imported_while_a_program_runs_is_patched_and_belongs_to_no_run() -> None:
    for name in (IMPORTED, f"{IMPORTED}r"):
        sys.modules.pop(name, None)
    found = search(imports_something)
    assert found.complete
    assert all(outcome.logged[0] < 2000 for outcome in found.found.values())
    assert check(imports_something).cell.verdict is Verdict.PROVED


async def leaves_a_traceback_in_a_variable(world: Any) -> None:
    try:
        await world.io("x", errors=[LookupError])
        trace = None
    except LookupError as error:
        trace = error.__traceback__
    await asyncio.gather(world.io("y"), world.io("z"))
    world.log(trace is None)


def test_a_traceback_is_known_by_where_it_leads_through() -> None:
    found = search(leaves_a_traceback_in_a_variable)
    assert found.complete
    assert not found.opaque


def test_a_refusal_names_a_line_of_the_program_or_of_the_package() -> None:
    assert user_line().startswith("tests/sim/test_asyncio_packages.py:")


def test_a_refusal_never_names_what_started_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "starts_threads.py"
    package.parent.mkdir()
    package.write_text("import threading\nasync def run(world):\n    threading.Thread(target=print).start()\n")
    monkeypatch.syspath_prepend(str(package.parent))
    result = CliRunner().invoke(main, ["check", "--scenario", "starts_threads:run"])
    assert result.exit_code == 2
    assert "site-packages/starts_threads.py:3: a thread of the program's own" in result.output


async def swallows_a_refusal(world: Any) -> None:
    with contextlib.suppress(Exception):
        await asyncio.open_connection("nobody.example", 80)


async def waits_for_the_loop_on_a_thread(world: Any) -> None:
    loop = asyncio.get_running_loop()

    def function() -> None:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()

    await asyncio.to_thread(function)


async def waits_for_a_thread_in_the_loop(world: Any) -> None:
    threading.Event().wait()


@pytest.mark.parametrize(
    ("scenario", "what"),
    [
        (swallows_a_refusal, "the address of 'nobody.example'"),
        (waits_for_the_loop_on_a_thread, "a function on another thread that waits for the loop"),
        (waits_for_a_thread_in_the_loop, "waiting for another thread, which stops the loop"),
    ],
)
def test_what_is_refused_ends_the_search_whatever_the_program_makes_of_it(scenario: Any, what: str) -> None:
    with pytest.raises(Unsupported, match=what) as refused:
        check(scenario)
    assert "tests/sim/test_asyncio_packages.py:" in str(refused.value)


async def asks_for_all_tasks(world: Any) -> None:
    async def waits(name: str) -> None:
        await world.io(name)

    tasks = [asyncio.create_task(waits(name), name=name) for name in "ab"]
    found = asyncio.all_tasks()
    assert found.issuperset(tasks)
    assert len(found) == 3
    world.log([each.get_name() for each in found if each in tasks])
    await asyncio.gather(*tasks)


def test_all_tasks_are_in_any_order_to_who_looks_at_them() -> None:
    found = search(asks_for_all_tasks)
    assert found.complete
    assert found.setting.groups == ()
    with prepared(asks_for_all_tasks):
        seen = {tuple(each.logged[0]) for each in outcomes(asks_for_all_tasks, found.setting) if each.complete}
    assert seen == {("a", "b"), ("b", "a")}


async def works_on_threads_of_anyio(world: Any) -> None:
    import anyio.to_thread

    done: list[str] = []

    async def on_a_thread(name: str) -> None:
        done.append(await anyio.to_thread.run_sync(lambda: name))

    async with anyio.create_task_group() as group:
        group.start_soon(on_a_thread, "a")
        group.start_soon(on_a_thread, "b")
    world.log(*done)


async def is_cancelled_while_a_thread_of_anyio_works(world: Any) -> None:
    import anyio.to_thread

    with anyio.move_on_after(1):
        world.log(await anyio.to_thread.run_sync(lambda: "done", abandon_on_cancel=True))


def test_worker_threads_of_anyio_are_explored() -> None:
    pytest.importorskip("anyio")
    for scenario, expected in (
        (works_on_threads_of_anyio, {(("a", "b"),), (("b", "a"),)}),
        (is_cancelled_while_a_thread_of_anyio_works, {("done",), ()}),
    ):
        found = search(scenario)
        assert found.complete, found.stopped
        assert not found.opaque
        with prepared(scenario):
            assert {
                tuple(each.logged) for each in outcomes(scenario, found.setting, Merging()) if each.complete
            } == expected


def test_another_thread_of_the_process_may_wait_while_a_function_of_the_program_runs() -> None:
    waited: list[object] = []

    def waits_meanwhile() -> None:
        condition = threading.Condition()
        while Job.thread is None:
            pass
        try:
            with condition:
                condition.wait(0.001)
            waited.append("waited")
        except BaseException as error:
            waited.append(error)

    def until_the_other_has_waited() -> None:
        while not waited:
            pass

    async def runs_a_function_meanwhile(world: Any) -> None:
        await asyncio.to_thread(until_the_other_has_waited)

    other = threading.Thread(target=waits_meanwhile, daemon=True)
    other.start()
    assert check(runs_a_function_meanwhile).cell.verdict is Verdict.PROVED
    other.join()
    assert waited == ["waited"]
