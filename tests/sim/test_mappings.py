"""Foreign logs through mappings: the shipped ones with a sample each, and what a mapping says of what it cannot map."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.files.reading import LogFile, stop
from everyturn.formats.everyturn_log import KINDS, REQUIRED, LogLine
from everyturn.formats.mapped_log import MappedReader, find
from everyturn.formats.mapping import Mapping, load, parse, shipped
from everyturn.formats.times import seconds
from everyturn.logs.history import Reading
from everyturn.logs.validate import validate
from everyturn.verdicts.verdict import Verdict

LOGS: Final = Path(__file__).parent / "logs"
MINIMAL: Final = """
name = "x"
session = "only"
[fields]
message = "m"
prompt = "p"
[[line]]
message = "in"
kind = "submit"
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def read(path: Path, mapping: Mapping) -> list[LogLine]:
    with LogFile(path) as file:
        return [placed.line for placed in MappedReader(file, stop, mapping)]


def told(line: LogLine) -> tuple[Any, ...]:
    """What all samples tell alike: some loggers have sequences, run ids on every line, owners."""
    return line.kind, line.prompt, line.thread, line.turn, line.outcome, line.operation


def test_every_shipped_mapping_has_a_sample() -> None:
    """Go's slog, zap and zerolog, Python's structlog, OpenTelemetry."""
    assert (
        list(shipped())
        == ["otel", "slog", "structlog", "zap", "zerolog"]
        == sorted(each.stem for each in LOGS.iterdir())
    )


@pytest.mark.parametrize("name", shipped())
def test_a_sample_is_mapped_and_holds(name: str) -> None:
    """No line is left unmapped, every required kind is there, and what the agent did was allowed."""
    result = run("validate", "--mapping", name, "--check-mapping", str(LOGS / f"{name}.jsonl"), "--json")
    assert result.exit_code == 0, result.stderr
    (report,) = json.loads(result.stdout)["logs"]
    assert (report["unmapped"], report["faults"], report["never"]) == ({}, [], [])
    assert set(report["mapped"]) >= REQUIRED
    (cell,) = validate([LOGS / f"{name}.jsonl"], reading=Reading(mapping=load(name))).cells
    assert cell.verdict is Verdict.HOLDS
    assert cell.lost == 0


def test_all_samples_tell_the_same_story() -> None:
    """Five loggers, one agent: the same kinds, prompts, threads, outcomes, at the same times to the millisecond."""
    stories, times = {}, {}
    for name in shipped():
        lines = [line for line in read(LOGS / f"{name}.jsonl", load(name)) if line.kind not in ("submitted", "note")]
        stories[name] = [told(line) for line in lines]
        times[name] = [line.time for line in lines]
    assert all(story == stories["slog"] for story in stories.values())
    assert all(each == pytest.approx(times["slog"], abs=0.002) for each in times.values())


def test_a_fault_in_a_foreign_log_is_found(tmp_path: Path) -> None:
    """The line that tells a waiter is taken out of each log without a sequence: its waiter hangs."""
    lines = (LOGS / "slog.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "slog.jsonl"
    path.write_bytes(b"".join(each for each in lines if b"completion published" not in each or b'"p2"' not in each))
    result = run("validate", "--mapping", "slog", str(path))
    assert result.exit_code == 1
    assert "no-hang: nothing can move any more, and nobody has told the waiter of p2" in result.stdout


def test_a_lost_line_of_a_numbered_log_is_no_fault(tmp_path: Path) -> None:
    """The same in a log with a sequence: the loss is said."""
    lines = (LOGS / "zap.jsonl").read_bytes().splitlines(keepends=True)
    path = tmp_path / "zap.jsonl"
    path.write_bytes(b"".join(each for each in lines if b'"request answered"' not in each or b'"p2"' not in each))
    result = run("validate", "--mapping", "zap", str(path))
    assert result.exit_code == 0
    assert "1 line lost of session s-77" in result.stdout


def test_what_cannot_be_mapped_is_counted_with_its_lines(tmp_path: Path) -> None:
    """Unknown messages, lines without a needed field, wrong words, no JSON: each with count or line, and exit code
    2."""
    mapping, log = tmp_path / "x.toml", tmp_path / "x.log"
    mapping.write_text(
        MINIMAL + '[[line]]\nmessage = "out"\nkind = "ended"\nfields = {outcome = "o"}\n[ignore]\npatterns = ["^dbg"]'
    )
    lines = ('{"m": "in", "p": "p1"}', '{"m": "dbg 1"}', '{"m": "what"}', '{"m": "what"}', '{"m": "in"}', "plain text",
             '{"m": "out", "p": "p1", "o": "fine"}', "[1]", '{"m": "out", "p": 7, "o": "failed"}')  # fmt: skip
    log.write_text("\n".join(lines) + "\n")
    result = run("validate", "--mapping", str(mapping), "--check-mapping", str(log), "--json")
    assert result.exit_code == 2
    (report,) = json.loads(result.stdout)["logs"]
    assert report["mapped"] == {"submit": 1, "ended": 1}
    assert report["unmapped"] == {"what": {"count": 2, "lines": [3, 4]}}
    assert report["ignored"] == 1
    assert [fault["line"] for fault in report["faults"]] == [5, 6, 7, 8]
    assert report["faults"][0]["expected"] == "a `submit` line with `prompt`"
    assert "UNMAPPED message 'what', lines 3, 4" in result.stderr


@pytest.mark.parametrize("options", [[], ["--conformance"], ["--follow", "--until-idle", "0"]])
def test_what_a_mapping_says_nothing_about_is_said_when_a_log_is_judged(options: list[str], tmp_path: Path) -> None:
    """A message that is neither mapped nor ignored may have been a step of the agent, whose absence then looks like a
    fault."""
    mapping, path = tmp_path / "x.toml", tmp_path / "slog.jsonl"
    text = (resources.files("everyturn.formats") / "mappings" / "slog.toml").read_text()
    mapping.write_text(text.replace('"prompt folded"', '"prompt merged"'))
    path.write_bytes((LOGS / "slog.jsonl").read_bytes())
    result = run("validate", *options, "--mapping", str(mapping), str(path))
    assert f"{path}: 1 line neither mapped nor ignored ('prompt folded'): see --check-mapping\n" in result.output


def test_a_time_that_cannot_be_read_is_no_time_in_silence(tmp_path: Path) -> None:
    """As with the wrong unit: said when the log is judged, and by `--check-mapping` with line numbers and exit code
    2."""
    mapping = tmp_path / "x.toml"
    text = (resources.files("everyturn.formats") / "mappings" / "slog.toml").read_text()
    mapping.write_text(text.replace('"rfc3339"', '"seconds"'))
    path = str(LOGS / "slog.jsonl")
    number = len(read(Path(path), load("slog")))
    result = run("validate", "--mapping", str(mapping), path)
    assert f"{path}: no time that can be read in {number} of the mapped lines: see --check-mapping\n" in result.stdout
    result = run("validate", "--mapping", str(mapping), "--check-mapping", path)
    assert (result.exit_code, f"{number}  UNREADABLE time, lines 1, 2, 3, 5, 6, …" in result.stdout) == (2, True)


def test_a_wrong_word_is_told_with_the_words_that_are_right(tmp_path: Path) -> None:
    """Not by what the decoder calls them."""
    mapping = tmp_path / "x.toml"
    text = (resources.files("everyturn.formats") / "mappings" / "slog.toml").read_text()
    mapping.write_text(text.replace('ok = "finished"', 'ok = "done"'))
    result = run("validate", "--mapping", str(mapping), str(LOGS / "slog.jsonl"))
    expected = "slog.jsonl:12: expected a `ended` line with `outcome`, finished or failed or cancelled; found 'done'\n"
    assert expected in result.stderr


WRONG: Final = {
    "no TOML": ("x = ", "Invalid value"),
    "empty": ("", "expected `name` and [fields]; found no name and no fields"),
    "no fields": ('name = "x"', "found no fields"),
    "a number for a kind": (MINIMAL.replace('"submit"', "[1]"), "found [1]"),
    "unknown kind that is always logged": ('kinds = ["submit", "begin"]\n' + MINIMAL, "found 'begin' in kinds"),
    "a number for lines": ('name = "x"\nline = 1\n[fields]\n', "Expected `array`"),
    "unknown key": (MINIMAL.replace("name =", "nme = 1\nname ="), "unknown field `nme`"),
    "no session": (MINIMAL.replace('session = "only"', ""), "expected `session`"),
    "no lines": (MINIMAL.partition("[[line]]")[0], "[[line]] tables"),
    "unknown kind": (MINIMAL.replace('"submit"', '"begin"'), "found 'begin' in [[line]] number 1"),
    "unknown field of ours": (MINIMAL.replace("prompt =", "promt ="), "found 'promt'"),
    "neither message nor pattern": (MINIMAL.replace('message = "in"', ""), "either `message` or `pattern`"),
    "a message twice": (MINIMAL + '[[line]]\nmessage = "in"\nkind = "ended"\n', "found 'in' twice"),
    "a message mapped and ignored": (MINIMAL + '[ignore]\nmessages = ["in"]', "found 'in' twice"),
    "broken pattern": (MINIMAL.replace('message = "in"', 'pattern = "("'), "pattern '('"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_mapping_is_one_clear_error(name: str) -> None:
    """What was expected, and the mapping's name."""
    text, said = WRONG[name]
    with pytest.raises(UsageError) as caught:
        parse(text, "mine.toml")
    assert "mine.toml" in str(caught.value)
    assert said in str(caught.value)


def test_a_mapping_that_is_not_there() -> None:
    """The shipped ones are named."""
    result = run("validate", "--mapping", "log4j", "x")
    assert (result.exit_code, "otel, slog, structlog, zap, zerolog" in result.stderr) == (2, True)


def test_fields_are_found_in_objects_and_lists_of_pairs() -> None:
    """By names that lead inwards; OpenTelemetry's values are unpacked."""
    record = {"a": {"b": 1}, "l": [{"key": "k", "value": {"intValue": "7"}}, {"key": "n"}], "s": {"stringValue": "x"}}
    paths = ("s", ("a", "b"), ("l", "k"), ("l", "n"), ("l", "z"), ("a", "b", "c"), "z")
    assert [find(record, path) for path in paths] == ["x", 1, "7", None, None, None, None]


def test_times_are_seconds() -> None:
    """In every unit; a time without zone is UTC; what is no time is none."""
    given = (("1970-01-01T00:00:01.5Z", "rfc3339"), ("1970-01-01T01:00:01+01:00", "rfc3339"),
             ("1970-01-01T00:00:02", "rfc3339"), (1500, "milliseconds"), ("2000000000", "nanoseconds"),
             ("soon", "rfc3339"), (None, "seconds"), ("1e999", "seconds"))  # fmt: skip
    found = [seconds(value, unit) for value, unit in given]  # type: ignore[arg-type]
    assert found == [1.5, 1.0, 2.0, 1.5, 2.0, None, None, None]


def test_every_kind_is_documented_for_those_who_instrument() -> None:
    """The page has a row for each kind of line, in the order of the code, with the moment when it is written."""
    page = (Path(__file__).parents[2] / "docs" / "instrumentation.md").read_text(encoding="utf-8")
    for kind, meaning in KINDS.items():
        assert f"| `{kind}` |" in page
        assert meaning.written in page
