"""The command line, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, list(arguments))


def test_check_refutes_the_parent_revision_with_tokens_that_replay() -> None:
    """`check --json`: refuted; each token replays to the same violation, byte for byte, and exits with 1."""
    result = run("check", "--revision", "d3-locked-drain", "--scope", "AA", "--json")
    assert result.exit_code == 1
    (cell,) = json.loads(result.stdout)["cells"]
    for name in ("no-fold-of-run-id", "no-hang"):
        found = cell["invariants"][name]
        assert found["verdict"] == "refuted"
        first, second = run("replay", found["token"]), run("replay", found["token"])
        assert first.exit_code == 1
        assert first.stdout == second.stdout
        assert f"{name}: {found['sentence']}" in first.stdout


def test_a_token_replays_to_the_same_bytes_in_fresh_processes(tmp_path: Path) -> None:
    """Standard output, and the trace file of -o, whatever the hash seed is."""
    token = json.loads(run("check", "--revision", "d4", "--scope", "AA+1e", "--json").stdout)["cells"][0]["invariants"][
        "no-hang"
    ]["token"]

    def replay(seed: str) -> tuple[bytes, bytes]:
        path = tmp_path / "trace.jsonl"
        command = [sys.executable, "-m", "everyturn", "replay", token, "-o", str(path)]
        done = subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=False)
        assert done.returncode == 1, done.stderr
        return done.stdout, path.read_bytes()

    assert replay("1") == replay("2")


def test_the_mission_is_proved_at_the_seed_commit() -> None:
    """Exit code 0."""
    result = run("check", "--revision", "d4-independent", "--scope", "AA", "--invariant", "mission")
    assert result.exit_code == 0
    assert "3 proved" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--scope", "AX"], "found 'X'"),
        (["check", "--revision", "d9"], "revision 'd9'"),
        (["check", "--agent", "no.such:Thing"], "no.such"),
        (["check", "--agent", "json:JSONDecoder"], "expected a dispatcher"),
        (["check", "--invariant", "no-fun"], "no-fun"),
        (["replay", "et1-xyz"], "et1-xyz"),
        (["replay", "nothing.jsonl"], "neither"),
        (["fuzz"], "--scope"),
        (["fuzz", "--scope", "AA", "--strategy", "oracle"], "oracle"),
        (["validate"], "at least one log"),
        (["validate", "nothing.jsonl"], "nothing.jsonl"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    """What was expected and what was found."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A trace, a picture of a kind that does not exist, a folder that is a file: exit code 2."""
    token = json.loads(run("check", "--revision", "d3", "--scope", "AA", "--json").stdout)["cells"][0]["invariants"][
        "no-hang"
    ]["token"]
    file = tmp_path / "file"
    file.touch()
    for arguments in (
        ["replay", token, "-o", str(tmp_path / "none" / "x")],
        ["replay", token, "--plot", str(tmp_path / "x.nothing")],
        ["demo", "-o", str(file)],
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_expectations_turn_exit_codes_round() -> None:
    """`--expect refuted` is satisfied by a refutation only; `--exit-zero` by anything."""
    parent = ["check", "--revision", "d3", "--scope", "AA"]
    fixed = ["check", "--revision", "hardened", "--scope", "AA"]
    codes = [
        run(*parent, "--expect", "refuted").exit_code,
        run(*fixed, "--expect", "refuted").exit_code,
        run(*parent, "--exit-zero").exit_code,
    ]
    assert codes == [0, 1, 0]


def test_a_cut_off_exploration_is_undetermined() -> None:
    """Exit code 4: not proved, not refuted."""
    assert run("check", "--revision", "hardened", "--scope", "AA+1c", "--max-states", "100").exit_code == 4


def test_nothing_ran() -> None:
    """Exit code 5: no runs, no verdict."""
    assert run("fuzz", "--scope", "AA", "--runs", "0").exit_code == 5


def test_fuzz_bounds_what_it_did_not_see() -> None:
    """A clean sample says a probability, not proved."""
    result = run("fuzz", "--scope", "AA", "--revision", "hardened", "--runs", "300", "--json")
    (cell,) = json.loads(result.stdout)["cells"]
    assert cell["invariants"]["no-hang"]["verdict"] == "risk"
    assert cell["risk"]["at_most"] == pytest.approx(1 - 0.05 ** (1 / 300))


def test_the_demo_tells_the_story(tmp_path: Path) -> None:
    """A waiter hangs before the fix, is told after it; two pictures."""
    result = run("demo", "-o", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "p2's client waits FOR EVER" in result.stdout
    assert "everybody was told" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["after-the-fix.png", "before-the-fix.png"]


@pytest.mark.parametrize("what", ["revisions", "invariants", "strategies", "scopes", "formats", "mappings", "mutants"])
def test_lists_say_what_there_is(what: str) -> None:
    """One line each, with a sentence."""
    result = run("list", what)
    assert result.exit_code == 0
    assert all(line.strip() for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    "command", ["demo", "check", "audit", "coverage", "fuzz", "replay", "validate", "convert", "list"]
)
def test_help_teaches(command: str) -> None:
    """Every command says what it does and what its options mean."""
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_two_processes_find_what_one_does() -> None:
    """`check --jobs 2`: the same cells in the same order, whoever is done first; only times differ."""

    def cells(jobs: str) -> list[dict[str, object]]:
        result = run("check", "--revision", "d4", "--scope", "AA+1c", "--scope", "A", "--jobs", jobs, "--json")
        found: list[dict[str, object]] = json.loads(result.stdout)["cells"]
        return [{name: cell[name] for name in cell if name not in ("seconds", "peak_bytes")} for cell in found]

    assert cells("2") == cells("1")
