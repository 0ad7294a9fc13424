"""Nothing that a dispatcher's code does looks like a verdict."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.nightly import thinned
from tests.sim import violent_agents
from tests.sim.violent_agents import FAULTY, HARMLESS, Exits, Violent

from everyturn.cli import main
from everyturn.world import entering

LINES = inspect.getsource(violent_agents).splitlines()
ROOT = Path(__file__).parent.parent.parent


def place_of(agent: type) -> str:
    """The line of an agent that is to blame."""
    elsewhere = [number for number, line in enumerate(LINES, 1) if line.endswith(f"# ! of {agent.__name__}")]
    lines, first = inspect.getsourcelines(agent)
    (number,) = elsewhere or [first + at for at, line in enumerate(lines) if line.rstrip().endswith("# !")]
    return f"{violent_agents.__file__}:{number}: "


def named(agent: type) -> str:
    return f"{violent_agents.__name__}:{agent.__name__}"


def called(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What a process of its own does; its standard output and error."""
    return subprocess.run(
        [sys.executable, "-m", "everyturn", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("agent", FAULTY)
@pytest.mark.parametrize("command", ["check", "fuzz"])
def test_what_would_end_the_program_is_an_error_of_the_agent(command: str, agent: Any) -> None:
    """Told in one line with its place, whatever it raises, and whatever was expected."""
    result = CliRunner().invoke(main, [command, "--agent", named(agent), "--scope", "A+1c", "--expect", "refuted"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert place_of(agent) in result.stderr


@pytest.mark.parametrize("command", ["audit", "coverage", "liveness", "export"])
def test_so_it_is_for_every_command(command: str, tmp_path: Path) -> None:
    """Code is entered in one place."""
    more = ["--to", "dot", "--output", str(tmp_path / "model.dot")] if command == "export" else []
    result = CliRunner().invoke(main, [command, "--agent", named(Exits), "--scope", "A+1c", *more])
    assert result.exit_code == 2, result.output
    assert place_of(Exits) in result.stderr


def test_so_it_is_in_two_processes() -> None:
    """What another process meets is told by this one."""
    result = called("check", "--jobs", "2", "--agent", named(Exits), "--scope", "A+1c")
    assert (result.returncode, result.stdout) == (2, "")
    assert place_of(Exits) in result.stderr


@pytest.mark.parametrize("raised", ["SystemExit(0)", "KeyboardInterrupt", "GeneratorExit", "MemoryError", "Exception"])
def test_a_module_that_would_end_the_program_is_told(
    raised: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its line; what it prints before is no output of ours."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*sys.path])
    name = f"ends_{raised.partition('(')[0].lower()}"
    (tmp_path / f"{name}.py").write_text(f"print('proved')\nraise {raised}\n")
    result = CliRunner().invoke(main, ["check", "--agent", f"{name}:Agent", "--scope", "A"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{name}.py:2: expected a module that can be imported" in result.stderr


@thinned(5)
@pytest.mark.parametrize("agent", HARMLESS)
def test_output_is_ours_alone(agent: Any) -> None:
    """What an agent prints goes to standard error, what it closes is not ours, and of how it is thrown away nothing is
    seen."""
    judged = [
        json.loads(called("check", "--json", "--agent", named(each), "--scope", "A+1c").stdout)["cells"][0]
        for each in (agent, Violent)
    ]
    assert judged[0]["verdict"] == judged[1]["verdict"] == "proved"
    assert judged[0]["invariants"] == judged[1]["invariants"]
    told = called("check", "--agent", named(agent), "--scope", "A+1c")
    assert told.returncode == 0
    assert "ignored" not in told.stderr
    assert len(told.stdout.splitlines()) == 1


def test_an_interrupt_is_not_taken_for_what_code_raises() -> None:
    """It comes over code at any instruction; who raises it does so by one."""

    def interrupted() -> None:
        import _thread

        _thread.interrupt_main()
        for _ in range(1_000_000):
            pass

    def raising() -> None:
        raise KeyboardInterrupt

    for code, outside in ((interrupted, True), (raising, False)):
        try:
            code()
        except KeyboardInterrupt as error:
            assert entering.from_outside(error) is outside
        else:
            raise AssertionError
