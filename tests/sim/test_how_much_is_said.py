"""`--quiet`: the verdicts, and no more; `--verbose`: all there is to say; of several cells the matrix first; colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner

from everyturn.asyncio.runtime.findings import KINDS
from everyturn.cli import main
from everyturn.reports.text import LEGEND
from everyturn_model.invariants import INVARIANTS

HANGS: Final = str(Path(__file__).parents[1] / "traces" / "H1-no-hang.jsonl")
RACY: Final = "examples.scenarios.two_users:racy"
ASKED: Final = ["--revision", "d3-locked-drain", "--scope", "AA", "--invariant", "no-hang", "--invariant", "one-turn"]


def lines(*arguments: str) -> list[str]:
    return CliRunner().invoke(main, arguments).stdout.rstrip().splitlines()


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["check", *ASKED], "d3-locked-drain AA"),
        (["fuzz", *ASKED, "--runs", "60", "--seed", "1"], "d3-locked-drain AA"),
        (["check", "--scenario", RACY], RACY),
        (["replay", HANGS, "--invariant", "no-hang"], "d3-locked-drain AA"),
    ],
)
def test_quiet_is_the_matrix_and_a_line_for_each_refutation(command: list[str], named: str) -> None:
    """The matrix first; then what is refuted, whose, and the token where there is one."""
    shown = lines(*command, "--quiet")
    end = shown.index(LEGEND)
    assert any(line.startswith(named) and "✗" in line for line in shown[:end])
    refuted = shown[end + 1 :]
    assert len(refuted) == sum(line.count("✗") for line in shown[:end]) == 1
    name = "hang" if RACY in command else "no-hang"
    assert re.fullmatch(rf"✗ {re.escape(named)}  {name}  e[at]\d-\S+", refuted[0])


def test_what_is_proved_has_no_line_of_its_own() -> None:
    shown = lines("check", "--revision", "d4-independent", "--scope", "A", "-q")
    assert shown[-1] == LEGEND


def test_a_quiet_token_makes_the_run_again() -> None:
    token = lines("check", *ASKED, "--quiet")[-1].split()[-1]
    assert "✗ no-hang" in CliRunner().invoke(main, ["replay", token]).stdout


def test_quiet_changes_no_exit_code_and_no_document() -> None:
    loud, quiet = (CliRunner().invoke(main, ["replay", HANGS, "--json", *more]) for more in ([], ["--quiet"]))
    assert loud.exit_code == quiet.exit_code == 1
    assert loud.stdout == quiet.stdout


@pytest.mark.parametrize(("environment", "coloured"), [({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False)])
def test_no_color_is_respected(environment: dict[str, str], *, coloured: bool) -> None:
    """Where colours would be shown, they are not if that is set and not empty."""
    shown = CliRunner().invoke(main, ["replay", HANGS, "--quiet"], env=environment, color=True)
    assert ("\x1b[" in shown.stdout) is coloured


@pytest.mark.parametrize(
    ("command", "names"), [(["check", *ASKED], ["no-hang", "one-turn"]), (["check", "--scenario", RACY], ["hang"])]
)
def test_verbose_is_every_invariant_with_what_it_says(command: list[str], names: list[str]) -> None:
    says = {each.name: each.sentence for each in INVARIANTS} | KINDS
    shown = lines(*command, "--verbose")
    for name in names:
        assert [line for line in shown if re.fullmatch(rf" +[✓✗] {name}: \w+: {re.escape(says[name])}", line)]
    usual = [line for line in lines(*command) if " s; " not in line and " s, " not in line]
    assert [line for line in shown if line in usual] == usual


def test_verbose_says_what_was_reached() -> None:
    shown = "\n".join(lines("check", *ASKED, "-v"))
    assert re.search(r"^ +reached: .*hand-off", shown, re.MULTILINE)
    assert re.search(r"^ +not reached: ", shown, re.MULTILINE)


def test_one_of_them_is_expected() -> None:
    found = CliRunner().invoke(main, ["check", *ASKED, "-q", "-v"])
    assert (found.exit_code, "expected one of them" in found.output) == (2, True)


@pytest.mark.parametrize(
    "command",
    [
        ["check", *ASKED, "--scope", "A"],
        ["check", "--scenario", RACY, "--scenario", "examples.scenarios.two_users:mended"],
    ],
)
def test_of_several_cells_the_matrix_comes_first(command: list[str]) -> None:
    """Then each, with its refutations; at last where to go on."""
    shown = lines(*command)
    told = [number for number, line in enumerate(shown) if re.match(r"(d3|examples)\S+  .*[✓✗] [\drp]", line)]
    assert len(told) == 2
    assert shown.index(LEGEND) < told[0]
    assert shown[-1].startswith("why, and since when it was too late: ")
