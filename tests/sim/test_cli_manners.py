"""Manners of the command line: what cannot be written, what breaks inside, what a first-time user reads."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from everyturn import check, checker, outside  # before a test adds an invariant: none may keep it
from everyturn.cli import COMMANDS, main
from everyturn.linear import watch
from everyturn.linear.monitors import MONITORS
from everyturn_model import invariants
from everyturn_model.events import Event
from everyturn_model.lifecycle import Ledger
from everyturn_model.monitor import Invariant, Kind, Needs

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "recordings" / "d3-folded-run-id.jsonl"
EVERYTURN = [sys.executable, "-m", "everyturn"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_a_reader_who_has_gone_is_no_verdict_and_no_traceback() -> None:
    """As with `everyturn list invariants | true`: the code of a process that SIGPIPE ended."""
    with subprocess.Popen(
        [*EVERYTURN, "list", "invariants"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        error = running.stderr.read()
    assert running.returncode == 128 + signal.SIGPIPE
    assert error == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_is_one_line_and_exit_code_2() -> None:
    """Not 0, which would say that something holds."""
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*EVERYTURN, "list", "invariants"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 2
    assert done.stderr.decode().strip() == "everyturn: No space left on device"


def test_a_bug_of_ours_is_no_refutation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, a traceback to report, and a last line that says what it is; 1 would mean refuted."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("everyturn.check.check", broken)
    result = run("check", "--scope", "A", "--revision", "d4")
    assert result.exit_code == 3
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1] == "everyturn: internal error: ZeroDivisionError: of ours"


def quiet(state: int, event: Event, ledger: Ledger) -> int:
    """A monitor that is never violated."""
    return state


@pytest.mark.parametrize("log", [RECORDING, ROOT / "tests" / "sim" / "logs" / "slog.jsonl"])
def test_an_invariant_without_a_monitor_for_logs_is_not_judged_there(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody adds an invariant: logs and recordings say that they do not judge it, and go on."""
    added = Invariant("no-nothing", "Nothing happens.", Kind.ALWAYS, quiet, 0, Needs())
    assert all(each.invariant != added.name for each in MONITORS)
    assert check.__doc__
    for module in (invariants, checker, outside, watch):
        monkeypatch.setattr(module, "INVARIANTS", (*invariants.INVARIANTS, added), raising=False)
        monkeypatch.setattr(module, "BY_NAME", {**invariants.BY_NAME, added.name: added}, raising=False)
    mapping = ["--mapping", "slog"] if log != RECORDING else []
    result = run("validate", str(log), *mapping, "--json", "--exit-zero")
    assert result.exit_code == 0, result.output
    cells = json.loads(result.stdout)["cells"]
    assert {cell["invariants"]["no-nothing"]["verdict"] for cell in cells} == {"not-judged"}


def test_every_command_has_one_line_that_is_not_cut_off() -> None:
    """In `everyturn --help`, as wide as a terminal is."""
    result = run("--help")
    lines = [
        line.split(maxsplit=1) for line in result.stdout.split("Commands:")[1].splitlines() if line.startswith("  ")
    ]
    shown = {words[0]: words[1] for words in lines if words[0] in COMMANDS}
    assert shown.keys() == COMMANDS.keys()
    assert not [text for text in shown.values() if text.endswith("...")]


def test_a_headline_counts_refutations_first_and_says_what_it_counts() -> None:
    """Fifteen invariants and conformance make sixteen verdicts."""
    (headline,) = [
        line for line in run("check", "--scope", "AA", "--revision", "d4").stdout.splitlines() if "states" in line
    ]
    assert "✗ 2 refuted, 10 proved, 4 vacuous of 15 invariants and conformance  [2,194 states" in headline


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shrink", "hello"], "'hello': expected a token (et2-…) or a trace file, found neither"),
        (["replay", ""], "'': expected a token (et2-…) or a trace file, found neither"),
        (["replay", str(RECORDING)], "found 'crush-dispatch-trace/1': everyturn validate judges logs"),
        (["check", "--scope", "A", "--agent", "no.such:Thing"], f"looked in {Path.cwd()}, then on Python's path"),
        (["liveness"], "'AA+*t'"),
        (
            ["export", "--scope", "A", "--revision", "d4", "--to", "dot", "-o", "/no/such/file"],
            "expected a file that can be written",
        ),
    ],
)
def test_what_was_wrong_and_where(arguments: list[str], said: str) -> None:
    """One line, exit code 2, and a way out."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_syntax_error_of_an_agent_names_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File and line, not a traceback."""
    (tmp_path / "broken_agent.py").write_text("x = 1\nclass Agent(:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = run("check", "--scope", "A", "--agent", "broken_agent:Agent")
    assert result.exit_code == 2
    assert f"{tmp_path / 'broken_agent.py'}:2: invalid syntax" in result.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "`name`"),
        ("=", "expected TOML"),
        ('name = "x"\nkinds = ["begun"]\n', "'begun'"),
        ('name = "x"\n[[line]]\nkind = "begun"\n', "cancel_call, "),
    ],
)
def test_a_mapping_that_is_wrong_says_what_was_expected(text: str, said: str, tmp_path: Path) -> None:
    """An empty file, no TOML, a kind that does not exist."""
    mapping = tmp_path / "mine.toml"
    mapping.write_text(text)
    result = run("validate", "--mapping", str(mapping), str(ROOT / "tests" / "sim" / "logs" / "slog.jsonl"))
    assert result.exit_code == 2
    assert f"mapping {mapping}: expected " in result.stderr
    assert said in result.stderr


def test_when_nothing_ran_it_is_said() -> None:
    """Exit code 5 and a line, not silence."""
    result = run("fuzz", "--scope", "AA", "--runs", "0")
    assert result.exit_code == 5
    assert result.stdout == "nothing ran\n"


def test_lists_are_one_document_with_json() -> None:
    """The same lines."""
    document = json.loads(run("list", "scopes", "--json").stdout)
    assert document["schema"] == "everyturn/list/1"
    assert document["lines"] == run("list", "scopes").stdout.splitlines()


@pytest.mark.parametrize("command", ["audit", "coverage"])
def test_what_explores_says_whether_it_was_interrupted(command: str) -> None:
    """In the JSON document, as check and fuzz do."""
    result = run(command, "--scope", "A", "--revision", "d4", "--json")
    assert json.loads(result.stdout)["interrupted"] is False
