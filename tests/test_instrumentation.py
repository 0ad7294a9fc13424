"""Instrumentation for others: the Python module, the example agent with and without its bugs, the page's snippets."""

from __future__ import annotations

import asyncio
import io
import json
import re
import runpy
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner

from everyturn.cli import main
from everyturn.formats.everyturn_log import REQUIRED, LogLine, LogSnapshot

ROOT: Final = Path(__file__).parents[1]
MODULE: Final = ROOT / "examples" / "instrumentation" / "everyturn_log.py"
AGENT: Final = ROOT / "examples" / "instrumented_agent" / "agent.py"
PAGE: Final = (ROOT / "docs" / "instrumentation.md").read_text(encoding="utf-8")
LOG: Final[Any] = runpy.run_path(str(MODULE))["EveryturnLog"]


def validate(path: Path) -> dict[str, Any]:
    result = CliRunner().invoke(main, ["validate", str(path), "--json"])
    assert result.exit_code in (0, 1), result.stderr
    (cell,) = json.loads(result.stdout)["cells"]
    found: dict[str, Any] = cell
    return found


def run_agent(path: Path, *options: str) -> dict[str, Any]:
    subprocess.run([sys.executable, str(AGENT), str(path), *options], check=True, timeout=60)
    return validate(path)


def test_the_example_agent_holds(tmp_path: Path) -> None:
    """Whatever a log of it can show."""
    cell = run_agent(tmp_path / "agent.jsonl")
    assert cell["verdict"] == "holds"
    assert {name for name, each in cell["invariants"].items() if each["verdict"] == "holds"} == {
        "no-hang", "no-double-emit", "no-fold-of-run-id", "one-turn", "no-lost-cancel", "no-poisoned-prompt",
        "nothing-lost", "in-order", "right-owner", "prompt-notice", "true-outcome",
    }  # fmt: skip


def test_tasks_of_one_thread_are_not_taken_for_one(tmp_path: Path) -> None:
    """A task that tells its client late keeps nobody's turn back; one that begins another turn before it tells does."""
    path = tmp_path / "agent.jsonl"
    log = LOG(str(path))
    idle, begun = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        log.submit("s", "p1", run_id="r1")
        log.started("s", "p1")
        log.ended("s", "p1", "finished")
        idle.set()
        await begun.wait()
        log.told("s", "p1", "finished")

    async def second() -> None:
        await idle.wait()
        log.submit("s", "p2", run_id="r2")
        log.started("s", "p2")
        begun.set()
        log.ended("s", "p2", "finished")
        log.told("s", "p2", "finished")

    async def both() -> None:
        await asyncio.gather(first(), second())

    asyncio.run(both())
    log.close()
    assert validate(path)["invariants"]["prompt-notice"]["verdict"] == "holds"
    path.write_text(re.sub(r"Task-\d+", "one", path.read_text()))
    assert validate(path)["invariants"]["prompt-notice"]["verdict"] == "refuted"


@pytest.mark.parametrize(
    ("bug", "invariant", "sentence"),
    [
        ("silent", "no-hang", "nothing can move any more, and nobody has told the waiter of p1"),
        ("twice", "no-double-emit", "a second completion for p5's run id was given to its waiter"),
        ("fold", "no-fold-of-run-id", "p3 has a run id and was folded into the turn of p2"),
    ],
)
def test_the_example_agent_with_a_bug_is_refuted(bug: str, invariant: str, sentence: str, tmp_path: Path) -> None:
    """By the invariant that the bug breaks."""
    said = run_agent(tmp_path / "agent.jsonl", "--bug", bug)["invariants"][invariant]
    assert (said["verdict"], said["sentence"]) == ("refuted", sentence)


def test_the_output_on_the_page_is_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Line by line; `…` stands for some that are left out, as many as the page says."""
    (shown,) = re.findall(r"\$ everyturn validate agent.jsonl\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    run_agent(Path("agent.jsonl"), "--bug", "silent")
    printed = CliRunner().invoke(main, ["validate", "agent.jsonl"]).stdout.splitlines()
    begin, end = (part.splitlines() for part in shown.split("  …\n"))
    left_out = printed[len(begin) : printed.index(end[0])]
    assert printed[: len(begin)] == begin
    assert printed[printed.index(end[0]) :][: len(end)] == end
    assert (len(left_out), "thirteen rows" in PAGE) == (13, True)


def test_the_python_module_appends_to_a_file_that_is_there(tmp_path: Path) -> None:
    """As the page says: a header first, and both processes are judged."""
    path = tmp_path / "agent.jsonl"
    for _ in range(2):
        log = LOG(str(path))
        log.submit("s", "p1", run_id="r1")
        log.rest("s")
        log.close()
    assert [json.loads(line).get("sequence") for line in path.read_text().splitlines()] == ["log", 0, 1] * 2
    assert validate(path)["invariants"]["no-hang"]["count"] == 2


def test_the_python_snippet_of_the_page_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it stands."""
    monkeypatch.chdir(tmp_path)
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {"EveryturnLog": LOG}
    exec(snippet, names)
    names["log"].close()
    assert validate(tmp_path / "agent.jsonl")["verdict"] == "holds"


def test_the_mapping_of_the_page_is_one() -> None:
    """As it stands."""
    from everyturn.formats.mapping import parse

    (snippet,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert parse(snippet, "page").name == "my-agent"


def test_the_module_promises_the_required_kinds() -> None:
    """No more and no less than the schema."""
    assert set(LOG.REQUIRED) == REQUIRED


GO: Final = (MODULE.parent / "everyturnlog.go").read_text()
TYPESCRIPT: Final = (MODULE.parent / "everyturn_log.ts").read_text()


def test_the_writers_in_go_and_typescript_know_every_field_and_the_required_kinds() -> None:
    """Those of the schema: what a kind of line needs can be written in each language."""
    for struct in (LogLine, LogSnapshot):
        fields, name = set(struct.__struct_fields__), struct.__name__.removeprefix("Log")
        (go,) = re.findall(rf"type {name} struct {{\n(.*?)\n}}", GO, re.DOTALL)
        (typescript,) = re.findall(rf"interface {name} {{\n(.*?)\n}}", TYPESCRIPT, re.DOTALL)
        assert set(re.findall(r'json:"(\w+)', go)) == fields
        assert set(re.findall(r"^  (\w+)\??:", typescript, re.MULTILINE)) == fields - {"time", "sequence"}
    for source, begin in ((GO, r"var required = \[\]string{"), (TYPESCRIPT, r"const required = \[")):
        (kinds,) = re.findall(rf"{begin}\n(.*?)\n[\]}}]", source, re.DOTALL)
        assert set(re.findall(r'"(\w+)"', kinds)) == REQUIRED


def test_a_snapshot_and_the_order_of_the_queue_can_be_promised(tmp_path: Path) -> None:
    """With them, `clean-rest` is judged, and what `in-order` needs is in the header."""
    path = tmp_path / "agent.jsonl"
    log = LOG(str(path), ordered=True)
    log.submit("s", "p1")
    log.rest("s", {"busy": True, "queue": ["p1"]})
    log.close()
    assert validate(path)["invariants"]["clean-rest"]["verdict"] == "refuted"
    assert json.loads(path.read_text().splitlines()[0])["ordered"] is True


def test_threads_write_whole_lines_in_sequence() -> None:
    """Eight threads at once: every line is whole, and the numbers have no gap."""
    target = io.StringIO()
    log = LOG(target)
    threads = [threading.Thread(target=lambda: [log.queued("s", "p") for _ in range(200)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = [json.loads(line) for line in target.getvalue().splitlines()[1:]]
    assert [line["sequence"] for line in lines] == list(range(1600))


class Full(io.StringIO):
    """A disk that is full for the second line."""

    def write(self, text: str) -> int:
        if '"sequence": 1,' in text:
            raise OSError(28, "No space left on device")
        return super().write(text)


def test_nothing_is_raised_into_the_agent(tmp_path: Path) -> None:
    """A folder as a file, a full disk, a value that is no JSON, a closed file: counted, and its number is missing."""
    folder = LOG(str(tmp_path))
    folder.submit("s", "p")
    target = Full()
    log = LOG(target)
    for _ in range(3):
        log.queued("s", "p")
    log.write("told", "s", prompt=object())
    log.queued("s", "x" * 500)
    lines = [json.loads(line) for line in target.getvalue().splitlines()[1:]]
    log.close()
    log.queued("s", "p")
    assert (folder.lost, log.lost, [line["sequence"] for line in lines]) == (2, 3, [0, 2, 4])
    assert lines[-1]["prompt"] == "x" * 200
