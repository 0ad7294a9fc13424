"""Campaigns: the same units come to the same result, whoever makes them, in whatever order, however often it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import entry_points
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from everyturn.campaigns.campaign import read_campaign
from everyturn.campaigns.comparing import compare, read_result
from everyturn.campaigns.counting import CampaignResult
from everyturn.campaigns.index import opened
from everyturn.campaigns.known import KnownFailure, Since, read_corpus, read_failure, write_failure
from everyturn.campaigns.merging import merge
from everyturn.campaigns.plan import ALL, Shard, parse_shard, plan
from everyturn.campaigns.running import CampaignRun
from everyturn.campaigns.workers import here
from everyturn.checking.fuzz import fuzz
from everyturn.checking.risk import upper_bound
from everyturn.cli import main
from everyturn.engines.simpy.kernel import simulate
from everyturn.errors import UsageError
from everyturn.strategies.random_walk import RandomWalk
from everyturn.verdicts.selection import judge_by
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn.world.world import World

pytest_plugins = ("pytester",)

PLUGIN = () if "everyturn" in entry_points(group="pytest11").names else ("-p", "everyturn.plugin.hooks")

TEXT = """
title = "Two prompts"
seed = 1
corpus = "known"
unit = 5
invariants = ["no-hang"]

[[cells]]
revision = ["d3", "d4"]
scope = "AA"
strategy = ["random-walk", "pos"]
runs = 12
"""


def campaign_in(folder: Path, text: str = TEXT) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "two.toml"
    path.write_text(text)
    return path


def made(path: Path, index: str = "two.campaign", shard: Shard = ALL, ticks: float = 0.0) -> CampaignResult:
    """What comes of a campaign; each look at the clock takes so many ``ticks``."""
    campaign = read_campaign(path)
    clock = count(0.0, ticks)
    with opened(path.parent / index, plan(campaign)) as found:
        running = CampaignRun(campaign, read_corpus(campaign.corpus), found, shard, clock=lambda: next(clock))
        running.run(here)
        assert running.troubles == {}
        return running.held.result


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def test_a_campaign_says_what_fuzz_says(tmp_path: Path) -> None:
    """Its units together are the runs of the same numbers, so the first violation is the same run."""
    cells = {cell.cell.key: cell for cell in made(campaign_in(tmp_path)).cells}
    for revision in ("d3-locked-drain", "d4-independent"):
        said = fuzz(revision, "AA", strategy="random-walk", runs=12, seed=1, invariants=["no-hang"]).cell
        cell = cells[f"revision {revision} AA random-walk"]
        assert {name: (each.verdict, each.token, each.count) for name, each in said.invariants.items()} == {
            name: (verdict, *(cell.violations[name].token, cell.violations[name].count))
            if name in cell.violations
            else (verdict, None, None)
            for name, verdict in cell.verdicts.items()
        }
        assert said.risk is not None
        assert cell.risk is not None
        assert cell.risk.at_most == said.risk["at_most"]


def test_the_result_does_not_depend_on_shards_or_interruptions(tmp_path: Path) -> None:
    """Divided, joined, ended by time and gone on with: the same bytes."""
    whole = msgspec.json.encode(made(campaign_in(tmp_path / "whole")))
    path = campaign_in(tmp_path / "shards")
    parts = [made(path, f"{number}.campaign", Shard(number, 3)) for number in (1, 2, 3)]
    assert sum(part.units for part in parts) == 12
    merge([tmp_path / "shards" / f"{number}.campaign" for number in (3, 1, 2)], tmp_path / "shards" / "all.campaign")
    assert msgspec.json.encode(made(path, "all.campaign")) == whole

    path = campaign_in(tmp_path / "ends", TEXT.replace("seed = 1", "seed = 1\nseconds = 3"))
    units = [made(path, ticks=1.0).units for _ in range(6)]
    assert units == sorted(set(units)) or units[-1] == 12
    assert msgspec.json.encode(made(path, ticks=0.0)) == whole


@pytest.mark.parametrize(("stop", "runs"), [("cell", 5 + 5 + 12 + 12), ("campaign", 5)])
def test_a_violation_may_be_enough(tmp_path: Path, stop: str, runs: int) -> None:
    """It ends its cell, or everything: what comes after it in the order of the plan does not count, even if made."""
    path = campaign_in(tmp_path, f'stop = "{stop}"\n{TEXT}')
    result = made(path)
    assert sum(cell.runs for cell in result.cells) == runs
    assert result.left == 0
    shards = [made(path, f"{number}.campaign", Shard(number, 2)) for number in (1, 2)]
    assert sum(part.units for part in shards) >= result.units
    joined = merge([tmp_path / "1.campaign", tmp_path / "2.campaign"], tmp_path / "all.campaign").result
    assert joined == result


def clean_run() -> str:
    """A run of `d3` in which nobody hangs."""
    world, judge = World(Scope.parse("AA"), "d3", "access"), judge_by(["no-hang"])
    runs = (simulate(world, RandomWalk(0), number) for number in range(100))
    return next(run.token for run in runs if not judge.run(run.seen()))


def test_known_failures_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each still fails, is cured, is out of reach, or is not asked: by its run, and by all runs of its scope."""
    path = campaign_in(tmp_path)
    (failure, *_) = made(path).failures
    token = failure.failure.token
    clean = clean_run()
    for each in (
        failure.failure,
        KnownFailure(invariant="no-hang", token=clean, revision="d3-locked-drain", scope="AA"),
        KnownFailure(invariant="no-hang", token=token, revision="d4-independent", scope="AA"),
        KnownFailure(invariant="no-hang", token=token, agent="nobody:Mine", scope="AA"),
    ):
        write_failure(tmp_path / "known", each)
    result = made(path)
    since = {(each.failure.token, each.failure.name): (each.outcome.since, each.outcome.how) for each in result.known}
    cured = (Since.CURED, "nothing in its scope violates it")
    assert since == {
        (token, "d3-locked-drain"): (Since.FAILING, "its run"),
        (clean, "d3-locked-drain"): (Since.FAILING, "another run of its scope"),
        (token, "d4-independent"): cured,
        (token, "nobody:Mine"): (Since.NOT_ASKED, "no cell of this campaign names its agent"),
    }
    assert [each.file is not None for each in result.failures if each.failure == failure.failure] == [True]
    monkeypatch.setattr("everyturn.campaigns.known.STATES", 10)
    again = {each.failure.name: each.outcome for each in made(path, "again.campaign").known}["d4-independent"]
    assert again.since is Since.OUT_OF_REACH
    assert again.how.startswith("the replay leaves the recorded path at")
    assert again.how.endswith("its scope was not explored to the end (10 states)")


KNOWN_MISTAKES = [
    ("", "expected a key `invariant`; found none"),
    ("invariant = 'no-hang'\ntoken = 'x'", "expected one of revision, agent, session, scenario; found none"),
    ("invariant = 'no-hang'\ntoken = 'x'\nrevision = 'd3'", "token 'x': expected it to begin with"),
    ("invariant = 'no-hang'\ntoken = 'ea1-x'\nrevision = 'd3'", "expected one of a revision; found another's"),
    ("invariant = 'no-hang'\ntoken = TOKEN\nrevision = 'd3'\nscope = 'A'", "expected 'AA', 'access' as in the token"),
    ("invariant = 'nice'\ntoken = TOKEN\nrevision = 'd3'\nscope = 'AA'", "invariant 'nice': expected one of"),
    ("invariant = 1", "invariant: expected `str`; found `int`"),
    ("token", "expected TOML in UTF-8"),
]


@pytest.mark.parametrize(("text", "said"), KNOWN_MISTAKES)
def test_mistakes_in_known_failures_are_told(tmp_path: Path, text: str, said: str) -> None:
    """Before anything is made: a scope that is not that of the run would be explored in vain."""
    path = campaign_in(tmp_path)
    (tmp_path / "known").mkdir()
    (tmp_path / "known" / "one.toml").write_text(text.replace("TOKEN", f"'{clean_run()}'"))
    found = run("campaign", path)
    assert found.exit_code == 2, found.output
    assert found.stderr.startswith(f"everyturn: {tmp_path / 'known' / 'one.toml'}: ")
    assert len(found.stderr.splitlines()) == 1
    assert said in found.stderr
    assert not (tmp_path / "two.campaign").exists()


ASYNCIO = """
title = "Asyncio"
unit = 3
[[cells]]
session = "examples.sessions.adapter:Chat"
scope = "A+1c"
strategy = "random-walk"
runs = 7
[[cells]]
scenario = "examples.scenarios.two_users:racy"
strategy = ["random-walk", "explore"]
runs = 7
"""


def test_asyncio_agents_are_asked_as_well(tmp_path: Path) -> None:
    """Their samples are those of the same numbers in one piece; what is known of them is replayed and explored."""
    result = made(campaign_in(tmp_path, ASYNCIO.replace("unit", "corpus = 'known'\nunit")))
    assert [(cell.runs, cell.of) for cell in result.cells if cell.cell.strategy != "explore"] == [(7, 7), (7, 7)]
    assert {cell.cell.key: cell.verdicts for cell in result.cells} == {
        cell.cell.key: cell.verdicts for cell in made(campaign_in(tmp_path / "one", ASYNCIO.replace("3", "7"))).cells
    }
    for each in result.failures:
        write_failure(tmp_path / "known", each.failure)
    again = made(tmp_path / "two.toml")
    assert [each.outcome.since for each in again.known] == [Since.FAILING] * len(result.failures)
    assert {each.file is None for each in again.failures} == {False}
    assert {each.failure.kind for each in result.failures} == {"session", "scenario"}


def test_what_is_different(tmp_path: Path) -> None:
    """Between two results: failures that are new and gone, and risks that changed."""
    made(campaign_in(tmp_path / "a", TEXT.replace('["d3", "d4"]', '"d4"')))
    made(campaign_in(tmp_path / "b", TEXT.replace("runs = 12", "runs = 20")))
    before, after = (read_result(tmp_path / name / "two.campaign") for name in "ab")
    found = compare(before, after)
    assert {each.invariant for each in found.new} == {"no-hang"}
    risks = {
        (each.cell.rpartition(" ")[2], each.invariant, each.before, each.after, each.risk_before, each.risk_after)
        for each in found.changed
    }
    bounds = upper_bound(12), upper_bound(20)
    assert risks == {(strategy, "no-hang", Verdict.RISK, Verdict.RISK, *bounds) for strategy in ("random-walk", "pos")}
    assert len(found.only_after) == 2
    assert {each.invariant for each in compare(after, before).not_asked} == {"no-hang"}
    assert compare(after, after) == compare(before, before)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("units",), -1, "Expected `int` >= 0"),
        (("cells", 0, "violations", "no-hang", "count"), -1, "Expected `int` >= 0"),
        (("cells", 0, "violations", "no-hang", "count"), 13, "expected no-hang to be violated in 12 runs at most"),
        (("cells", 0, "verdicts", "no-hang"), "proved", "expected no-hang to be refuted, since a run violates it"),
        (("cells", 0, "risk", "at_most"), 1.5, "Expected `float` <= 1"),
    ],
)
def test_a_result_that_cannot_be_is_refused(
    tmp_path: Path, place: tuple[str | int, ...], value: object, said: str
) -> None:
    """There are no fewer than no runs, no probability is above 1, and what a run violates is refuted."""
    text = TEXT.replace('["d3", "d4"]', '"d3"')
    document = json.loads(msgspec.json.encode(made(campaign_in(tmp_path, text))))
    assert compare_file(tmp_path / "good.json", document) == []
    *way, last = place
    part = document
    for each in way:
        part = part[each]
    part[last] = value
    with pytest.raises(UsageError, match=f"bad.json: expected a campaign's index, or the result of one; found {said}"):
        compare_file(tmp_path / "bad.json", document)


def compare_file(path: Path, document: object) -> list[Any]:
    """What is different between a result and itself."""
    path.write_text(json.dumps(document), encoding="utf-8")
    return compare(read_result(path), read_result(path)).changed


def test_the_commands(tmp_path: Path) -> None:
    """A campaign ends as what was found says, its index goes on, and its result is a file."""
    path = campaign_in(tmp_path)
    first = run("campaign", path, "--jobs", 1, "--result", tmp_path / "first.json")
    assert first.exit_code == 1, first.output
    assert "new     revision d3-locked-drain AA: no-hang" in first.stdout
    again = run("campaign", path, "--jobs", 1, "--result", tmp_path / "again.json")
    assert again.stdout == first.stdout
    assert (tmp_path / "first.json").read_bytes() == (tmp_path / "again.json").read_bytes()
    merged = run("merge", tmp_path / "two.campaign", "-o", tmp_path / "all", "--result", tmp_path / "merged.json")
    assert merged.exit_code == 0, merged.output
    assert (tmp_path / "merged.json").read_bytes() == (tmp_path / "first.json").read_bytes()
    same = run("diff", tmp_path / "all", tmp_path / "first.json")
    assert (same.exit_code, same.stdout) == (0, "no difference\n")


MISTAKES = [
    ("title = ", "expected TOML in UTF-8; found: "),
    ("title = 'x'", "expected a key `cells`; found none"),
    ("title = 1\n[[cells]]", "title: expected `str`; found `int`"),
    ("title = 'x'\n[[cells]]\nscop = 'AA'", "cells[0]: expected no other keys; found `scop`"),
    ("title = 'x'\nstop = 'now'\n[[cells]]", "stop: expected one of 'never', 'cell', 'campaign'; found 'now'"),
    (
        "title = 'x'\n[[cells]]\nscope = 'AA'",
        "cells[0]: expected one of revision, agent, session, scenario; found none",
    ),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'", "cells[0]: expected a scope, such as 'AA+1c'; found none"),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = 'B'", "cells[0]: scope 'B': expected"),
    ("title = 'x'\n[[cells]]\nrevision = 'd44'\nscope = 'A'", "cells[0]: revision 'd44': expected one of"),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = 'A'\nstrategy = 'luck'", "cells[0]: strategy 'luck': expected"),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = 'A'\nruns = 0", "cells[0].runs: expected `int` >= 1"),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = 'A'\nrisk = 0.1\nstrategy = 'dpor'", "until-risk: expected"),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = ['A', 'A']", "cells[0]: expected different cells; found"),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = 'A'\ninvariants = ['nice']", "cells[0]: invariant 'nice'"),
    (
        "title = 'x'\n[[cells]]\nagent = 'no.where:Mine'\nscope = 'A'",
        "cells[0]: agent 'no.where:Mine': expected a module",
    ),
    ("title = 'x'\n[[cells]]\nrevision = 'd4'\nscope = 'A'\norder = 'any'", "expected granularity, if anything"),
]


@pytest.mark.parametrize(("text", "said"), MISTAKES)
def test_mistakes_in_a_file_are_told(tmp_path: Path, text: str, said: str) -> None:
    """What was expected and found, in which file, at which key; nothing is written."""
    path = campaign_in(tmp_path, text)
    found = run("campaign", path)
    assert found.exit_code == 2, found.output
    assert len(found.stderr.splitlines()) == 1, found.stderr
    assert found.stderr.startswith(f"everyturn: {path}: ")
    assert said in found.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["two.toml"]


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/2/3", "a/b", "1/99999"])
def test_shards_are_parts(text: str) -> None:
    with pytest.raises(UsageError, match="expected i/n"):
        parse_shard(text)


def of_shards(number: int) -> Iterator[Shard]:
    return (Shard(each + 1, number) for each in range(number))


@pytest.mark.parametrize("number", [1, 2, 7])
def test_shards_have_each_unit_once(number: int) -> None:
    assert [sum(shard.has(place) for shard in of_shards(number)) for place in range(20)] == [1] * 20


def test_failures_are_written_as_tests(tmp_path: Path, pytester: pytest.Pytester) -> None:
    """Each is a test that fails as it stands, a file for the folder of known ones, and a trace."""
    path = campaign_in(tmp_path, TEXT.replace('["random-walk", "pos"]', '"random-walk"'))
    found = run("campaign", path, "--jobs", 1, "--failures", tmp_path / "found", "--keep")
    assert found.exit_code == 1
    (test,) = (tmp_path / "found").glob("test_*.py")
    (kept,) = (tmp_path / "found").glob("*.toml")
    assert read_failure(kept) == read_failure(tmp_path / "known" / kept.name)
    replayed = run(
        "replay", kept.with_suffix(".jsonl.zst"), "--strict", "--invariant", "no-hang", "--expect", "refuted"
    )
    assert replayed.exit_code == 0, replayed.output
    pytester.makepyfile(**{test.stem: test.read_text()})
    outcome = pytester.runpytest_inprocess(*PLUGIN, "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    outcome.assert_outcomes(failed=1)
    outcome.stdout.fnmatch_lines(["refuted: no-hang", "*p2 has a run id*"])
    assert run("campaign", path, "--jobs", 1, "--allow-known").exit_code == 0
    assert run("campaign", path, "--jobs", 1).exit_code == 1
