"""Ctrl-C within an agent's code: whatever the code makes of it, what it does then counts for nothing."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from tests.sim import interrupted_agents as agents

import everyturn
from everyturn.cli import main
from everyturn.world import overrun

HERE = f"{agents.__name__}:"
BOTH = pytest.mark.parametrize("name", ["Swallows", "SwallowsForLong"])
SCENARIOS = pytest.mark.parametrize("name", ["swallows", "swallows_for_long"])


@pytest.fixture(autouse=True)
def _listening(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C does what it does in Python, also where the tests run with the signal ignored; who goes on is not given
    long."""
    monkeypatch.setattr(overrun, "GRACE_SECONDS", 0.05)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    after = signal.signal(signal.SIGINT, before)
    assert after is signal.default_int_handler
    assert (overrun._watch.asked, overrun._watch.ended, overrun._watch.runs) == (None, None, False)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def token_of(*what: str) -> str:
    """The token of a run that hangs."""
    found = re.search(r"everyturn replay (\S+)", run("check", *what).output)
    assert found is not None
    return found[1]


@BOTH
@pytest.mark.parametrize(
    "command",
    [["check"], ["check", "--engine", "plain"], ["fuzz"], ["fuzz", "--engine", "tables", "--strategy", "random-walk"]],
)
def test_nothing_is_said_of_a_run_that_was_interrupted(command: list[str], name: str) -> None:
    """A sample has no such run, and nothing is proved."""
    done = run(*command, "--agent", f"{HERE}{name}", "--scope", "A", "--json")
    assert done.exit_code == 130, done.output
    cells = json.loads(done.stdout)["cells"] if done.stdout else []
    assert all(not each.get("schedules") and each["verdict"] == "undetermined" for each in cells)


@BOTH
@pytest.mark.parametrize("command", ["replay", "shrink", "explain"])
def test_nor_of_a_recorded_run(command: str, name: str) -> None:
    """There is no verdict on it."""
    done = run(command, token_of("--agent", f"{HERE}Hangs", "--scope", "A"), "--agent", f"{HERE}{name}")
    assert (done.exit_code, done.output) == (130, "everyturn: interrupted\n")


@SCENARIOS
@pytest.mark.parametrize("command", ["check", "fuzz"])
def test_nor_of_a_run_of_an_asyncio_program(command: str, name: str) -> None:
    """It may swallow Ctrl-C as well."""
    done = run(command, "--scenario", f"{HERE}{name}")
    assert (done.exit_code, "proved" in done.output, "risk" in done.output) == (130, False, False), done.output


@SCENARIOS
@pytest.mark.parametrize("command", ["replay", "shrink", "explain"])
def test_nor_of_a_recorded_one(command: str, name: str) -> None:
    """There is no verdict on it."""
    done = run(command, token_of("--scenario", f"{HERE}hangs"), "--scenario", f"{HERE}{name}")
    assert (done.exit_code, done.stdout) == (130, ""), done.output


@pytest.mark.parametrize("name", ["Swallows", "SwallowsForLong"])
def test_the_front_door_is_interrupted_as_commands_are(name: str) -> None:
    """What was found so far is the answer of a sample; a run that is made again has none."""
    agent: Any = getattr(agents, name)
    sample = everyturn.fuzz(agent, "A", strategy="random-walk")
    assert (sample.interrupted, sample.cell.schedules) == (True, 0)
    with pytest.raises(KeyboardInterrupt):
        everyturn.replay(everyturn.check(agents.Hangs, "A").tokens["no-hang"], agent=agent)


def test_a_second_one_is_not_waited_for() -> None:
    """Within a step it is raised at once; at the end of the step in any case, also if the step has swallowed it."""

    def step() -> list[str]:
        seen = []
        overrun.enter()
        try:
            for _ in range(2):
                try:
                    signal.raise_signal(signal.SIGINT)
                    seen.append("noted")
                except KeyboardInterrupt:
                    seen.append("raised")
        finally:
            shown.extend(seen)
            overrun.leave()
        return seen

    shown: list[str] = []
    with overrun.watching(), pytest.raises(KeyboardInterrupt):
        step()
    assert shown == ["noted", "raised"]
    with overrun.watching(), overrun.asked_for() as presses:
        with pytest.raises(KeyboardInterrupt):
            step()
        assert presses == [signal.SIGINT] * 2


def test_what_others_have_made_of_the_signal_is_left_alone() -> None:
    """One that is ignored, as after nohup, stays ignored; a handler of somebody else's is called."""
    calls: list[int] = []
    for handler in (signal.SIG_IGN, lambda number, frame: calls.append(number)):
        before = signal.signal(signal.SIGINT, handler)
        try:
            with overrun.watching(), overrun.asked_for() as presses, overrun.undivided():
                signal.raise_signal(signal.SIGINT)
            assert presses == []
        finally:
            signal.signal(signal.SIGINT, before)
    assert calls == [signal.SIGINT]


class _Ends:
    """Ctrl-C comes while its end is dealt with: Python swallows what is raised there."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_one_that_python_swallows_is_noted() -> None:
    """Nothing else may say of it, and the next step ends it all."""
    with overrun.watching():
        overrun.enter()
        overrun.leave()
        made = _Ends()
        del made
        overrun.enter()
        with pytest.raises(KeyboardInterrupt):
            overrun.leave()
        overrun.enter()
        overrun.leave()


def test_ctrl_c_when_the_exit_code_is_settled_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What click makes of it is exit code 1, which means *refuted*; and whoever goes on hears Ctrl-C again."""
    leave = click.Context.__exit__

    def interrupted(self: click.Context, *raised: Any) -> Any:
        if self.parent is None and sys._getframe(1).f_code.co_name == "main":
            signal.raise_signal(signal.SIGINT)
        return leave(self, *raised)

    monkeypatch.setattr(click.Context, "__exit__", interrupted)
    before = signal.getsignal(signal.SIGINT)
    result = CliRunner().invoke(main, ["list", "revisions"])
    assert (result.exit_code, "Aborted" in result.output) == (0, False)
    assert signal.getsignal(signal.SIGINT) is before
