"""The reader of recordings says what is wrong with a log, and where, and never anything else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.sim.referee import judge_file

from everyturn.errors import UsageError
from everyturn.files.reading import MAX_LINE
from everyturn.formats.crush_dispatch import LogError, read_runs
from everyturn.formats.crush_lines import KINDS, AcceptCall, EndLine

RECORDINGS = Path(__file__).parents[2] / "recordings"
HEADER, BEGIN, *REST = (RECORDINGS / "d4-random.jsonl").read_bytes().splitlines(keepends=True)[:24]
ONE_RUN = [HEADER, BEGIN, *REST]
PROMPTS = "a prompt of the scenario (p1, p2, p3)"
RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def fails(folder: Path, content: bytes) -> LogError:
    """The error of a log that cannot be read."""
    path = folder / "log.jsonl"
    path.write_bytes(content)
    with pytest.raises(LogError) as caught:
        list(read_runs(path))
    assert str(caught.value) == (
        f"{path}:{caught.value.line}: expected {caught.value.expected}; found {caught.value.found}"
    )
    return caught.value


def line(**fields: Any) -> bytes:
    return json.dumps({"run": 0, "seq": 1, "t": 1} | fields).encode() + b"\n"


def without(raw: bytes, field: str) -> bytes:
    return json.dumps({name: value for name, value in json.loads(raw).items() if name != field}).encode() + b"\n"


CANCEL = {"ev": "cancel_call", "op": "cancel1"}
FAULTS = {
    "empty": (b"", 1, "a header with schema `crush-dispatch-trace/1`", "an empty file"),
    "another schema": (
        b'{"schema":"everyturn/trace/1"}\n',
        1,
        "schema `crush-dispatch-trace/1`",
        "'everyturn/trace/1'",
    ),
    "no header": (BEGIN, 1, "a field `schema`", "an object without it"),
    "header lacks a field": (without(HEADER, "revision"), 1, "a field `revision`", "an object without it"),
    "not an object": (HEADER + b"[]\n", 2, "`object`", "`array`"),
    "not JSON": (HEADER + b"begin p1\n", 2, "a JSON object in UTF-8", "'begin p1'"),
    "empty line": (HEADER + b"\n", 2, "a JSON object in UTF-8", "''"),
    "not UTF-8": (HEADER + b"\xff\xfe\n", 2, "a JSON object in UTF-8", r"'\ufffd\ufffd'"),
    "truncated": (HEADER + BEGIN[:20], 2, "a complete line", """the end of the file within '{"run":0,"seq":0,"t"'"""),
    "unknown event": (HEADER + BEGIN + line(ev="nap"), 3, f"`ev` to be one of {', '.join(KINDS)}", "'nap'"),
    "no event": (HEADER + BEGIN + line(op="c"), 3, "a field `ev`", "an object without it"),
    "missing field": (HEADER + BEGIN + line(ev="cancel_call"), 3, "a field `op`", "an object without it"),
    "unknown field": (HEADER + BEGIN + line(**CANCEL, who="me"), 3, "no other fields", "`who`"),
    "wrong type": (HEADER + BEGIN + line(ev="cancel_call", op=5), 3, "`str` at `$.op`", "`int`"),
    "nested wrong type": (
        HEADER + BEGIN.replace(b'"kind":"a"', b'"kind":7', 1),
        2,
        "`str` at `$.scenario.prompts[0].kind`",
        "`int`",
    ),
    "other value": (
        HEADER + BEGIN + line(ev="stream_end", thread="p1", turn="p1", step=1, how="well"),
        3,
        "a value that is allowed here",
        "enum value 'well' at `$.how`",
    ),
    "float": (HEADER + BEGIN + line(**CANCEL, t=1.5), 3, "`int` at `$.t`", "`float`"),
    "negative": (HEADER + BEGIN + line(**CANCEL, t=-1), 3, "`int` >= 0 at `$.t`", "another value"),
    "huge": (
        HEADER + BEGIN + line(**CANCEL, t=10**400),
        3,
        "`int` <= 9223372036854775807 at `$.t`",
        "another value",
    ),
    "too deep": (
        HEADER + BEGIN + b'{"run":' + b"[" * 100_000,
        3,
        "a flat JSON object",
        "one that is nested too deeply",
    ),
    "too long": (HEADER + b" " * (MAX_LINE + 1), 2, f"a line of at most {MAX_LINE} bytes", "a longer one"),
    "gap": (HEADER + BEGIN + line(**CANCEL, seq=2), 3, "`seq` 1", "2"),
    "starts late": (HEADER + line(**CANCEL), 2, "a run to start with a `begin` line", "a `cancel_call` line"),
    "two begins": (HEADER + BEGIN + BEGIN.replace(b'"seq":0', b'"seq":1'), 3, "a line of run 0", "a second `begin`"),
    "begin with another number": (
        HEADER + BEGIN.replace(b'"seq":0', b'"seq":3'),
        2,
        "`seq` 0 in the first line of a run",
        "3",
    ),
    "a run again": (
        HEADER + BEGIN + BEGIN.replace(b'"run":0', b'"run":1') + BEGIN,
        4,
        "the lines of a run together",
        "run 0 again",
    ),
    "after the end": (
        b"".join(ONE_RUN) + line(**CANCEL, seq=23),
        25,
        "a `begin` line, since this run has ended",
        "a line of run 0",
    ),
    "one name twice": (
        HEADER + BEGIN.replace(b'"id":"p2"', b'"id":"p1"'),
        2,
        "prompts with different names",
        "two of one name",
    ),
    "unknown prompt": (HEADER + BEGIN + line(ev="accept_call", prompt="p9"), 3, PROMPTS, "'p9'"),
    "unknown thread": (
        HEADER + BEGIN + line(ev="user_message", prompt="p1", thread="x", by="turn"),
        3,
        "a thread named after a prompt or an operation that was called",
        "'x'",
    ),
    "return without call": (
        HEADER + BEGIN + line(ev="cancel_return", op="c"),
        3,
        "`cancel` of c to be called before",
        "its return",
    ),
    "run id it cannot have": (
        HEADER + BEGIN + line(ev="accept_call", prompt="p1", run_id="r1"),
        3,
        "no run id for p1",
        "'r1'",
    ),
    "run id of nobody": (
        HEADER + BEGIN + line(ev="delivery", prompt="p2", run_id="r2", cancelled=False),
        3,
        "a run id that was submitted",
        "'r2'",
    ),
    "mode it cannot have": (
        HEADER + BEGIN + line(ev="run_call", prompt="p2", run_id="r2", mode="accepted"),
        3,
        "mode `in_process` for p2",
        "`accepted`",
    ),
    "fold without turn": (
        HEADER + BEGIN + line(ev="user_message", prompt="p1", thread="p2", by="fold"),
        3,
        "`turn` where, and only where, a message is folded",
        "fold",
    ),
    "end of no stream": (
        HEADER + BEGIN + line(ev="stream_end", thread="p1", turn="p1", step=1, how="finish"),
        3,
        "a stream of p1 that started on p1",
        "None",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_told_with_line_expected_and_found(fault: str, tmp_path: Path) -> None:
    """What is wrong with a log is told with its line, what was expected there and what was found."""
    content, number, expected, found = FAULTS[fault]
    error = fails(tmp_path, content)
    assert (error.line, error.expected, error.found) == (number, expected, found)


def test_lone_surrogates_and_not_a_number_are_not_json(tmp_path: Path) -> None:
    """What JSON or UTF-8 cannot hold is refused, even where other readers take it."""
    for wrong in (b'"cancel\\ud800"', b"NaN", b"1e400", b"Infinity"):
        raw = line(**CANCEL).replace(b'"cancel1"', wrong)
        assert fails(tmp_path, HEADER + BEGIN + raw).line == 3


@pytest.mark.parametrize("name", [".", "missing.jsonl"])
def test_what_cannot_be_opened_is_the_users_mistake(name: str, tmp_path: Path) -> None:
    """A folder or a missing file is told like any other fault of the input, as line 0."""
    with pytest.raises(UsageError, match=r": expected a file that can be read; found ") as caught:
        list(read_runs(tmp_path / name))
    assert isinstance(caught.value, LogError)


def test_runs_come_as_they_were_recorded() -> None:
    """A run has its header, its lines with their numbers, and says that it came to rest."""
    run = next(read_runs(RECORDINGS / "d4-random.jsonl"))
    assert (run.header.revision, run.begin.run, run.at_rest) == ("d4-independent", 0, True)
    assert [number for number, _ in run.logged] == list(range(2, 25))
    assert run.logged[4].event == AcceptCall(run=0, seq=4, t=2216349, prompt="p3")
    assert isinstance(run.logged[-1].event, EndLine)


def test_a_log_that_stops_between_two_lines_can_be_read(tmp_path: Path) -> None:
    """A log without its last lines is no fault; its last run is not at rest."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(ONE_RUN[:-3]))
    (run,) = read_runs(path)
    assert not run.at_rest


def test_a_header_alone_has_no_runs(tmp_path: Path) -> None:
    """A log of no runs is no fault of the log."""
    path = tmp_path / "log.jsonl"
    path.write_bytes(HEADER)
    assert list(read_runs(path)) == []


def only_log_errors(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        list(judge_file(path))
    except LogError as error:
        assert error.line >= 1


@RELAXED
@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_crash(tmp_path: Path, content: bytes) -> None:
    """Whatever the bytes, the reader yields runs or says what is wrong."""
    for start in (b"", HEADER, HEADER + BEGIN):
        only_log_errors(tmp_path / "log.jsonl", start + content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@RELAXED
@given(st.sampled_from(range(len(ONE_RUN))), st.data(), JSON)
def test_a_wrong_value_anywhere_never_crashes(tmp_path: Path, index: int, data: st.DataObject, value: object) -> None:
    """With any field of any line replaced by any JSON, a log is judged, or refused with a :class:`LogError`."""
    fields = json.loads(ONE_RUN[index])
    fields[data.draw(st.sampled_from([*fields, "extra"]))] = value
    changed = [*ONE_RUN[:index], json.dumps(fields).encode() + b"\n", *ONE_RUN[index + 1 :]]
    only_log_errors(tmp_path / "log.jsonl", b"".join(changed))


def renumbered(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(each | {"seq": seq}).encode() + b"\n" for seq, each in enumerate(lines))


EDITS: dict[str, Callable[[list[dict[str, Any]], int, int], None]] = {
    "remove": lambda lines, at, to: lines.__delitem__(at),
    "repeat": lambda lines, at, to: lines.insert(to, lines[at]),
    "move": lambda lines, at, to: lines.insert(to, lines.pop(at)),
}


@RELAXED
@given(st.lists(st.tuples(st.sampled_from(sorted(EDITS)), st.integers(1, 20), st.integers(1, 20)), max_size=4))
def test_lines_in_any_order_never_crash(tmp_path: Path, edits: list[tuple[str, int, int]]) -> None:
    """With lines removed, repeated and moved, a log is judged, or refused with a :class:`LogError`."""
    lines = [json.loads(each) for each in ONE_RUN[1:]]
    for name, at, to in edits:
        if at < len(lines):
            EDITS[name](lines, at, min(to, len(lines)))
    only_log_errors(tmp_path / "log.jsonl", HEADER + renumbered(lines))
