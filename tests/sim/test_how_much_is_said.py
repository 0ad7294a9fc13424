"""`--quiet`: the verdicts, and no more; `--verbose`: all there is to say; of several the matrix first; colours."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import click
import pytest
from click.testing import CliRunner

from everyturn.asyncio.runtime.findings import KINDS
from everyturn.cli import main
from everyturn.reports.how_much import HOW_MUCH, HowMuch
from everyturn.reports.text import LEGEND, ProgressLine
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


def test_a_quiet_shrink_is_a_smaller_token() -> None:
    """Of a dispatcher and of an asyncio program: what it violates is violated by the token that is told."""
    token = lines("shrink", HANGS, "--quiet")[-1].split()[-1]
    assert "✗ no-hang" in CliRunner().invoke(main, ["replay", token]).stdout
    found = lines("check", "--scenario", RACY, "--quiet")[-1].split()[-1]
    shrunk = lines("shrink", found, "--scenario", RACY, "--quiet")[-1].split()
    assert shrunk[:3] == ["✗", RACY, "hang"]
    assert "✗ hang" in CliRunner().invoke(main, ["replay", shrunk[3], "--scenario", RACY]).stdout


def test_a_quiet_study_is_a_line_for_each_agent_and_point() -> None:
    """With what it is about, and nothing else: no title, no legend."""
    asked = ["simulate", "--prompts-per-minute", "2", "--revision", "d4", "--hours", "1", "--replications", "2"]
    loud, quiet = lines(*asked, "--seed", "1"), lines(*asked, "--seed", "1", "--quiet")
    assert [line.split()[0] for line in quiet] == ["revision", "d4-independent"]
    assert "stuck ‰" in quiet[0]
    assert quiet[1].split()[1] in loud[2]


def test_quiet_repairs_are_a_line_for_each_set() -> None:
    asked = ["repairs", "--revision", "d4", "--scope", "II", "--repair", "enters-under-mutex", "--no-breaks", "-q"]
    enough, conclusion = lines(*asked)
    assert enough == "✓ enters-under-mutex: enough, and nothing less is"
    assert conclusion == lines(*asked[:-1])[-1] == "minimal sets: 1 (repairs in each: 1)"


def test_a_quiet_campaign_is_what_fails_and_how_much_was_asked(tmp_path: Path) -> None:
    """Cells in which all is well have no line; what fails has the command that makes it again. So has a merge."""
    file, index = tmp_path / "small.toml", str(tmp_path / "joined.campaign")
    cells = 'revision = ["d4", "hardened"]\nscope = "AA+1e"\nstrategy = "random-walk"\nruns = 30'
    file.write_text(f'title = "small"\ninvariants = ["no-hang"]\n[[cells]]\n{cells}\n')
    new, again, cells = lines("campaign", str(file), "--jobs", "1", "--quiet")
    assert new.startswith("new     revision d4-independent AA+1e: no-hang: ")
    assert again.split()[:2] == ["everyturn", "replay"]
    assert cells == "2 cells: 1 refuted, 1 risk"
    assert lines("merge", str(file.with_suffix(".campaign")), "-o", index, "-q") == [new, again, cells]


def test_a_quiet_coverage_is_a_number_for_each_kind() -> None:
    loud, quiet = (lines("coverage", "--scope", "A", *more) for more in ([], ["--quiet"]))
    assert quiet[0].startswith("d4-independent  A  (access, 33 states, ")
    assert quiet[1:] == [line for line in loud if re.match(r"  \w+ +\d+ of \d+ ", line)]


def test_a_quiet_validation_is_what_is_refuted_and_the_files() -> None:
    """Each refutation with its line, without what it says; the agent's table and where to go on are left out."""
    log = str(Path(__file__).parents[2] / "recordings" / "d3-folded-run-id.jsonl")
    loud, quiet = (lines("validate", log, *more) for more in ([], ["--quiet"]))
    refuted = [": ".join(line.split(": ")[:3]) for line in loud if ": run " in line]
    assert refuted
    assert quiet[: len(refuted)] == refuted
    assert quiet[len(refuted)].split() == ["runs", "accepted", "refused", "undetermined", "refuted", "lines/s", "file"]
    assert not [line for line in quiet if line.startswith(("d3-locked-drain", "more: "))]
    told = CliRunner().invoke(main, ["validate", log, "--identify", "--quiet"])
    assert (told.exit_code, "--identify: expected no --quiet with it" in told.stderr) == (2, True)


def test_progress_is_for_those_who_look(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In a file that somebody reads later there is none, if only verdicts are wanted."""
    monkeypatch.setattr("everyturn.reports.text.EVERY_SECONDS", -1.0)
    for meta, shown in (({}, "small: 1 of 2 cells\n"), ({HOW_MUCH: HowMuch.QUIET}, "")):
        with click.Context(main) as context:
            context.meta.update(meta)
            with ProgressLine("small") as bar:
                bar.cells(1, 2)
        assert capsys.readouterr().err == shown


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
