"""Whatever ends a campaign: nothing that was recorded is lost, nothing counts twice, and what is wrong is said."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from tests.nightly import nightly
from tests.sim.campaign_kills import KnownWork

from everyturn.campaigns.index import opened, read_index
from everyturn.campaigns.index_format import APPLICATION, UnitRow
from everyturn.campaigns.running import CampaignRun
from everyturn.campaigns.workers import MadeUnit, UnitTask, WorkersDied, make
from everyturn.cli import main
from everyturn.errors import UsageError

ROOT = Path(__file__).resolve().parents[2]

TEXT = """
title = "Two prompts"
seed = 1
unit = 4
invariants = ["no-hang"]
[[cells]]
revision = ["d3", "d4"]
scope = "AA"
strategy = "random-walk"
runs = 8
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> KnownWork:
    """A campaign of which everything is known before, so that the tests make nothing but indexes."""
    path = tmp_path_factory.mktemp("campaign") / "two.toml"
    path.write_text(TEXT)
    return KnownWork(path)


@pytest.mark.parametrize("arguments", [(), nightly(("--writes",))])
def test_a_kill_at_every_statement_loses_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """Before it and after it (in the night also at each write, flush and removal that SQLite asks of the system): what
    was kept is there, and the same command comes to the same result."""
    if arguments and shutil.which("strace") is None:
        pytest.skip("needs strace")
    path = tmp_path / "two.toml"
    path.write_text(TEXT)
    program = [sys.executable, "-m", "tests.sim.campaign_kills", str(path), *arguments]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kills, rest = done.stdout.split(" kills, ")
    assert int(kills) > 40
    assert rest == "5 units, lost: 0\n"


@pytest.mark.parametrize("campaigns", [1, nightly(40)])
def test_a_soak_loses_nothing(campaigns: int) -> None:
    """Random kills, full disks, interrupts and spoiled copies: `benchmarks/soak.py` does it for hours."""
    program = [sys.executable, str(ROOT / "benchmarks" / "soak.py"), "--campaigns", str(campaigns)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "        0  lost\n        0  counted twice\n" in done.stdout


@pytest.mark.parametrize("kills", [10, nightly(1000)])
def test_a_campaign_that_is_killed_often_comes_to_its_result(kills: int) -> None:
    """Each time while it makes a unit or two; what it had said to be kept is there, and then it ends as if alone."""
    program = [sys.executable, str(ROOT / "benchmarks" / "soak.py"), "--kills", str(kills)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{kills:>9,}  kills\n" in done.stdout
    assert "        0  lost\n        0  counted twice\n" in done.stdout


def stopping(work: KnownWork, after: int, stop: Callable[[], object]) -> Callable[[Iterable[UnitTask]], Any]:
    """Workers that make so many units; then something happens, and they go on."""
    made = [0]

    def each(tasks: Iterable[UnitTask]) -> Iterator[MadeUnit]:
        for task in tasks:
            if made[0] == after:
                stop()
            made[0] += 1
            yield MadeUnit(task.name, work.rows[task.name])

    return each


def run_until(work: KnownWork, path: Path, after: int, stop: Callable[[], object], **how: Any) -> CampaignRun:
    with opened(path, work.plan, **how) as index:
        running = CampaignRun(work.campaign, [], index)
        running.run(stopping(work, after, stop))
        return running


def test_ctrl_c_keeps_what_is_done(work: KnownWork, tmp_path: Path) -> None:
    """It ends the campaign wherever it is, and the next one goes on."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    path = tmp_path / "index"
    assert run_until(work, path, 3, interrupt).interrupted
    assert len(read_index(path)[1]) == 3
    assert work.make(path, sqlite3.Connection) == work.result


def test_an_interrupted_unit_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes of it: an agent's code may swallow the interrupt, and go another way than it ever does."""

    def interrupted(work: object) -> UnitRow:
        os.kill(os.getpid(), signal.SIGINT)
        return UnitRow(b"{}")

    monkeypatch.setattr("everyturn.campaigns.workers._row", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            make(UnitTask("one", None))  # type: ignore[arg-type]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_workers_that_die_are_replaced(work: KnownWork, tmp_path: Path) -> None:
    """What they were making is made again; if they die again and again, that is said, and what is done is kept."""
    deaths = [0]

    def die_once() -> None:
        deaths[0] += 1
        if deaths[0] == 1:
            raise WorkersDied("killed")

    path = tmp_path / "once"
    assert msgspec.json.encode(run_until(work, path, 2, die_once).held.result) == work.result
    assert read_index(path)[1] == work.rows

    def die() -> None:
        raise WorkersDied("killed")

    path = tmp_path / "always"
    with pytest.raises(UsageError, match=r"expected worker processes that live; found that they died 3 times in a row"):
        run_until(work, path, 2, die)
    assert len(read_index(path)[1]) == 2


def test_a_folder_that_vanishes_is_told(work: KnownWork, tmp_path: Path) -> None:
    """What is recorded into a file that has no name any more would be lost without a word."""
    folder = tmp_path / "there"
    folder.mkdir()
    with pytest.raises(
        UsageError, match=r"index: expected the index that this campaign writes; found none: it was moved"
    ):
        run_until(work, folder / "index", 2, lambda: shutil.rmtree(folder))
    folder.mkdir()
    assert work.make(folder / "index", sqlite3.Connection) == work.result


def test_an_index_that_is_replaced_is_told(work: KnownWork, tmp_path: Path) -> None:
    path = tmp_path / "index"
    shutil.copy(work.campaign.path.with_suffix(".whole"), tmp_path / "other")
    with pytest.raises(UsageError, match="expected the index that this campaign writes; found another file"):
        run_until(work, path, 2, lambda: (tmp_path / "other").replace(path))
    assert read_index(path)[1] == work.rows


class FullConnection(sqlite3.Connection):
    """A disk with room for few rows."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if arguments[0].startswith("INSERT INTO units"):
            super().execute("PRAGMA max_page_count = 6")
        return super().execute(*arguments)


def test_a_full_disk_is_told(work: KnownWork, tmp_path: Path) -> None:
    """What was kept before is there, and with room again the campaign goes on."""
    path = tmp_path / "index"
    big = {name: UnitRow(row.body, bytes(5000)) for name, row in work.rows.items()}
    full = KnownWork.__new__(KnownWork)
    full.__dict__.update({**vars(work), "rows": big})
    with pytest.raises(UsageError, match=r"expected an index that can be written; found: database or disk is full"):
        run_until(full, path, 100, lambda: None, connection=FullConnection)
    kept = read_index(path)[1]
    assert 0 < len(kept) < len(work.rows)
    assert kept.items() <= big.items()
    assert work.make(path, sqlite3.Connection) == work.result


@pytest.mark.skipif(os.geteuid() == 0, reason="whoever may do everything can write everywhere")
def test_a_folder_that_cannot_be_written_is_told(work: KnownWork, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UsageError, match="expected an index in a folder that can be written"):
        work.make(tmp_path / "index", sqlite3.Connection)


def test_a_folder_that_is_not_there_is_told(work: KnownWork, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="nowhere/index: expected an index in a folder that can be written; found: unable"
    ):
        work.make(tmp_path / "nowhere" / "index", sqlite3.Connection)


def test_a_clock_that_jumps_changes_nothing(work: KnownWork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day is not asked; and whatever the other clock says, time that is up ends discovery, no more."""
    monkeypatch.setattr(time, "time", lambda: -1e9)
    limited = work.campaign._replace(seconds=10.0)
    for times in ([0.0, 1e9], [1e9, 0.0, -1e9], [0.0, float("inf")]):
        path = tmp_path / str(len(times) + times[0])
        jumping = iter([*times, *[times[-1]] * 100])
        with opened(path, work.plan) as index:
            running = CampaignRun(limited, [], index, clock=lambda: next(jumping))  # noqa: B023
            running.run(stopping(work, 100, lambda: None))
            assert running.held.result.left in (0, 4)
        assert work.make(path, sqlite3.Connection) == work.result


def test_two_campaigns_do_not_write_one_index(work: KnownWork, tmp_path: Path) -> None:
    """The second is refused, and so is whoever wants to read it meanwhile."""
    path = tmp_path / "index"
    with opened(path, work.plan):
        for other in (lambda: opened(path, work.plan).__enter__(), lambda: read_index(path)):
            with pytest.raises(
                UsageError, match="expected an index that nobody writes; found one in use by a campaign"
            ):
                other()
    assert read_index(path)[1] == {}


def test_another_campaign_s_index_is_refused(work: KnownWork, tmp_path: Path) -> None:
    """So is that of the same one before its agents' code was changed."""
    path = tmp_path / "index"
    work.make(path, sqlite3.Connection)
    changed = msgspec.structs.replace(work.plan, digest="0" * 16)
    with pytest.raises(
        UsageError, match=r"expected the index of this campaign as it is now.*found that of 'Two prompts'"
    ):
        opened(path, changed).__enter__()
    assert read_index(path)[1] == work.rows


def statements(*texts: str) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        database = sqlite3.connect(path, isolation_level=None)
        for text in texts:
            database.execute(text)
        database.close()

    return spoil


def edited(place: int, content: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[place : place + len(content)] = content
        path.write_bytes(raw)

    return spoil


def replaced(content: bytes) -> Callable[[Path], None]:
    def spoil(path: Path) -> None:
        path.write_bytes(content)

    return spoil


SPOILED: dict[str, tuple[Callable[[Path], None], str]] = {
    "text": (replaced(b"hello\n" * 30), "expected a campaign's index"),
    "short": (replaced(b"SQLite format 3\0"), "expected a campaign's index"),
    "another program's": (statements("PRAGMA application_id = 7"), "found a SQLite file of another program"),
    "a newer one": (statements("PRAGMA user_version = 99"), "expected an index of version 1; found 99"),
    "a write-ahead log": (statements("PRAGMA journal_mode = WAL"), "found one with a write-ahead log"),
    "a table more": (statements("CREATE TABLE more (x)"), "expected the tables of an index and nothing else"),
    "a trigger": (
        statements("CREATE TRIGGER t AFTER INSERT ON units BEGIN DELETE FROM units; END"),
        "expected the tables of an index and nothing else",
    ),
    "a view": (
        statements("ALTER TABLE units RENAME TO hidden", "CREATE VIEW units AS SELECT * FROM hidden"),
        "expected the tables of an index and nothing else",
    ),
    "damage": (edited(4096, bytes(4096)), "expected a whole index; found"),
    "cut off": (lambda path: os.truncate(path, 5000), "expected a whole index; found"),
    "a changed row": (statements("UPDATE units SET body = '{}'"), "expected"),
    "a changed checksum": (statements("UPDATE units SET checksum = 'x'"), "expected a row as it was written"),
    "a renamed row": (statements("UPDATE units SET name = 'x' || name"), "expected a row as it was written"),
    "a huge row": (statements("UPDATE units SET trace = zeroblob(9000000)"), "found"),
    "a number for a body": (statements("UPDATE units SET body = 5"), "expected a whole index; found"),
    "no plan": (statements("DELETE FROM campaign"), "expected the plan of a campaign"),
    "another plan": (statements("UPDATE campaign SET plan = CAST('[1]' AS BLOB)"), "expected the plan of a campaign"),
    "a deep plan": (
        statements(f"UPDATE campaign SET plan = CAST('{'[' * 100000}' AS BLOB)"),
        "expected the plan of a campaign",
    ),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_stranger_s_file_is_refused(work: KnownWork, tmp_path: Path, name: str) -> None:
    """By whatever reads it, with a line that names it; it is not written."""
    spoil, said = SPOILED[name]
    path = tmp_path / "index"
    shutil.copy(work.campaign.path.with_suffix(".whole"), path)
    spoil(path)
    before = path.read_bytes()
    others = {each.name for each in tmp_path.iterdir()}
    for command in (
        ["diff", str(path), str(path)],
        ["merge", str(path), "-o", str(tmp_path / "out")],
        ["campaign", str(work.campaign.path), "--index", str(path), "--jobs", "1"],
    ):
        found = CliRunner().invoke(main, command)
        assert found.exit_code == 2, found.output
        (line,) = found.stderr.splitlines()
        assert line.startswith(f"everyturn: {path}: ")
        assert said in line
        assert len(line) < 600
        assert path.read_bytes() == before
        assert {each.name for each in tmp_path.iterdir()} <= others


def test_a_row_that_is_none_of_the_plan_s_is_refused(work: KnownWork, tmp_path: Path) -> None:
    """Even with a right checksum."""
    for name, row in (("hello", UnitRow(b"{}")), (next(iter(work.rows)), UnitRow(b'{"runs": "many"}'))):
        path = tmp_path / str(len(name))
        with opened(path, work.plan) as index:
            index.add(name, row)
        found = CliRunner().invoke(main, ["diff", str(path), str(path)])
        assert found.exit_code == 2
        assert found.stderr.startswith(f"everyturn: {path}: ")
        assert len(found.stderr.splitlines()) == 1


def test_what_does_not_agree_is_not_merged(work: KnownWork, tmp_path: Path) -> None:
    """Two outcomes of one unit: the agent is not deterministic, or a file was changed."""
    whole = work.campaign.path.with_suffix(".whole")
    with opened(tmp_path / "other", work.plan) as index:
        index.add(next(iter(work.rows)), UnitRow(b"{}"))
    found = CliRunner().invoke(main, ["merge", str(whole), str(tmp_path / "other"), "-o", str(tmp_path / "out")])
    assert found.exit_code == 2
    assert "its agent is not deterministic, or one of the files was changed" in found.stderr
    assert not (tmp_path / "out").exists()


def test_an_unfinished_creation_is_begun_anew(work: KnownWork, tmp_path: Path) -> None:
    """An empty file is what is left of a campaign that was killed before its first commit."""
    path = tmp_path / "index"
    path.write_bytes(b"")
    assert work.make(path, sqlite3.Connection) == work.result


def test_an_index_says_whose_it_is(work: KnownWork) -> None:
    """As `file` and other programs see it."""
    raw = work.campaign.path.with_suffix(".whole").read_bytes()
    assert (raw[68:72], APPLICATION.to_bytes(4, "big")) == (b"EVet", b"EVet")
