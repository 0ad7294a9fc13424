"""An invariant that somebody adds, and that no log can be judged by yet."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from everyturn.cli import main
from everyturn.formats.everyturn_log import LogHeader, LogLine, Placed
from everyturn.logs.watch import Watch
from everyturn.verdicts import checker
from everyturn_model.invariants import BY_NAME, INVARIANTS
from everyturn_model.monitor import NO_LOG_MONITOR

LOG = "recordings/d3-random.jsonl"
NEW = "no-surprise"


@pytest.fixture
def _new_invariant(monkeypatch: pytest.MonkeyPatch) -> None:
    """One more invariant, for which nobody has written what a log shows of it."""
    new = replace(BY_NAME["no-hang"], name=NEW, log=NO_LOG_MONITOR)
    monkeypatch.setitem(BY_NAME, NEW, new)
    monkeypatch.setattr(checker, "INVARIANTS", (*INVARIANTS, new))


def _own_log(folder: Path) -> Path:
    lines = [
        {"schema": "everyturn/log/1", "agent": "by hand"},
        {"kind": "submit", "session": "s", "prompt": "p1", "run_id": "r1"},
        {"kind": "rest", "session": "s"},
    ]
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.usefixtures("_new_invariant")
def test_an_invariant_without_a_monitor_is_not_judged(tmp_path: Path) -> None:
    """On logs and on recordings, alone and among the others: never said to hold, and no crash."""
    head = tmp_path / "head.jsonl"
    head.write_text("".join(Path(LOG).read_text().splitlines(keepends=True)[:60]))
    for log in (head, _own_log(tmp_path)):
        for chosen in ([], ["--invariant", NEW]):
            done = CliRunner().invoke(main, ["validate", str(log), "--json", *chosen])
            assert done.exit_code in (0, 1, 2), done.output
            cells = json.loads(done.stdout)["cells"]
            assert cells
            assert {cell["invariants"][NEW]["verdict"] for cell in cells} == {"not-judged"}


def test_a_log_is_watched_without_a_monitor_of_what_holds_at_rest() -> None:
    """`no-hang` without its monitor: rest is passed over, and the verdict is that it is not judged."""
    without = [replace(each, log=NO_LOG_MONITOR) if each.name == "no-hang" else each for each in INVARIANTS]
    watching = Watch(LogHeader(agent="by hand"), lambda violation: None, without)
    watching.see(Placed(2, LogLine(kind="submit", session="s", prompt="p1", run_id="r1")))
    watching.see(Placed(3, LogLine(kind="rest", session="s")))
    assert dict(watching.verdicts())["no-hang"].verdict == "not-judged"
