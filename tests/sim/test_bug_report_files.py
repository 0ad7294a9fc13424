"""The files of a bug report: what a maintainer finds in them, and that a hostile log cannot speak through them."""

from __future__ import annotations

import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sim.test_bug_reports import HOSTILE, RECORDINGS, hanging, markup, report, run

from everyturn.files.reading import LogFile
from everyturn.formats.everyturn_log import LogHeader, LogLine, encode
from everyturn.logs import conforming
from everyturn.logs import validate as log_validation
from everyturn.logs.conforming import conform
from everyturn.logs.validate import validate
from everyturn.reports.bug import commands, reproduced
from everyturn.reports.bug_html import page, safe
from everyturn.reports.bug_markdown import fenced, markdown, plain


def test_the_endings_decide(tmp_path: Path) -> None:
    """One judgement, two files; the exit code and standard output are as without."""
    md, html = tmp_path / "r.md", tmp_path / "r.html"
    path = RECORDINGS / "d3-folded-run-id.jsonl"
    plainly = run(path)
    result = run(path, "--report", md, "--report", html)
    assert (result.exit_code, plainly.exit_code) == (1, 1)
    assert md.read_text().startswith("# Prompt p2, which has a run id, is folded into the turn of p1;")
    assert html.read_text().startswith("<!DOCTYPE html>")
    assert run(path, "--report", tmp_path / "r.pdf").exit_code == 2
    assert run("-", "--report", md).exit_code == 2


@pytest.mark.parametrize("write", [markdown, page], ids=["markdown", "html"])
def test_a_report_has_what_a_maintainer_asks_for(write: object) -> None:
    """The rule, the lines, who waits, how often, how to reproduce, and the environment."""
    assert callable(write)
    text = str(write(report("d3-folded-run-id")))
    digest = hashlib.sha256((RECORDINGS / "d3-folded-run-id.jsonl").read_bytes()).hexdigest()
    for wanted in (
        "A prompt with run id gets a turn of its own and is never folded",
        "user_message",
        "the client of p2 waits for ever",
        "5 of 5 runs",
        "everyturn validate --explain 0",
        digest,
        "everyturn 0.",
        "d3-locked-drain",
    ):
        assert wanted in text, wanted


def test_a_page_needs_no_network() -> None:
    """No scripts, no resources; links lead to places in the page only."""
    found = markup(page(report("d4-random")))
    assert not {"script", "link", "img", "iframe", "object", "base"} & set(found.tags)
    assert all(link.startswith("#fault") for link in found.links)


def test_a_hostile_log_cannot_speak_through_a_report(tmp_path: Path) -> None:
    """Its names and lines are text, in HTML and in Markdown, without control characters."""
    path = hanging(tmp_path / "a.jsonl", HOSTILE)
    md, html = tmp_path / "r.md", tmp_path / "r.html"
    result = run(path, "--report", md, "--report", html)
    assert result.exit_code == 1
    harmless = set(markup(page(report("d3-silent-hand-off"))).tags)
    assert set(markup(html.read_text()).tags) <= harmless
    for text in (html.read_text(), md.read_text(), result.output):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202e]", text)
    outside = re.sub(r"^(`{3,})text\n.*?^\1$", "", md.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside
    assert "![" not in outside


@given(st.text(st.characters(), max_size=60))
def test_foreign_text_stays_text(text: str) -> None:
    """Any characters at all, lone surrogates too: nothing of it is markup, and it can be written."""
    assert markup(safe(text)).tags == []
    safe(text).encode()
    assert not set(plain(text)) & set("<>`|*[]!\n\r\x1b")


@given(st.lists(st.text("`~a\n", max_size=12) | st.text(max_size=12), max_size=4))
@settings(max_examples=50)
def test_a_fence_is_not_closed_by_what_is_in_it(lines: list[str]) -> None:
    """It is longer than any row of backticks in it."""
    first, *inside, last = fenced(lines)
    assert first == f"{last}text"
    assert not any(last in line for line in inside)
    assert not any("\n" in line for line in inside)


def test_a_log_without_faults_has_a_report(tmp_path: Path) -> None:
    """It says that there is none."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(encode(LogHeader()) + encode(LogLine(kind="submit", session="s", prompt="p")))
    md = tmp_path / "r.md"
    assert run(path, "--report", md).exit_code == 0
    assert md.read_text().startswith("# No fault was found\n")


def test_how_to_see_it_again_reads_the_log_as_it_was_read(tmp_path: Path) -> None:
    """The command in the report, typed as it stands, shows the fault: also of a log that only a mapping can read."""
    md = tmp_path / "r.md"
    log = tmp_path / "slog.jsonl"
    lines = (Path(__file__).parent / "logs" / "slog.jsonl").read_text().splitlines(keepends=True)
    log.write_text("".join(line for line in lines if '"answers":"p1"' not in line))
    assert run("--mapping", "slog", log, "--report", md).exit_code == 1
    (command, *_) = re.findall(r"^everyturn validate (.*--explain.*)$", md.read_text(), re.MULTILINE)
    again = run(*shlex.split(command))
    assert (again.exit_code, " ! " in again.stdout) == (1, True)


def test_a_report_names_no_command_that_is_not_in_it() -> None:
    """What to do with a model of your own is told with a command if the fault has an invariant, else without."""
    for name in ("d3-random", "d4-random"):
        for item in report(name).items:
            told = [*commands(item)]
            assert any("--agent" in each for each in told) is ("last command" in reproduced(item))


def test_a_report_about_nothing_does_not_say_that_nothing_is_wrong(tmp_path: Path) -> None:
    """Of a log that cannot be read, and of one whose runs are undetermined; the fault of the file is said once."""
    md = tmp_path / "r.md"
    result = run(tmp_path / "none.jsonl", "--report", md)
    assert (result.exit_code, md.read_text().splitlines()[0]) == (2, "# Nothing was judged")
    assert result.stderr.count("none.jsonl: expected a file") == 1
    result = run(RECORDINGS / "d4-random.jsonl", "--report", md, "--budget", 1)
    assert md.read_text().splitlines()[0] == "# No fault was found, and 100 of 100 runs are undetermined"
    said = "The specification explains 0 of 100 runs. 100 are undetermined: a fault may be hidden there."
    assert md.read_text().splitlines()[2] == said


def test_a_log_is_read_once_for_verdicts_and_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a report matches is matched while the log is judged; it says the same as a reading of its own."""
    log = hanging(tmp_path / "log.jsonl", "p")
    opened = []

    class Counted(LogFile):
        def __init__(self, path: Path, *others: Any) -> None:
            opened.append(path)
            super().__init__(path, *others)

    monkeypatch.setattr(log_validation, "LogFile", Counted)
    monkeypatch.setattr(conforming, "LogFile", Counted)
    assert run(log, "--report", tmp_path / "r.md").exit_code == 1
    assert opened == [log]
    (alone,), (beside,) = conform([log]).runs, validate([log], matched=True).conformed.runs
    assert alone == beside
