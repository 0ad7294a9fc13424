"""Coverage: what is reached in programs whose answer is known, and how it is said."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from everyturn.checking.coverage import Coverage, cover
from everyturn.cli import main
from everyturn_impl.calls import Call, Context
from everyturn_impl.errors import StoreError
from everyturn_impl.ports import Ports


class Counts:
    """Each prompt reads the mark and writes it; the first prompt goes another way than the others."""

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports

    async def submit(self, call: Call) -> Call:
        """A docstring is no statement."""
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        if await self.ports.mark.get() == 7:
            self.never()
        if call.text:
            await self.count()
        for _ in ():
            await self.count()
        while True:
            break
        try:
            await self.ports.store.read(caller, call.prompt)
        except StoreError:
            return
        if call.prompt == "p1" and call.text:
            return
        await self.ports.store.flush(call.prompt)

    async def count(self) -> None:
        await self.ports.mark.set(1)

    def never(self) -> None:
        raise AssertionError


class CountsLocked(Counts):
    """The same under the mutex, except for the first look."""

    async def count(self) -> None:
        await self.ports.mutex.lock()
        await self.ports.mark.get()
        await self.ports.mark.set(1)
        await self.ports.mutex.unlock()


class Asks(Counts):
    """Reads until it fails."""

    async def serve(self, call: Call, caller: Context) -> None:
        try:
            while await self.ports.store.read(caller, call.prompt):
                await self.ports.mark.get()
            return  # busy
        except StoreError:
            await self.ports.store.flush(call.prompt)


def covered(agent: Any, scope: str, granularity: str = "access") -> Coverage:
    return cover(agent, scope, granularity=granularity)


def line(function: Callable[..., Any], text: str) -> int:
    lines, first = inspect.getsourcelines(function)
    return next(first + number for number, each in enumerate(lines) if text in each)


def test_statements_that_were_not_reached_are_named() -> None:
    """Of a method that ran each statement, of one that did not only its name; a docstring and a `try:` are none."""
    found = covered(Counts, "AA")
    assert found.never_entered == ["Counts.never"]
    assert [(each.line, each.function) for each in found.missed] == [
        (line(Counts.serve, "self.never()"), "Counts.serve"),
        (line(Counts.serve, "for _") + 1, "Counts.serve"),
        (line(Counts.serve, "except StoreError") + 1, "Counts.serve"),
    ]
    assert (found.statements.reached, found.statements.total) == (13, 17)


def test_ways_that_were_not_taken_are_named() -> None:
    """An `if` with an await in it, a loop over nothing; a constant decides nothing."""
    found = covered(Counts, "AA")
    assert [(each.line, each.way) for each in found.missed_branches] == [
        (line(Counts.serve, "== 7"), "into"),
        (line(Counts.serve, "if call.text"), "past"),
        (line(Counts.serve, "for _"), "into"),
    ]
    assert (found.branches.reached, found.branches.total) == (5, 8)
    alone = covered(Counts, "A")
    assert (line(Counts.serve, '"p1"'), "past") in [(each.line, each.way) for each in alone.missed_branches]


def test_an_exception_is_no_way_on() -> None:
    """A condition that raises is neither true nor false; what handles the error is reached."""
    found = covered(Asks, "A+1f")
    assert found.failed_operations == ["store.read"]
    assert [each.line for each in found.missed] == [line(Asks.serve, "return  # busy")]
    assert [(each.line, each.way) for each in found.missed_branches] == [(line(Asks.serve, "while"), "past")]


def test_accesses_race_if_two_threads_can_be_at_them_and_one_writes() -> None:
    """Unlocked: read and write, write and write; two reads are no race, nor is what one thread does alone."""

    def meeting(agent: Any, scope: str) -> set[tuple[str, str]]:
        races = covered(agent, scope).races
        return {
            (each.first.split()[0], each.second.split()[0]) for each in races if each.meets and "mark" in each.first
        }

    assert meeting(Counts, "A") == set()
    assert meeting(Counts, "AA") == {("mark.get", "mark.set"), ("mark.set", "mark.set")}
    inside = line(CountsLocked.count, "mark.get")
    locked = covered(CountsLocked, "AA").races
    kept_apart = [each for each in locked if each.variable == "accepting" and not each.meets]
    assert [each.first.endswith(f":{inside}") or "mark.set" in each.first for each in kept_apart] == [True, True]
    assert meeting(CountsLocked, "AA") == {("mark.get", "mark.set")}


def test_operations_actions_guards_and_witnesses() -> None:
    """What such an agent does and what it owes: it loses every prompt."""
    found = covered(Counts, "AA+1f")
    assert list(found.operations) == ["mark.get", "mark.set", "store.flush", "store.read", "threads.start"]
    assert "queue.set" in found.missed_operations
    assert {name for name, taken in found.actions.items() if taken} == {
        "SubmitPrompt", "StoreFailsRead", "ReturnPrompt", "Rest",
    }  # fmt: skip
    assert set(found.refusals) == {"something-became"}
    assert found.unreached[:2] == ["queued", "hand-off"]


def test_a_limit_is_told() -> None:
    """What was cut off says so, and exits as undetermined."""
    result = CliRunner().invoke(main, ["coverage", "--scope", "AA", "--max-states", "100"])
    assert result.exit_code == 4
    assert "cut off" in result.stdout


def test_an_interrupted_exploration_keeps_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: the report speaks of what was reached, and the exit code says interrupted."""
    from everyturn.engines.coroutines.transitions import Transitions

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Transitions, "rest", interrupt)
    result = CliRunner().invoke(main, ["coverage", "--scope", "AA"])
    assert result.exit_code == 130
    assert "cut off" in result.stdout


def test_what_traced_before_goes_on() -> None:
    """A debugger or another coverage tool keeps its trace function."""

    def mine(*_: object) -> None:
        return None

    before = sys.gettrace()
    sys.settrace(mine)
    try:
        covered(Counts, "A")
        assert sys.gettrace() is mine
    finally:
        sys.settrace(before)


def test_the_command_reports_for_people_and_for_scripts() -> None:
    """The same numbers as text and as one document."""
    arguments = ["coverage", "--revision", "d4", "--scope", "Aa"]
    people = CliRunner().invoke(main, arguments).stdout
    (cell,) = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)["cells"]
    assert (cell["revision"], cell["complete"], cell["unreached"]) == ("d4-independent", True, [])
    for what in ("statements", "branches", "guards"):
        assert f"{what:<11} {cell[what]['reached']:>4} of {cell[what]['total']}" in people
    assert "never entered: SessionAgent.run_in_process" in people
    assert any(race["meets"] and race["variable"] == "active" for race in cell["races"])
