from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from tests.interruptible import interruptible
from tests.nightly import at_night

from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.studies.results import MEASURES, judge
from everyturn.studies.running import StudyJournal, run
from everyturn.studies.study import (
    StudyPoint,
    read_study,
    source,
)

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted((ROOT / "studies").glob("*.toml"))
SMALL: dict[str, Any] = {
    "title": "Small",
    "revisions": ["d3", "hardened"],
    "hours": 0.5,
    "replications": 3,
    "seed": 5,
    "arrivals": {"kind": "poisson", "per_minute": 1.0},
    "vary": {"cancels.per_hour": [0, 20]},
}
FILE = """
title = "Small"
revisions = ["d3", "d4"]
hours = 1
replications = 2
[arrivals]
kind = "poisson"
per_minute = 1
[vary]
"cancels.per_hour" = [0, 30]
"""


def small() -> list[StudyPoint]:
    return source(SMALL, "small").cells()


def simulate(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["simulate", *arguments])


# running ----------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_whatever_the_jobs(tmp_path: Path) -> None:
    """The journal of two processes is that of one; another seed gives another."""
    contents = []
    for name, jobs, cells in (
        ("one", 1, small()),
        ("two", 2, small()),
        ("other", 1, source(SMALL, "small", overrides={"seed": 6}).cells()),
    ):
        run(cells, StudyJournal(tmp_path / name, cells), jobs=jobs)
        contents.append((tmp_path / name).read_bytes())
    assert contents[0] == contents[1]
    assert contents[0].splitlines()[1:] != contents[2].splitlines()[1:]
    assert len(contents[0].splitlines()) == 1 + 2 * 2 * 3


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_point_has_a_replication_before_any_has_another(jobs: int) -> None:
    """One of each, then the second of each; whoever looks after a round is told how many each has."""
    cells = small()
    journal = StudyJournal(None, cells)
    rounds: list[tuple[int, int]] = []
    run(cells, journal, jobs=jobs, rounded=lambda number: rounds.append((number, len(journal.made))))
    assert [each.replication for each in journal.made] == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert rounds == [(1, 4), (2, 8)]


@pytest.mark.parametrize("cut", [0, 10, 150, 0.4, 0.77, 0.999])
def test_a_run_goes_on_where_it_was_killed(tmp_path: Path, cut: float) -> None:
    """Wherever the journal stops, in the middle of a line or of the header, the rest is made, to the same bytes."""
    path, cells = tmp_path / "journal", small()
    run(cells, StudyJournal(path, cells))
    whole = path.read_bytes()
    path.write_bytes(whole[: int(cut if cut == int(cut) else cut * len(whole))])
    again = StudyJournal(path, cells)
    assert len(again.made) < 12
    assert not run(cells, again)
    assert path.read_bytes() == whole


def test_more_replications_extend_a_journal(tmp_path: Path) -> None:
    """What was made is kept, and the result is that of a run from scratch."""
    path = tmp_path / "journal"
    fewer = source(SMALL, "small", overrides={"replications": 1}).cells()
    run(fewer, StudyJournal(path, fewer))
    cells = small()
    journal = StudyJournal(path, cells)
    assert len(journal.made) == 4
    run(cells, journal)
    fresh = StudyJournal(None, cells)
    run(cells, fresh)
    study = cells[0].study
    assert judge(study, cells, journal.made, interrupted=False) == judge(study, cells, fresh.made, interrupted=False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"hours":', b'"hours":1'),
        (b'"submitted":', b'"submitted":1'),
        (b'"replication":0', b'"replication":7'),
        (b'"made":{', b'"made":[{'),
        (b'"check"', b'"chick"'),
        (b'"revision"', b'"\xff"'),
        (b'{"made"', b"[" * 2000 + b'{"made"'),
    ],
)
def test_an_edited_journal_is_refused(old: bytes, new: bytes, tmp_path: Path) -> None:
    """With its line, whatever was edited; so is one whose lines were doubled or moved."""
    path, cells = tmp_path / "journal", small()
    run(cells, StudyJournal(path, cells))
    whole = path.read_bytes()
    first, second = whole.split(b"\n")[1:3]
    assert old in first
    for broken in (whole.replace(old, new, 1), whole + first + b"\n", whole.replace(first, second, 1)):
        path.write_bytes(broken)
        with pytest.raises(UsageError, match=r"journal:\d+: expected a replication"):
            StudyJournal(path, cells)


def test_two_at_once_do_not_write_one_journal(tmp_path: Path) -> None:
    """The second is told so, and the first goes on; nor is one written that has changed since it was read."""
    path, cells = tmp_path / "journal", small()
    first, second = StudyJournal(path, cells), StudyJournal(path, cells)
    with first.writing(), pytest.raises(UsageError, match="found one in use"):
        run(cells, second)
    run(cells, first)
    with pytest.raises(UsageError, match="found one that has changed since"):
        run(cells, second)
    assert StudyJournal(path, cells).made == first.made


def test_the_journal_of_another_study_is_refused(tmp_path: Path) -> None:
    """Rather than mixed."""
    path, cells = tmp_path / "journal", small()
    StudyJournal(path, cells)
    with pytest.raises(UsageError, match="expected the journal of this study as it is now"):
        StudyJournal(path, source(SMALL, "small", overrides={"hours": 1.0}).cells())


AGENT = """
class Agent:
    def __init__(self, ports, *, direct=False):
        self.ports = ports

    async def submit(self, call):
        return call

    async def serve(self, call, caller):
        await self.ports.threads.start(call.prompt)
"""


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an agent of the user's own, ``its_agent:Agent``, which can be imported."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "its_agent", raising=False)
    path = tmp_path / "its_agent.py"
    path.write_text(AGENT)
    return path


@pytest.mark.parametrize(
    ("more", "cancels", "said"),
    [
        (
            "",
            "1",
            "agent 'its_agent:Agent' in this study: expected async methods submit, serve, cancel; missing: cancel",
        ),
        ("        raise KeyError('x')\n", "0", "its_agent.py:11: a thread ends in KeyError('x')"),
        ("        await self\n", "0", "expected it to be handled"),
    ],
)
def test_what_is_wrong_with_an_agent_is_one_clear_line(agent: Path, more: str, cancels: str, said: str) -> None:
    """No internal error of ours: what it lacks, before anything is simulated, and where it raises what nobody
    handles."""
    agent.write_text(AGENT + more)
    flags = ("--prompts-per-minute", "1", "--hours", "1", "--replications", "1", "--cancels-per-hour", cancels)
    result = simulate("--agent", "its_agent:Agent", *flags)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert said in result.stderr


def test_the_journal_of_other_code_is_refused(agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results of the code as it was are not taken for those of the code as it is."""
    path = tmp_path / "journal"
    overrides = {"revisions": ["its_agent:Agent"]}
    StudyJournal(path, source(SMALL, "small", overrides=overrides).cells())
    StudyJournal(path, source(SMALL, "small", overrides=overrides).cells())
    agent.write_text(AGENT.replace("call.prompt", "call.prompt + ''"))
    monkeypatch.delitem(sys.modules, "its_agent")
    with pytest.raises(UsageError, match="expected the journal of this study as it is now"):
        StudyJournal(path, source(SMALL, "small", overrides=overrides).cells())


def test_all_revisions_meet_the_same_arrivals() -> None:
    """Common random numbers: as many prompts in each cell of one replication."""
    cells, journal = small(), StudyJournal(None, small())
    run(cells, journal)
    of_first = {each.counts.submitted for each in journal.made if each.replication == 0}
    assert len(of_first) == 1
    assert len({each.counts.submitted for each in journal.made}) > 1


def test_an_interrupted_study_keeps_what_was_done(tmp_path: Path) -> None:
    """Ctrl-C: exit code 130, and the same command goes on."""
    file = tmp_path / "s.toml"
    file.write_text(FILE.replace("hours = 1", "hours = 4").replace("replications = 2", "replications = 500"))
    command = interruptible("simulate", str(file), "-o", str(tmp_path / "out"))
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ))
    journal = tmp_path / "out" / "s.jsonl"
    while running.poll() is None and not (journal.exists() and journal.read_bytes().count(b"\n") > 2):
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    stdout, stderr = running.communicate()
    assert running.returncode == 130, stderr
    assert b"the same command goes on from here" in stdout
    made = journal.read_bytes().count(b"\n") - 1
    assert made >= 2
    assert len(StudyJournal(journal, read_study(file).cells()).made) == made


# the command line -------------------------------------------------------------------------------------------------


def test_a_study_makes_a_table_a_document_a_csv_and_a_picture(tmp_path: Path) -> None:
    """`-o`: all four say the same; `--json`: the document on standard output and the rest on standard error."""
    file = tmp_path / "s.toml"
    file.write_text(FILE)
    result = simulate(str(file), "-o", str(tmp_path / "out"), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["schema"] == "everyturn/study/1"
    assert [(row["revision"], row["parameters"]["cancels.per_hour"]) for row in document["rows"]] == [
        ("d3-locked-drain", 0), ("d3-locked-drain", 30), ("d4-independent", 0), ("d4-independent", 30)
    ]  # fmt: skip
    assert document == json.loads((tmp_path / "out" / "s.json").read_text())
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out" / "s.csv").read_text())))
    for row, told in zip(rows, document["rows"], strict=True):
        for name in MEASURES:
            assert [row[name + end] for end in ("", "_low", "_high")] == [
                "" if each is None else str(each) for each in told["measures"][name] or (None, None, None)
            ]
    assert (tmp_path / "out" / "s.png").read_bytes().startswith(b"\x89PNG")
    assert "stuck" in result.stderr
    again = simulate(str(file), "-o", str(tmp_path / "out"), "--json")
    assert again.stdout == result.stdout


def test_all_of_the_picture_is_drawn_before_any_of_it_is_sharp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once each point has one replication, if the study takes long: that it is not done yet is said in the document."""
    drawn: list[tuple[list[int], bool]] = []

    def draw(*given: Any) -> None:
        said = json.loads(given[-1].with_suffix(".json").read_text())
        drawn.append(([row["replications"] for row in said["rows"]], said["interrupted"]))

    monkeypatch.setattr("everyturn.cli.simulate.FIRST_SECONDS", 0.0)
    monkeypatch.setattr("everyturn.reports.study_plots.draw", draw)
    file = tmp_path / "s.toml"
    file.write_text(FILE)
    assert simulate(str(file), "-o", str(tmp_path / "out")).exit_code == 0
    assert drawn == [([1, 1, 1, 1], True), ([2, 2, 2, 2], False)]
    plain = simulate(str(file))
    assert plain.stderr.startswith("the first 1 of each:\nSmall\n")
    assert "the first" not in plain.stdout


def test_flags_make_a_small_study() -> None:
    """Without a file; the measures are within what the flags say."""
    result = simulate(
        "--revision",
        "d4",
        "--prompts-per-minute",
        "0.5",
        "--cancels-per-hour",
        "3",
        "--hours",
        "4",
        "--seed",
        "2",
        "--replications",
        "2",
        "--json",
    )
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["rows"]
    assert row["revision"] == "d4-independent"
    assert abs(row["prompts"] - 240) < 5 * 240**0.5
    assert row["measures"]["completions_per_hour"][0] == pytest.approx(row["prompts"] / 8, rel=0.1)


def test_without_file_and_flags_it_says_what_is_expected() -> None:
    """Exit code 2."""
    result = simulate()
    assert result.exit_code == 2
    assert "--prompts-per-minute" in result.stderr


@at_night
def test_every_kind_of_arrival_and_every_fault_runs_in_every_revision() -> None:
    """Whatever comes, the counts add up: a prompt has one fate at most, and a run id ends in one way."""
    tables: list[dict[str, Any]] = [
        {"arrivals": {"kind": "bursts", "per_hour": 60, "size": 3, "gap": {"kind": "constant", "seconds": 1}}},
        {"arrivals": {"kind": "users", "number": 2, "think": {"kind": "gamma", "mean": 20, "shape": 2}}},
        {"arrivals": {"kind": "recorded", "log": str(ROOT / "recordings/d3-random.jsonl"), "scale": 1000,
            "pause": {"kind": "constant", "seconds": 9}}},
        {"arrivals": {"kind": "poisson", "per_minute": 2}, "sessions": 3,
            "subscribers": {"number": 2, "buffer": 1, "read": {"kind": "constant", "seconds": 20}}},
    ]  # fmt: skip
    shared = {
        "title": "All",
        "hours": 0.7,
        "replications": 1,
        "run_ids": 0.7,
        "accepted": 0.8,
        "cancels": {"per_hour": 10, "patience": {"kind": "exponential", "mean": 60}},
        "faults": {"provider_error": 0.1, "unauthorised": 0.1, "tool_round": 0.2, "window_full": 0.1, "store": 0.05},
        "latency": {"access": {"kind": "exponential", "mean": 0.001}},
    }
    for table in tables:
        cells = source(shared | table, "all").cells()
        journal = StudyJournal(None, cells)
        run(cells, journal)
        for counts in (each.counts for each in journal.made):
            fates = ("started", "folded", "covered", "cleared", "cancelled_on_entry", "failed", "lost")
            assert counts.submitted > 30
            assert sum(getattr(counts, fate) for fate in fates) <= counts.submitted
            assert counts.never_told + counts.pending <= counts.stuck
            assert 0 <= counts.with_run_id - counts.told - counts.never_told - counts.pending - counts.undecided <= 3


def test_results_are_msgspec_documents() -> None:
    """A result survives being written and read."""
    cells = small()
    journal = StudyJournal(None, cells)
    run(cells[:1], journal)
    result = judge(cells[0].study, cells, journal.made, interrupted=True)
    assert msgspec.json.decode(msgspec.json.encode(result), type=type(result)) == result
