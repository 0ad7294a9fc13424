"""The command line, as a user types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from click.testing import CliRunner, Result

from everyturn.cli import COMMANDS, main
from everyturn.reports.listing import LISTINGS
from everyturn_model.invariants import BY_NAME

RECORDING = "recordings/d3-random.jsonl"


def run(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, list(arguments), prog_name="everyturn")


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
        (["check", "--revision", "d99"], "revision 'd99'"),
        (["check", "--agent", "no.such:Thing"], "no.such"),
        (["check", "--agent", "json:JSONDecoder"], "expected a dispatcher"),
        (["check", "--invariant", "no-fun"], "no-fun"),
        (["replay", "et1-xyz"], "et1-xyz"),
        (["replay", "nothing.jsonl"], "neither"),
        (["fuzz"], "--scope"),
        (["fuzz", "--scope", "AA", "--strategy", "oracle"], "oracle"),
        (["validate"], "at least one log"),
        (["validate", "nothing.jsonl"], "nothing.jsonl"),
        (["replay", ""], "'': expected a token (et2-…) or a trace file; found nothing"),
        (["replay", "tests"], "'tests': expected a token (et2-…) or a trace file; found a directory"),
        (["replay", "x" * 5000], "found neither"),
        (["shrink", "hello"], "everyturn: 'hello': expected a token"),
        (["explain", "hello"], "everyturn: 'hello': expected a token"),
        (["replay", RECORDING], "everyturn validate"),
        (["liveness"], "--scope 'AA+*t'"),
        (["check", "--agent", "./actor.py:Actor"], "expected a Python file; found none"),
        (["check", "--agent", "sys:Nothing"], "sys: expected a class Nothing"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_2(arguments: list[str], said: str) -> None:
    """What was expected and what was found."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    """A trace, a picture, a graph, a folder that is a file: exit code 2, and what was expected."""
    token = json.loads(run("check", "--revision", "d3", "--scope", "AA", "--json").stdout)["cells"][0]["invariants"][
        "no-hang"
    ]["token"]
    file = tmp_path / "file"
    file.touch()
    for arguments in (
        ["replay", token, "-o", str(tmp_path / "none" / "x")],
        ["replay", token, "--plot", str(tmp_path / "x.nothing")],
        ["demo", "-o", str(file)],
        ["check", "--plot", str(tmp_path / "none" / "x.png")],
        ["shrink", token, "-o", str(tmp_path)],
        ["validate", "--report", str(tmp_path / "none" / "x.md"), RECORDING],
        ["export", "--revision", "d4", "--scope", "A", "--to", "aut", "-o", str(tmp_path / "none" / "x")],
        ["export", "--revision", "d4", "--scope", "A", "--to", "aut", "-o", str(file / "x")],
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert str(tmp_path) in result.stderr
        assert ": expected a " in result.stderr
        assert "; found" in result.stderr
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["matrix.foo", "matrix"])
def test_a_picture_that_cannot_be_drawn_is_refused_before_anything_is_explored(name: str, tmp_path: Path) -> None:
    """What its name should end with, and what it ends with; no verdict is said, and nothing is written."""
    result = run("check", "--revision", "d4", "--scope", "A", "--plot", str(tmp_path / name))
    assert (result.exit_code, result.stdout) == (2, "")
    found = Path(name).suffix or name
    expected = f"expected a picture, a name that ends in .png, .svg or .pdf; found {found!r}"
    assert result.stderr == f"everyturn: {tmp_path / name}: {expected}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", ["png", "svg", "pdf", "SVG"])
def test_the_same_matrix_is_drawn_in_the_same_bytes(ending: str, tmp_path: Path) -> None:
    """Without the time, and without random names, so that a picture in a repository changes only when verdicts do."""
    paths = [tmp_path / f"{number}.{ending}" for number in range(2)]
    for path in paths:
        assert run("check", "--revision", "d4", "--scope", "A", "--plot", str(path)).exit_code == 0
    first, second = (path.read_bytes() for path in paths)
    assert first == second


@pytest.mark.parametrize("command", ["check", "fuzz", "audit", "coverage", "liveness"])
@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--scope", "AX"], "scope 'AX': expected prompts (letters of AaIi) first, found 'X'"),
        (["--revision", "d99"], "revision 'd99': expected one of "),
        (["--agent", "everyturn.checking.mutants:Nobody"], "expected a class Nobody"),
    ],
)
def test_the_last_of_several_is_checked_before_the_first_is_explored(command: str, more: list[str], said: str) -> None:
    """One clear line, and no verdict on the others, which would be lost."""
    result = run(command, "--revision", "d4", "--scope", "A", *more)
    assert (result.exit_code, result.stdout, len(result.stderr.splitlines())) == (2, "", 1)
    assert said in result.stderr


def test_the_picture_of_verdicts_has_conformance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the table has: where only the specification refuses, the picture is not all green."""
    drawn: list[Any] = []
    monkeypatch.setattr("everyturn.reports.matrix_plot.save", lambda figure, path: drawn.append(figure))
    path = str(tmp_path / "x.png")
    run("check", "--revision", "d3", "--revision", "d4", "--scope", "A", "--plot", path)
    run("check", "--revision", "d4", "--scope", "A", "--invariant", "one-turn", "--plot", path)
    columns = [[label.get_text() for label in figure.axes[0].get_xticklabels()] for figure in drawn]
    assert columns == [[*BY_NAME, "conforms"], ["one-turn"]]


@pytest.mark.parametrize("there", [b"", b"x", b"\x80\x04K\x01.", b"PK\x03\x04" + bytes(60)])
def test_a_file_that_is_no_checkpoint_is_one_clear_line(there: bytes, tmp_path: Path) -> None:
    """Whatever it is, and without advice to trust it; it stays as it is. A folder that is missing is told at once."""
    path = tmp_path / "file"
    path.write_bytes(there)
    cell = ("check", "--revision", "d4", "--scope", "A", "--checkpoint")
    result = run(*cell, str(path))
    said = f"everyturn: checkpoint {path}: expected everyturn/checkpoint/4, found something else; start again\n"
    assert (result.exit_code, result.stderr, path.read_bytes()) == (2, said, there)
    result = run(*cell, str(tmp_path / "none" / "file"))
    assert (result.exit_code, result.stderr.count("found no folder")) == (2, 1)


def test_a_folder_without_permission_is_said_before_anything_is_explored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after hours of work for it."""
    monkeypatch.setattr(os, "access", lambda path, mode: (path, mode) != (tmp_path, os.W_OK))
    path = tmp_path / "matrix.png"
    result = run("check", "--revision", "d4", "--scope", "A", "--plot", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    expected = f"expected a file that can be written; found no permission to write {tmp_path}"
    assert result.stderr == f"everyturn: {path}: {expected}\n"


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
    """Exit code 5: no runs, no verdict, and a line that says so."""
    result = run("fuzz", "--scope", "AA", "--runs", "0")
    assert (result.exit_code, result.stdout) == (5, "")
    assert result.stderr == "everyturn: nothing ran, so there is no verdict\n"


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


@pytest.mark.parametrize("what", LISTINGS)
def test_lists_say_what_there_is(what: str) -> None:
    """One line each, with a sentence; as a document, the same by name."""
    result, document = run("list", what), json.loads(run("list", what, "--json").stdout)
    assert result.exit_code == 0
    assert all(line.strip() for line in result.stdout.splitlines())
    assert (document["schema"], document["what"]) == ("everyturn/list/1", what)
    assert document["entries"]
    for entry in document["entries"]:
        assert entry["name"] in result.stdout
        assert entry["sentence"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches(command: str) -> None:
    """Every command says what it does, and every option what it means; no line is longer than a terminal is wide."""
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"Usage: everyturn {command} [OPTIONS]" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    found = main.get_command(click.Context(main), command)
    assert found is not None
    assert all(each.help for each in found.params if isinstance(each, click.Option))


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "list"])
def test_help_says_what_each_exit_code_means(command: str) -> None:
    """Those that the command can have: a usage error and an interruption always, and 1 only where something is
    judged."""
    _, _, codes = run(command, "--help").stdout.partition("Exit codes:\n")
    numbers = {int(line.split()[0]) for line in codes.splitlines() if line.strip()}
    assert {0, 2, 3, 130} <= numbers
    judging = {
        "check", "liveness", "fuzz", "campaign", "diff", "replay", "shrink", "explain", "validate", "repairs",
            "exercise",
    }  # fmt: skip
    assert (1 in numbers) == (command in judging)


def test_the_list_of_commands_cuts_nothing_off() -> None:
    """In a terminal of eighty columns, the shortest that people use."""
    said = run("--help").stdout
    assert "..." not in said.partition("Commands:")[2].partition("What ends a command")[0]
    for name in COMMANDS:
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert command.short_help is not None
        assert len(command.short_help) <= 55


def test_no_command_at_all_is_a_usage_error_with_the_help() -> None:
    """On standard error, so that nobody takes it for a result."""
    result = run()
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Commands:" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "--nonsense"], "--nonsense"),
        (["list"], "revisions, invariants"),
        (["nothing"], "'nothing'"),
        (["check", "--jobs", "0"], "'--jobs': 0"),
        (["check", "--max-memory", "much", "--json"], "expected a size such as 512M or 4G"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_names_the_help(arguments: list[str], said: str) -> None:
    """As any other error; with --json, too, standard output stays empty."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith("everyturn: ")
    assert said in line
    assert "--help`)" in line


@pytest.mark.parametrize(
    ("command", "judge"), [("audit", "checking.audit.audit"), ("coverage", "checking.coverage.cover")]
)
def test_documents_say_whether_they_were_interrupted(command: str, judge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`interrupted` stands beside the cells, as in the documents of all other commands."""
    arguments = (command, "--revision", "d4", "--scope", "A", "--json")
    whole = run(*arguments)
    assert (whole.exit_code, json.loads(whole.stdout)["interrupted"]) == (0, False)

    module, _, name = judge.rpartition(".")
    judged = getattr(import_module(f"everyturn.{module}"), name)
    monkeypatch.setattr(
        f"everyturn.{judge}", lambda *given, **how: msgspec.structs.replace(judged(*given, **how), interrupted=True)
    )
    cut = run(*arguments)
    assert (cut.exit_code, json.loads(cut.stdout)["interrupted"]) == (130, True)


def test_two_processes_find_what_one_does() -> None:
    """`check --jobs 2`: the same cells in the same order, whoever is done first; only times differ."""

    def cells(jobs: str) -> list[dict[str, object]]:
        result = run("check", "--revision", "d4", "--scope", "AA+1c", "--scope", "A", "--jobs", jobs, "--json")
        found: list[dict[str, object]] = json.loads(result.stdout)["cells"]
        return [
            {name: cell[name] for name in cell if name not in ("seconds", "peak_bytes", "counter_check")}
            for cell in found
        ]

    assert cells("2") == cells("1")
