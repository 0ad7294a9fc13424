"""Opening a file or a token imports nothing: the code of a user's own agent is imported only if he names it."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main
from everyturn.engines.simpy.replay import replay
from everyturn.errors import UsageError
from everyturn.explanation.shrink import shrink_source
from everyturn.runs.tokens import token
from everyturn.studies.study import read_study, source

TRACE: Final = Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl"
NAME: Final = "strange_module:Agent"
STUDY: Final = f"""
title = "x"
revisions = ["d4", "{NAME}"]
[arrivals]
kind = "poisson"
per_minute = 1.0
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with a module that leaves a mark when it is imported, and a trace that names it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "strange_module", raising=False)
    module = "from everyturn_impl.revisions import REVISIONS\nopen('imported', 'w').close()\n"
    (tmp_path / "strange_module.py").write_text(f"{module}class Agent(REVISIONS['d3-locked-drain']): ...\n")
    name = '"revision":"d3-locked-drain"'
    (tmp_path / "t.jsonl").write_text(TRACE.read_text().replace(name, f'"revision":"{NAME}"', 1))
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


@pytest.mark.parametrize("command", ["replay", "shrink", "explain"])
def test_a_trace_that_names_code_says_which_option_to_add(command: str, folder: Path) -> None:
    """And imports nothing; with the option it runs."""
    result = run(command, "t.jsonl")
    assert (result.exit_code, (folder / "imported").exists()) == (2, False)
    assert result.stderr == (
        f"everyturn: t.jsonl: expected one of our revisions; found '{NAME}', code that is imported only if you name "
        f"it: "
        f"add --agent {NAME} (from Python: agent=, the class itself)\n"
    )
    if command == "replay":
        assert run(command, "t.jsonl", "--agent", NAME).exit_code == 1
        assert (folder / "imported").exists()


def test_a_token_that_names_code_does_so_too(folder: Path) -> None:
    """Through the library as on the command line."""
    text = token.encode(token.Token(NAME, "AA", "access", (), 0))
    for opened in (replay, shrink_source):
        with pytest.raises(UsageError, match=f"add --agent {NAME}"):
            opened(text)
    assert not (folder / "imported").exists()


def test_other_commands_read_such_a_trace_without_its_code(folder: Path) -> None:
    """What is judged and converted is what the trace says."""
    assert run("validate", "t.jsonl").exit_code == 1
    assert run("convert", "t.jsonl", "t.edn").exit_code == 0
    assert not (folder / "imported").exists()


@pytest.mark.parametrize("vary", ["", f'[vary]\nrevisions = [["{NAME}"]]\n'])
def test_a_study_that_names_code_says_which_option_to_add(vary: str, folder: Path) -> None:
    """A study's file is a file like others; tables that the caller makes are the caller's own."""
    text = STUDY.replace(f', "{NAME}"', "") + vary if vary else STUDY
    (folder / "s.toml").write_text(text)
    result = run("simulate", "s.toml")
    assert (result.exit_code, f"add --agent {NAME}" in result.stderr) == (2, True)
    assert not (folder / "imported").exists()
    if not vary:
        assert read_study(folder / "s.toml", {"revisions": [NAME]}).study().revisions == (NAME,)
        made = source({"title": "x", "revisions": [NAME], "arrivals": {"kind": "poisson", "per_minute": 1.0}}, "x")
        assert made.study().revisions == (NAME,)


def test_compressed_traces_are_replayed_and_written(tmp_path: Path) -> None:
    """As their names say; by every command that reads traces."""
    path = tmp_path / "t.jsonl.gz"
    assert run("replay", TRACE, "-o", path).exit_code == 1
    assert path.read_bytes().startswith(b"\x1f\x8b")
    assert run("replay", path, "-o", tmp_path / "again.jsonl").exit_code == 1
    assert (tmp_path / "again.jsonl").read_bytes() == gzip.decompress(path.read_bytes())
    assert run("validate", path).exit_code == 1
    assert run("explain", path, "--exit-zero", "--budget", "100").exit_code == 0
