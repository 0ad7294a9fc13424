"""A limit always holds: in loops that only their thread can notice, in steps that never await, in every command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.interruptible import interruptible
from tests.nightly import one_in, thinned
from tests.sim import loops
from tests.sim.mistakes import marked

from everyturn.checking.check import check
from everyturn.checking.liveness import judged, liveness
from everyturn.cli import main
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.simpy import kernel
from everyturn.verdicts.verdict import Verdict
from everyturn.world import overrun
from everyturn.world.scope import Scope
from everyturn.world.world import World

HERE = f"{loops.__name__}:"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def place_of(agent: Any) -> str:
    """The line of an agent that is marked: where it goes round."""
    place = marked(agent, loops)
    assert place is not None
    return place


# loops that only their thread can notice
# -------------------------------------------------------------------------------


@thinned(4)
@pytest.mark.parametrize(
    "options", [{}, {"engine": "plain"}, {"processes": 2}, {"reduce": "none"}, {"reduce": "ample"}]
)
@pytest.mark.parametrize("agent", [loops.Polls, loops.PollsByTurns])
def test_a_loop_that_only_its_thread_can_notice_goes_round_for_ever(agent: Any, options: dict[str, Any]) -> None:
    """What is judged at rest is undetermined, and the line is named; what is always judged is judged."""
    cell = check(agent, "AA", invariants=["no-hang", "true-outcome"], **options).cell
    assert (cell.invariants["no-hang"].verdict, cell.invariants["true-outcome"].verdict) == (
        Verdict.UNDETERMINED,
        Verdict.PROVED,
    )
    assert f"({place_of(agent)})" in (cell.invariants["no-hang"].sentence or "")


def test_whoever_waits_for_such_a_loop_waits_in_a_livelock() -> None:
    """It is no rest, and no choice of the world ends it."""
    world = World(Scope.parse("A"), loops.Polls)  # type: ignore[arg-type]
    found = liveness(world)
    assert judged(found).verdict is Verdict.REFUTED
    assert (judged(found).sentence or "").startswith("livelock: ")
    assert found.lassos[0].cycle[0].told == "p1 closing.get ×64"


def test_a_loop_that_another_thread_ends_is_left() -> None:
    """With a shutdown in the scope the flag is everybody's; without, nobody can set it."""
    cell = check(loops.Polls, "A+x", invariants=["no-hang", "no-deadlock"]).cell  # type: ignore[arg-type]
    assert {each.verdict for each in cell.invariants.values()} == {Verdict.UNDETERMINED}
    assert judged(liveness(World(Scope.parse("A+x"), loops.Polls))).verdict is Verdict.PROVED  # type: ignore[arg-type]


def test_a_short_loop_is_no_step_of_its_own() -> None:
    """Up to a number of accesses nothing changes: states are those of the same code without them."""
    agents = (loops.LooksThreeTimes, loops.LooksOnce)
    with_loop, without = (check(each, "AA").cell for each in agents)  # type: ignore[arg-type]
    assert (with_loop.states, with_loop.transitions) == (without.states, without.transitions)


def test_a_loop_that_counts_ends_at_a_limit() -> None:
    """No two of its states are alike."""
    cell = check(loops.Counts, "A", limits=Limits(seconds=0.5)).cell  # type: ignore[arg-type]
    assert (cell.verdict, cell.stopped) == (Verdict.UNDETERMINED, "0.5 seconds")
    cell = check(loops.Counts, "A", limits=Limits(20)).cell  # type: ignore[arg-type]
    assert (cell.verdict, cell.stopped) == (Verdict.UNDETERMINED, "20 states")


@pytest.mark.parametrize("engine", ["levels", "plain"])
def test_on_an_event_loop_nobody_else_runs_meanwhile(engine: str) -> None:
    """p1 looks at a mark that p2 would set: between threads p2 gets to it, on an event loop it never does."""
    cell = check(loops.PollsTheMark, "AA", granularity="await", engine=engine).cell  # type: ignore[arg-type]
    assert cell.verdict is Verdict.UNDETERMINED
    assert f"p1 at mark.get ({place_of(loops.PollsTheMark)}): 2,000 accesses in a row and none that waits" in (
        cell.stopped or ""
    )
    cell = check(loops.PollsTheMark, "AA", invariants=["one-turn"]).cell  # type: ignore[arg-type]
    assert cell.verdict is Verdict.PROVED
    world = World(Scope.parse("AA"), loops.PollsTheMark, "await")  # type: ignore[arg-type]
    assert judged(liveness(world)).verdict is Verdict.UNDETERMINED
    world = World(Scope.parse("AA"), loops.PollsTheMark)  # type: ignore[arg-type]
    assert judged(liveness(world)).verdict is Verdict.PROVED


def test_runs_that_never_end_are_explained_up_to_what_they_violate(monkeypatch: pytest.MonkeyPatch) -> None:
    """explain, shrink and replay cut them there, and say so of the step that the explorer found."""
    monkeypatch.setattr(kernel, "LONGEST", 200)
    agent = f"{HERE}TellsAndPolls"
    token = re.findall(r"everyturn replay (\S+)", run("check", "--agent", agent, "--scope", "AA").output)[0]
    for command in ("replay", "explain", "shrink"):
        result = run(command, token, "--agent", agent, "--invariant", "true-outcome")
        assert (result.exit_code, "p1 was told as finished and has not ended" in result.output) == (1, True), (
            result.output
        )
    assert "broker.publish closing.get ×63" in run("replay", token, "--agent", agent).output


# steps that never await
# --------------------------------------------------------------------------------------------------


@thinned(2)
@pytest.mark.parametrize(
    ("command", "agent"),
    one_in(
        4,
        [["check"], ["check", "--jobs", "2"], ["check", "--engine", "plain"], ["liveness"]],
        [loops.NeverAwaits, loops.LetsNothingOut, loops.BlocksOnALock, loops.StepNeverEnds],
    ),
)
def test_time_holds_in_a_step_that_never_awaits(command: list[str], agent: Any) -> None:
    """Undetermined; in this process the line is named."""
    begun = time.monotonic()
    result = run(*command, "--agent", f"{HERE}{agent.__name__}", "--scope", "A", "--max-seconds", "0.5", "--json")
    assert result.exit_code == 4, result.output
    (cell,) = json.loads(result.stdout)["cells"]
    assert cell["stopped"].startswith("0.5 seconds")
    if "--jobs" not in command:
        assert cell["stopped"].endswith(f"within a step that goes on at {place_of(agent)}")
    assert time.monotonic() - begun < 60


# Where a collection of garbage is under way just then, its callback is interrupted first, and the step a moment later.
@thinned(4)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("command", [["check"], ["fuzz"], ["liveness"], ["audit"], ["coverage"]])
def test_without_a_limit_such_a_step_is_an_error_with_its_line(
    command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the agent's fault."""
    monkeypatch.setattr(overrun, "STEP_SECONDS", 0.7)
    result = run(*command, "--agent", f"{HERE}NeverAwaits", "--scope", "A")
    said = f"{place_of(loops.NeverAwaits)}: a step runs for"
    assert (result.exit_code, result.stderr.count(said), len(result.stderr.splitlines())) == (2, 1, 1), result.stderr


def test_fuzz_ends_in_time_though_no_run_does() -> None:
    """There is no verdict; that, and why, is said."""
    begun = time.monotonic()
    result = run("fuzz", "--agent", f"{HERE}Polls", "--scope", "A", "--max-seconds", "1")
    assert result.exit_code == 2
    assert f"{HERE}Polls in A: no run had come to its end after 1 seconds" in result.stderr
    assert time.monotonic() - begun < 60


@thinned(2)
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="expected timers")
@pytest.mark.parametrize("command", [["check"], ["liveness"], ["fuzz"]])
def test_ctrl_c_ends_a_step_that_never_awaits(command: list[str]) -> None:
    """Exit code 130, within moments."""
    paths = [str(Path(each).resolve()) for each in sys.path if each]
    process = subprocess.Popen(
        interruptible(*command, "--agent", f"{HERE}SaysAndNeverAwaits", "--scope", "A"),
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *paths])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130
