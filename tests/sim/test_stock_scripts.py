"""A counterexample as a script: asyncio's own loop makes the run, in a fresh process, without this project."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from examples.scenarios.faults import orders, tasks, turns, waiting
from examples.scenarios.faults.pairs import Fault
from tests.nightly import how_many, nightly, thinned

import everyturn
from everyturn.asyncio.checking import check
from everyturn.asyncio.control.preparing import prepared
from everyturn.asyncio.runtime.running import ScenarioOutcome, Setting
from everyturn.asyncio.runtime.scenarios import find
from everyturn.asyncio.search.searching import ScenarioSearch, SearchLimits, outcomes, search
from everyturn.asyncio.telling.stock_script import stock_script
from everyturn.cli import main
from everyturn.errors import UsageError

HERE = Path(__file__).resolve().parents[2]
FAULTS = [
    f"{module.__name__}:{each.name}.wrong"
    for module in (turns, waiting, tasks)
    for each in vars(module).values()
    if isinstance(each, Fault)
]
PROGRAMS = [f"tests.sim.numbered_programs:program_{number}" for number in (107, 111, 112, 115, 117)]
TALKING = [
    f"tests.sim.talking_scenarios:{name}"
    for name in ("asks_a_model_and_writes", "looks_at_the_clock", "looks_at_every_clock")
]
THREADS = [
    f"tests.sim.small_scenarios:{name}"
    for name in ("two_threads", "a_thread_that_sleeps", "siblings_in_every_order", "makes_its_own_tasks_and_futures")
]


def made_by_asyncio(name: str, setting: Setting, outcome: ScenarioOutcome, folder: Path) -> Any:
    """What the script of a run does in a fresh process that cannot import this project."""
    script = folder / "run.py"
    script.write_text(stock_script(name, setting, outcome.decisions, script.name, "what is wrong"))
    return run_without_us(script, installed=name in PROGRAMS or name in CONNECTIONS)


def run_without_us(script: Path, *, installed: bool = False) -> Any:
    """A fresh process in which nothing that is installed can be imported, this project included, unless the program
    itself needs it (``installed``)."""
    assert "import everyturn" not in script.read_text()
    command = [sys.executable, *(() if installed else ("-I", "-S")), str(script)]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=HERE)


def counterexamples(name: str) -> tuple[ScenarioSearch, list[ScenarioOutcome]]:
    found = search(find(name), limits=SearchLimits(runs=400))
    return found, list({id(each): each for each in found.found.values() if each.complete}.values())


@thinned(4)
@pytest.mark.parametrize("name", [*FAULTS, "examples.scenarios.two_users:racy"])
def test_asyncio_itself_shows_each_fault(name: str, tmp_path: Path) -> None:
    found, shown = counterexamples(name)
    assert shown
    for outcome in shown[:1]:
        made = made_by_asyncio(name, found.setting, outcome, tmp_path)
        assert made.returncode == 0, made.stdout + made.stderr
        kinds = {each.kind for each in outcome.findings}
        if "hang" in kinds:
            assert "the scenario never ends" in made.stdout
        if "error" in kinds:
            assert "main ends in AssertionError" in made.stdout


@thinned(8)
@pytest.mark.parametrize(
    "name", [*THREADS, *TALKING, *(nightly(each) if place % 3 else each for place, each in enumerate(PROGRAMS))]
)
def test_asyncio_itself_notes_what_the_run_notes(name: str, tmp_path: Path) -> None:
    """Threads, sets of tasks, a model and a store, clocks and randomness, collected tasks, the end of asyncio.run."""
    found, shown = counterexamples(name)
    with prepared(find(name), found.setting):
        some = [each for _, each in zip(range(40), outcomes(find(name), found.setting), strict=False) if each.complete]
    for outcome in (*shown[:1], *some[:: max(1, len(some) // 2)][:2]):
        made = made_by_asyncio(name, found.setting, outcome, tmp_path)
        assert made.returncode == 0, made.stdout + made.stderr
        noted = [line for line in made.stdout.splitlines() if line.startswith("notes")]
        assert len(noted) >= outcome.rested


def test_all_tasks_come_in_the_recorded_order(tmp_path: Path) -> None:
    """Which is neither that in which they were made nor that of a weak set."""
    name = "tests.sim.small_scenarios:meets_all_tasks_in_every_order"
    found = search(find(name))
    with prepared(find(name), found.setting):
        runs = {str(each.logged): each for each in outcomes(find(name), found.setting) if each.complete}
    assert len(runs) == 2
    for outcome in runs.values():
        made = made_by_asyncio(name, found.setting, outcome, tmp_path)
        assert made.returncode == 0, made.stdout + made.stderr


def test_another_run_than_the_recorded_one_is_said_to_be_none(tmp_path: Path) -> None:
    """The script compares what it sees with what was recorded: here the program was mended meanwhile."""
    found, (outcome, *_) = counterexamples("examples.scenarios.two_users:racy")
    text = stock_script("examples.scenarios.two_users:racy", found.setting, outcome.decisions, "run.py", "a hang")
    script = tmp_path / "run.py"
    script.write_text(text.replace("two_users:racy'", "two_users:mended'"))
    made = run_without_us(script)
    assert made.returncode == 3
    assert "NOT the recorded run" in made.stdout


def test_a_run_that_asyncio_cannot_make_has_no_script() -> None:
    name = "examples.scenarios.faults.orders:begun_in_order"
    outcome = search(orders.begun_in_order, Setting(order="any")).found["error"]
    with pytest.raises(UsageError, match="no script: asyncio runs ready callbacks first in, first out, and this run"):
        stock_script(name, Setting(order="any"), outcome.decisions, "run.py", "what is wrong")


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("ends_the_process", {"background"}),
        ("ends_the_process_at_the_end", {"background", "left-over", "no-end"}),
    ],
)
def test_a_program_that_ends_the_process_does_so_in_the_script(name: str, kinds: set[str], tmp_path: Path) -> None:
    """It hangs nowhere: what still waits is cancelled, as :func:`asyncio.run` does."""
    name = f"tests.sim.talking_scenarios:{name}"
    found, shown = counterexamples(name)
    assert set(found.found) == kinds
    for outcome in shown:
        made = made_by_asyncio(name, found.setting, outcome, tmp_path)
        assert made.returncode == 0, made.stdout + made.stderr
        assert "the program ends the process: SystemExit" in made.stdout


CONNECTIONS = [f"tests.sim.numbered_programs:connection_{number}" for number in range(how_many(3, nightly=300))]
TALKING_TO_OTHERS = [
    f"tests.sim.talking_scenarios:{name}"
    for name in ("listens_to_nobody", "takes_all_for_one_answer", "is_broken_off", "is_refused", "reads_what_comes")
]


@thinned(2)
@pytest.mark.parametrize("name", TALKING_TO_OTHERS)
def test_asyncio_itself_shows_what_is_wrong_with_connections(name: str, tmp_path: Path) -> None:
    """Pieces in which bytes come, a far end that breaks off or is not there, a server that nobody visits: in a process
    without a network, and without us."""
    found, shown = counterexamples(name)
    assert shown
    for outcome in shown:
        made = made_by_asyncio(name, found.setting, outcome, tmp_path)
        assert made.returncode == 0, made.stdout + made.stderr


@pytest.mark.parametrize("name", CONNECTIONS)
def test_asyncio_itself_notes_what_a_run_with_connections_notes(name: str, tmp_path: Path) -> None:
    """Both ends in one program: whatever is written, read, closed and broken off, in whichever pieces."""
    with prepared(find(name)):
        some = [each for _, each in zip(range(30), outcomes(find(name), Setting()), strict=False) if each.complete]
    assert some
    for outcome in some[:: max(1, len(some) // 2)][:2]:
        made = made_by_asyncio(name, Setting(), outcome, tmp_path)
        assert made.returncode == 0, made.stdout + made.stderr


def test_a_program_that_asks_its_sockets_for_something_else_does_not_make_the_run(tmp_path: Path) -> None:
    """It is mended meanwhile: it reads on, and the script has nothing more to give."""
    name = "tests.sim.talking_scenarios:takes_all_for_one_answer"
    found, (outcome, *_) = counterexamples(name)
    text = stock_script(name, found.setting, outcome.decisions, "run.py", "what is wrong")
    script = tmp_path / "run.py"
    script.write_text(text.replace("takes_all_for_one_answer'", "takes_all_there_is'"))
    made = run_without_us(script)
    assert made.returncode == 3
    assert "NOT the recorded run" in made.stdout


def test_the_command_line_writes_the_script(tmp_path: Path) -> None:
    name, script = "examples.scenarios.two_users:racy", tmp_path / "hang.py"
    token = check(name).cell.invariants["hang"].token
    result = CliRunner().invoke(main, ["explain", "--scenario", name, str(token), "--script", str(script)])
    assert result.exit_code == 1
    assert "asyncio's own loop can make this run" in result.stdout
    made = run_without_us(script)
    assert made.returncode == 0
    assert "the scenario never ends" in made.stdout


SESSIONS = [
    ("examples.sessions.adapter:Chat", "AA"),
    ("examples.sessions.adapter:Chat", "A+1c"),
    ("tests.sim.small_sessions:ToForgets", "AA+1c"),
    ("tests.sim.small_sessions:ToStaysBusy", "A+1e"),
    ("tests.sim.small_sessions:ToWaitsForTheTurn", "A+1c"),
    ("tests.sim.small_sessions:ToCancelFails", "A+1c"),
    ("tests.sim.small_sessions:TellsTwice", "A"),
    ("tests.sim.small_sessions:ToLosesATask", "A"),
]
"""Sessions with a fault each: hangs, a failed stream, a Cancel that waits or raises, answers by a callback."""


@thinned(4)
@pytest.mark.parametrize(("name", "scope"), SESSIONS)
def test_asyncio_itself_shows_what_is_wrong_with_a_session(name: str, scope: str, tmp_path: Path) -> None:
    """What clients are told, in this order, and who waits at rest: in each run that refutes something."""
    result = everyturn.check_session(name, scope)
    runs = {token: fault for fault, token in result.tokens.items()}
    for fault in runs.values():
        script = tmp_path / f"{fault}.py"
        result.explain(fault, script=script, budget=10)
        made = run_without_us(script)
        assert made.returncode == 0, made.stdout + made.stderr
        if fault == "no-hang":
            assert re.search(r"^at rest, p\d still waits, at \w+\.py:\d+$", made.stdout, re.MULTILINE)
            assert "nothing is ready, and nothing more can come" in made.stdout


def test_a_script_of_a_session_says_so_when_the_session_was_mended(tmp_path: Path) -> None:
    result, script = everyturn.check_session("examples.sessions.adapter:Chat", "AA"), tmp_path / "run.py"
    result.explain("no-hang", script=script, budget=10)
    script.write_text(script.read_text().replace("adapter:Chat'", "adapter:Mended'"))
    made = run_without_us(script)
    assert made.returncode == 3
    assert "p2 still waits, at chat.py:33" in made.stdout
    assert "and was not asked for what happens 3, arrives 3" in made.stdout
    assert "NOT the recorded run" in made.stdout
