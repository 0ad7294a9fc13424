"""Mistakes that users make: one line that names theirs, what was expected, what to do; exit code 2, whatever the
command."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import threading
import time
from collections.abc import Iterator
from inspect import CORO_CREATED, getcoroutinestate
from pathlib import Path
from types import CoroutineType
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.nightly import thinned
from tests.sim import mistakes, mistakes_of_agents

from everyturn.checking.check import check
from everyturn.cli import main
from everyturn.verdicts.verdict import Verdict

AGENTS = [
    each
    for module in (mistakes, mistakes_of_agents)
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, mistakes.Mistake) and each.SAID
]


def name_of(agent: type) -> str:
    """What it is called on the command line."""
    return f"{agent.__module__}:{agent.__name__}"


@pytest.fixture(autouse=True)
def no_loop_is_left() -> Iterator[None]:
    """Python 3.11 makes an event loop for who asks for one where none is running, and closes it never."""
    yield
    left = getattr(getattr(asyncio.get_event_loop_policy(), "_local", None), "_loop", None)
    if left is not None:
        left.close()
        asyncio.set_event_loop(None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def check_told(result: Result, agent: Any) -> None:
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1, result.stderr
    assert agent.SAID in result.stderr
    place = mistakes.marked(agent, sys.modules[agent.__module__])
    place = place and f"{place}: "
    if place is None:
        assert f"agent '{name_of(agent)}'" in result.stderr
    else:
        assert result.stderr.startswith((f"everyturn: {place}", f"everyturn: agent '{name_of(agent)}': {place}"))


@pytest.mark.parametrize("agent", AGENTS)
def test_check_tells_a_mistake(agent: Any) -> None:
    """With the file and the line where it is made."""
    check_told(run("check", "--agent", name_of(agent), "--scope", agent.SCOPE), agent)


SAMPLED = [each for each in AGENTS if each != mistakes.AsksAGenerator]


@pytest.mark.parametrize("agent", SAMPLED)
def test_fuzz_tells_the_same(agent: Any) -> None:
    """Samples run the same code; only asynchronous generators can be sampled and not explored."""
    arguments = ("--agent", name_of(agent), "--scope", agent.SCOPE, "--runs", "2")
    check_told(run("fuzz", *arguments), agent)


@pytest.mark.parametrize("command", ["audit", "coverage", "liveness"])
@pytest.mark.parametrize(
    "agent", [mistakes.QueuesACall, mistakes.ForgetsToAwait, mistakes_of_agents.Exits, mistakes_of_agents.StepRaises]
)
def test_other_commands_tell_the_same(command: str, agent: Any) -> None:
    """Whatever a command asks for: the code is run in one place."""
    check_told(run(command, "--agent", name_of(agent), "--scope", agent.SCOPE), agent)


ON_ASYNCIO = [each for each in SAMPLED if "asyncio." in each.SAID or each is mistakes.Gathers]


@thinned(2)
@pytest.mark.parametrize("agent", ON_ASYNCIO)
def test_no_coroutine_is_left_to_be_warned_of_elsewhere(agent: Any) -> None:
    """Python warns of a coroutine that nobody began when it collects it, in whatever code runs then."""

    def left() -> list[Any]:
        found = [each for each in gc.get_objects() if type(each) is CoroutineType]
        return [each for each in found if each.cr_code.co_filename == mistakes.__file__ and each.cr_frame is not None]

    before = left()
    result = run("check", "--agent", name_of(agent), "--scope", agent.SCOPE)
    assert result.exit_code == 2
    assert [each for each in left() if getcoroutinestate(each) == CORO_CREATED and each not in before] == []


# where a class is looked for
# -------------------------------------------------------------------------------------------

MINE = "from everyturn_impl.revisions.hardened import Hardened\nclass Minefield(Hardened): pass\n"


def project(folder: Path, monkeypatch: pytest.MonkeyPatch, place: str, text: str = MINE) -> str:
    """A file in a folder from which everyturn is called; the name of its module, which no other test has."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr("sys.path", [*sys.path])
    name = f"mine_{folder.name}"
    file = folder / place.format(name=name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return name


@pytest.mark.parametrize("place", ["{name}.py", "./{name}.py", "agents/{name}.py"])
def test_a_class_can_be_named_by_its_file(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it lies; the name is kept, so that tokens can be replayed."""
    name = project(tmp_path, monkeypatch, place)
    agent = f"{place.format(name=name)}:Minefield"
    found = run("check", "--agent", agent, "--scope", "A+b")
    assert found.exit_code == 1
    token = re.findall(r"everyturn replay (\S+)", found.output)[0]
    assert run("replay", token, "--agent", agent).exit_code == 1


@pytest.mark.parametrize(
    ("place", "agent", "said"),
    [
        (
            "src/{name}.py",
            "{name}:Minefield",
            "there is one in src: install the project (pip install -e .), or set PYTHONPATH=src",
        ),
        ("src/{name}/parts.py", "{name}.parts:Minefield", "there is one in src: install the project"),
        ("{name}.py", "{name}:Minfield", "expected a class Minfield; found none of that name: did you mean Minefield?"),
        ("{name}.py", "{name}:Other", "found none of that name: its classes are Minefield"),
        ("{name}.py", "./other.py:Minefield", "./other.py: expected a Python file; found none"),
        ("{name}.py", "{name}", "expected one of d0-no-accept"),
        ("{name}.py", "{name}:", "expected package.module:Class"),
        ("json.py", "./json.py:Minefield", "call the file something else, or name the class as package.module:Class"),
    ],
)
def test_what_is_needed_to_find_a_class_is_said(
    place: str, agent: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder for sources, a slip of the pen, a file that is not there, a name that Python has already."""
    name = project(tmp_path, monkeypatch, place)
    result = run("check", "--agent", agent.format(name=name), "--scope", "A")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_a_file_of_a_package_is_named_by_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative import cannot be made from a file alone."""
    name = project(tmp_path, monkeypatch, "agents/{name}.py", "from .other import Mine\n")
    result = run("check", "--agent", f"agents/{name}.py:Mine", "--scope", "A")
    assert result.exit_code == 2
    assert f"{name}.py:1: expected a module that can be imported" in result.stderr
    assert "name the class as package.module:Class, from the folder above the package" in result.stderr


def test_what_other_threads_of_the_program_do_is_their_own_affair() -> None:
    """A notebook's kernel sleeps and starts threads beside a check; only steps may not."""
    done, stop = [], threading.Event()

    def kernel() -> None:
        while not stop.is_set():
            time.sleep(0)
            done.append(1)

    beside = threading.Thread(target=kernel)
    beside.start()
    try:
        assert check("d4", "AA", invariants=("no-hang",)).cell.verdict is Verdict.PROVED
    finally:
        stop.set()
        beside.join()
    assert done
