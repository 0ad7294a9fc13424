"""Manners of the command line: what cannot be written, what breaks inside, what a first-time user reads."""

from __future__ import annotations

import gc
import itertools
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from everyturn.checking import check, sampler
from everyturn.checking import fuzz as fuzzing
from everyturn.cli import main
from everyturn.logs import watch
from everyturn.verdicts import checker
from everyturn_model import invariants
from everyturn_model.events import Event
from everyturn_model.lifecycle import Ledger
from everyturn_model.monitor import Invariant, Kind, Needs

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "recordings" / "d3-folded-run-id.jsonl"
EVERYTURN = [sys.executable, "-m", "everyturn"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_a_command_leaves_the_collection_of_garbage_as_it_was() -> None:
    """However it ends, in the process of somebody who calls it as a function."""
    before = gc.get_threshold()
    assert run("list", "scopes").exit_code == 0
    assert run("check", "--revision", "nobody's").exit_code == 2
    assert gc.get_threshold() == before


def test_a_bug_of_ours_is_no_refutation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, a traceback to report, and a last line that says what it is; 1 would mean refuted."""

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("everyturn.checking.check.check", broken)
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
    assert check.__doc__
    for module in (invariants, checker, watch):
        monkeypatch.setattr(module, "INVARIANTS", (*invariants.INVARIANTS, added), raising=False)
        monkeypatch.setattr(module, "BY_NAME", {**invariants.BY_NAME, added.name: added}, raising=False)
    mapping = ["--mapping", "slog"] if log != RECORDING else []
    result = run("validate", str(log), *mapping, "--json", "--exit-zero")
    assert result.exit_code == 0, result.output
    cells = json.loads(result.stdout)["cells"]
    assert {cell["invariants"]["no-nothing"]["verdict"] for cell in cells} == {"not-judged"}


def test_a_headline_counts_refutations_first_and_says_what_it_counts() -> None:
    """Fifteen invariants and conformance make sixteen verdicts."""
    (headline,) = [
        line for line in run("check", "--scope", "AA", "--revision", "d4").stdout.splitlines() if "states" in line
    ]
    assert "✗ 2 refuted, 12 proved, 2 vacuous (15 invariants and conformance)  [2,194 states" in headline


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shrink", "hello"], "'hello': expected a token (et2-…) or a trace file; found neither"),
        (["replay", ""], "'': expected a token (et2-…) or a trace file; found nothing"),
        (
            ["replay", str(RECORDING)],
            "found 'crush-dispatch-trace/1'; logs and recordings of agents are for `everyturn validate`",
        ),
        (["check", "--scope", "A", "--agent", "no.such:Thing"], f"found none in {Path.cwd()} (current), "),
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


@pytest.mark.parametrize(("module", "function", "call"), [(sampler, "simulate", 500), (fuzzing, "shrink", 1)])
def test_ctrl_c_ends_all_of_a_campaign_and_keeps_what_was_found(
    module: Any, function: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While runs are made or explained: no further cell is begun, and the document has the cells so far."""
    before, called = getattr(module, function), itertools.count(1)

    def interrupted(*given: Any, **how: Any) -> Any:
        if next(called) == call:
            raise KeyboardInterrupt
        return before(*given, **how)

    monkeypatch.setattr(module, function, interrupted)
    result = run("fuzz", "--revision", "d3", "--scope", "AA", "--scope", "AAA", "--json")
    cells = json.loads(result.stdout)["cells"]
    assert (result.exit_code, [cell["scope"] for cell in cells]) == (130, ["AA"])
    assert cells[0]["invariants"]["no-hang"]["verdict"] == "refuted"
    assert "interrupted: what was found so far\n" in result.stderr
