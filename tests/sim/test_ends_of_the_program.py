"""What ends a whole program at once, and what cannot be written: told with file and line, whatever code does it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.nightly import thinned

AGENT = """
import os, signal, sys
from os import _exit
from dataclasses import dataclass
from everyturn_impl.calls import Completion

class Loud:
    def __repr__(self):
        sys.exit(0)

@dataclass(frozen=True)
class Tally:
    def end(self):
        os._exit(0)

class Agent:
    own = {{"tally": Tally()}}
    def __init__(self, ports, *, direct=False, tally):
        self.ports, self.tally = ports, tally
        {constructor}
    async def submit(self, call):
        return call
    async def serve(self, call, caller):
        await self.ports.threads.start(call.prompt)
        {step}
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)
    {method}
{module}
"""
PLACES = ("step", "constructor", "module")
ENDS = ("os._exit(0)", "_exit(1)", "os.kill(os.getpid(), signal.SIGKILL)", "os.execv('/bin/true', ['true'])")


def checked(tmp_path: Path, *arguments: str, **places: str) -> tuple[int, str]:
    """Exit code and standard error of a check of an agent with this code in these places."""
    filled = {name: places.get(name, "pass") for name in (*PLACES, "method")}
    (tmp_path / "mine.py").write_text(AGENT.format(**filled))
    command = [sys.executable, "-m", "everyturn", "check", "--agent", "./mine.py:Agent", "--scope", "A", *arguments]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100, check=False)
    return ended.returncode, ended.stderr


@thinned(2)
@pytest.mark.parametrize(
    ("place", "end"), [*(("step", end) for end in ENDS), *((place, ENDS[0]) for place in PLACES[1:])]
)
def test_nothing_that_ends_the_program_is_a_verdict(tmp_path: Path, place: str, end: str) -> None:
    """In a step, a constructor, and while the module is imported."""
    code, said = checked(tmp_path, **{place: end})
    assert code == 2
    assert "expected code that leaves the program running" in said
    assert "mine.py:" in said


def test_nor_is_it_in_a_step_of_an_object(tmp_path: Path) -> None:
    """Which is code of the user's, too."""
    code, said = checked(tmp_path, step="await self.tally.do(Tally.end)")
    assert code == 2
    assert "os._exit is called" in said


@thinned(2)
@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("await self.ports.mark.set(10**5000)", "mark.set is given an int of 16610 bits: expected one that every file"),
        ("await self.ports.mutex.unlock()", "p1 unlocks the dispatch mutex: expected to hold it, found nobody"),
        ("self.kept = Loud()", "agent.kept is changed from here to the next await, and is then Loud"),
        ("self.kept = 10**5000", "agent.kept is changed from here to the next await, and is then int"),
    ],
)
def test_what_cannot_be_written_is_told_with_its_place(tmp_path: Path, step: str, expected: str) -> None:
    """In a line, and not as an error of ours."""
    code, said = checked(tmp_path, step=step)
    assert code == 2
    assert expected in said
    assert "mine.py:" in said


def test_a_thread_of_its_own_must_be_a_coroutine(tmp_path: Path) -> None:
    """It is a mistake of the class, told before anything runs."""
    code, said = checked(tmp_path, method="def attend(self): pass")
    assert code == 2
    assert "missing: attend" in said
