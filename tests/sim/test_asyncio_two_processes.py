"""A second process that makes runs ahead: what is found is what one process finds, number by number."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.nightly import how_many, thinned
from tests.sim.asyncio_programs import interpret, program

from everyturn.asyncio.runtime.scenarios import find
from everyturn.asyncio.search import ahead, depth_first, second_process
from everyturn.asyncio.search.ahead import RunsAhead
from everyturn.asyncio.search.searching import ScenarioSearch, SearchLimits, search
from everyturn.asyncio.states.process_names import ProcessNames
from everyturn.sessions.by_name import workload

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked here"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


class Counted:
    """How many runs were taken up, and which processes were begun."""

    def __init__(self) -> None:
        self.taken_up = 0
        self.processes: list[int] = []


@pytest.fixture(autouse=True)
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    """Processes are forked although tests may run beside a thread that talks to another one; and what was asked for is
    waited for, so that nothing depends on who is faster."""
    count = Counted()
    outcome, begin, ask = RunsAhead.outcome, second_process.begin, RunsAhead._ask

    def asking(self: RunsAhead, process: second_process.SecondProcess) -> None:
        ask(self, process)
        while process.is_busy and not process.over:
            self._receive(process)

    def counting(*given: Any) -> Any:
        found = outcome(*given)
        count.taken_up += found is not None
        return found

    def beginning(*given: Any) -> Any:
        process = begin(*given)
        if process is not None:
            count.processes.append(process._child)
        return process

    monkeypatch.setattr(second_process, "_is_alone", lambda: True)
    monkeypatch.setattr(second_process, "begin", beginning)
    monkeypatch.setattr(RunsAhead, "outcome", counting)
    monkeypatch.setattr(RunsAhead, "_ask", asking)
    return count


def facts(found: ScenarioSearch) -> dict[str, Any]:
    """All that a search has found out, its numbers of states and the ways to them included."""
    guide = found.guide
    assert guide is not None
    return {
        "counts": (found.runs, found.decisions, found.longest, found.states, found.seen, found.merged, found.unrested),
        "ended": (found.complete, found.stopped),
        "found": {kind: ([*run.decisions], [*run.findings]) for kind, run in found.found.items()},
        "said": (found.opaque, found.unsure, found.shown, found.trusted, found.neighbours),
        "graph": (guide.graph.ways, guide.graph._before, guide.graph._rests, guide.graph._done),
        "merges": guide.merges.kept,
    }


def compared(program: Any, **how: Any) -> ScenarioSearch:
    """What two processes find, which is what one finds."""
    both = search(program, **how, processes=2)  # first, as what was named stays named
    assert facts(both) == facts(search(program, **how))
    return both


@thinned(2)
@pytest.mark.parametrize("name", ["http_chat:racy", "http_chat:mended", "faults.turns:is_over_before_it_ends.wrong"])
def test_two_processes_find_what_one_finds(name: str, counted: Counted) -> None:
    compared(find(f"examples.scenarios.{name}"))
    assert counted.taken_up


@pytest.mark.parametrize("scope", ["AA", "A+1c"])
def test_so_they_do_of_a_session(scope: str, counted: Counted) -> None:
    compared(workload("examples.sessions.adapter:Chat", scope))
    assert counted.taken_up > 20


@thinned(2)
@pytest.mark.parametrize("seed", range(how_many(6, 300)))
def test_so_they_do_of_programs_that_are_made_at_random(seed: int) -> None:
    async def scenario(world: Any) -> None:
        await interpret(program(seed), world)

    compared(scenario, limits=SearchLimits(runs=400))


async def keeps_tasks_in_sets(world: Any) -> None:
    """Begins anew once it is known which tasks are in one set; some of its states cannot be known."""
    found: Any = None
    with suppress(ValueError):
        await world.io("looks", errors=(ValueError,))
        found = re.finditer("a", "aa")

    async def asks(name: str) -> None:
        await world.io(name)

    tasks = {asyncio.create_task(asks(name), name=name) for name in "ab"}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    world.log(*(each.get_name() for each in done), len(pending))
    await asyncio.gather(*pending)
    assert found is not None


def test_orders_in_sets_are_explored_as_by_one(counted: Counted) -> None:
    found = compared(keeps_tasks_in_sets)
    assert found.opaque
    assert "error" in found.found
    assert counted.taken_up


async def many(world: Any) -> None:
    await asyncio.gather(*(world.io(name) for name in "abcd"))
    await asyncio.gather(*(world.io(name) for name in "xy"))


def test_a_process_that_ends_leaves_the_rest_to_the_search(monkeypatch: pytest.MonkeyPatch, counted: Counted) -> None:
    made = second_process._made

    def few(*given: Any) -> Any:
        if NUMBER.pop():
            return made(*given)
        os._exit(1)

    NUMBER = [False, *[True] * 7]  # noqa: N806
    monkeypatch.setattr(second_process, "_made", few)
    compared(many)
    assert len(counted.processes) > 1
    assert counted.taken_up


def test_a_hint_that_is_wrong_costs_time_only(monkeypatch: pytest.MonkeyPatch, counted: Counted) -> None:
    for module in (depth_first, second_process):
        monkeypatch.setattr(module, "hash_of", lambda *_: 1)
    compared(many)
    assert counted.processes


async def asks_which_process_it_is(world: Any) -> None:
    mine = os.getpid()
    await many(world)
    world.log(mine == os.getpid())


def test_where_states_are_others_there_nothing_counts_that_comes_from_there(counted: Counted) -> None:
    compared(asks_which_process_it_is)
    assert len(counted.processes) == 1
    assert not counted.taken_up


async def has_other_code_later(world: Any) -> None:
    """Code that no process has met before they part; in states it is a number."""
    made: Callable[[], str] = str
    try:
        await world.io("late", errors=(ValueError, KeyError, TypeError))
    except ValueError:
        made = lambda: "one"  # noqa: E731
    except KeyError:
        made = lambda: "another"  # noqa: E731
    except TypeError:
        made = lambda: "the last"  # noqa: E731
    await asyncio.gather(*(world.io(name) for name in "abc"))
    world.log(made())


def test_a_process_that_names_something_ends(counted: Counted) -> None:
    compared(has_other_code_later)
    assert len(counted.processes) > 1
    assert counted.taken_up


async def writes(world: Any) -> None:
    await many(world)
    if FILE.exists():
        world.log("there")
    FILE.write_text("x")
    await many(world)
    world.log(FILE.read_text())


FILE = Path()


def test_two_processes_do_not_change_one_file(tmp_path: Path, counted: Counted) -> None:
    global FILE  # noqa: PLW0603
    FILE = tmp_path / "file"
    compared(writes)
    assert not FILE.exists()
    assert not counted.processes


def test_no_process_is_left(counted: Counted) -> None:
    def interrupt(found: ScenarioSearch) -> None:
        if found.runs == 40:
            raise KeyboardInterrupt

    assert search(many, processes=2, watch=interrupt).interrupted
    assert search(many, processes=2, limits=SearchLimits(runs=40)).stopped == "40 runs"
    assert search(many, processes=2).complete
    assert len(counted.processes) >= 3
    for each in counted.processes:
        with pytest.raises(ProcessLookupError):
            os.kill(each, 0)


def test_what_is_named_is_counted() -> None:
    names = ProcessNames()
    before = names.given
    assert names.code(asks_which_process_it_is.__code__) == names.code(asks_which_process_it_is.__code__)
    named = names.given
    assert named != before
    names.address(before)
    assert names.given != named


def test_a_few_runs_are_made_by_one(counted: Counted) -> None:
    async def few(world: Any) -> None:
        await asyncio.gather(world.io("a"), world.io("b"))

    assert search(few, processes=2).runs < ahead._ALONE
    assert not counted.processes
