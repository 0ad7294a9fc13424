"""Traces and replay."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from everyturn.checking.fuzz import fuzz
from everyturn.cli import main
from everyturn.engines.simpy.replay import replay, replay_trace
from everyturn.errors import UsageError
from everyturn.runs import trace
from everyturn.verdicts.checker import Judge
from everyturn_impl.calls import Call
from everyturn_impl.revisions import REVISIONS
from everyturn_impl.revisions.d3_locked_drain import LockedDrain


@pytest.fixture(scope="module")
def written() -> bytes:
    """A trace of a hang at the parent revision."""
    failure = fuzz("d3", "AA+1c", runs=50, seed=1).failures["no-hang"]
    return trace.write(failure.run, engine="simpy", strategy="random-walk", seed=1, number=failure.number)


def lines(contents: bytes) -> list[bytes]:
    """A file's lines, with their ends."""
    return contents.splitlines(keepends=True)


def test_a_trace_that_was_written_is_judged_alike(written: bytes) -> None:
    """The file alone is enough to judge the run again: no agent is needed."""
    read = trace.parse(lines(written), "t")
    again = replay(read.header.token)
    assert Judge().run(read.steps()) == again.findings
    assert again.findings


def test_a_replayed_trace_is_the_same_bytes(written: bytes, tmp_path: Path) -> None:
    """Replaying a trace file and writing it gives the same file."""
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    first.write_bytes(written)
    replay(str(first)).write(second)
    assert first.read_bytes() == second.read_bytes()


def test_a_replay_that_strays_says_where(written: bytes, tmp_path: Path) -> None:
    """When the code has changed, the first step that differs is named."""
    path = tmp_path / "old.jsonl"
    rows = [msgspec.json.decode(line) for line in lines(written)]
    changed = next(row for row in rows[1:] if row["kind"] == "step" and row["data"]["step"] == 7)
    changed["data"]["operations"][0]["operation"] = "queue.peek"
    path.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    strayed = replay(str(path)).strayed
    assert strayed is not None
    assert "step 7" in strayed
    assert "queue.peek" in strayed


class LooksLate(LockedDrain):
    """Another version of the code: looks at the mark once more before it closes a reservation."""

    async def close(self, call: Call) -> None:
        """Look first."""
        await self.ports.mark.get()
        await super().close(call)


@pytest.mark.parametrize("command", ["shrink", "explain"])
def test_after_a_change_of_code_what_is_explained_is_another_run(
    command: str, written: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That is said, with where it left the recorded one: if it violates something all the same, and if nothing any
    more."""
    path = tmp_path / "old.jsonl"
    path.write_bytes(written)
    fixed = REVISIONS["d4-independent"]
    monkeypatch.setitem(REVISIONS, "d3-locked-drain", LooksLate)
    result = CliRunner().invoke(main, [command, str(path)])
    assert result.exit_code == 1
    assert result.stderr.startswith("everyturn: the replay leaves the recorded path at step ")
    monkeypatch.setitem(REVISIONS, "d3-locked-drain", fixed)
    result = CliRunner().invoke(main, [command, str(path), "--invariant", "no-hang"])
    assert result.exit_code == 2
    said = (
        r"everyturn: expected a run that violates no-hang; found one that violates [-, \w]+ \(the replay leaves .*\)\n"
    )
    assert re.fullmatch(said, result.stderr)


def test_a_trace_survives_a_change_of_code(written: bytes) -> None:
    """Steps go by thread and operation: replay goes round what is new, and still gets where the trace went."""
    read = trace.parse(lines(written), "t")

    again = replay_trace(read, ["no-hang"], LooksLate)
    assert again.strayed is not None
    assert "expected p" in again.strayed
    assert "mark.get" in again.strayed
    assert [finding.invariant for _, finding in again.findings] == ["no-hang"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: rows[:-1], "cut off"),
        (lambda rows: [*rows[:-1], rows[-1].rstrip(b"\n")], "cut off"),
        (
            lambda rows: [rows[0].replace(b"everyturn/trace/1", b"everyturn/trace/9"), *rows[1:]],
            "everyturn/trace/9",
        ),
        (lambda rows: [rows[0], rows[1].replace(b'"kind"', b'"kin"'), *rows[2:]], "t:2: "),
        (lambda rows: [rows[0], *rows[2:]], "expected seq 0, found 1"),
        (lambda rows: [rows[0], rows[1], b'{"seq":1,"time":0,"kind":"Exploded"}\n', *rows[3:]], "'Exploded'"),
        (lambda rows: [rows[0], b"\xff\xfe\n"], "t:2: "),
        (lambda rows: [], "empty file"),
        (lambda rows: [b'{"a":1}\n'], "field 'schema'"),
    ],
)
def test_a_broken_trace_is_one_clear_line(written: bytes, change: object, said: str) -> None:
    """What was expected, what was found, and the line."""
    with pytest.raises(UsageError) as error:
        trace.parse(change(lines(written)), "t")  # type: ignore[operator]
    assert said in str(error.value)
    assert "\n" not in str(error.value)


@given(st.lists(st.binary(max_size=60)))
def test_arbitrary_bytes_are_no_trace(rows: list[bytes]) -> None:
    """Nothing but UsageError."""
    with pytest.raises(UsageError):
        trace.parse(rows, "t")


@given(st.data())
def test_a_damaged_trace_is_read_or_refused(written: bytes, data: st.DataObject) -> None:
    """One changed byte anywhere: a trace or a UsageError, nothing else."""
    place = data.draw(st.integers(0, len(written) - 1))
    byte = data.draw(st.integers(0, 255))
    damaged = written[:place] + bytes([byte]) + written[place + 1 :]
    try:
        trace.parse(lines(damaged), "t")
    except UsageError as error:
        assert "t" in str(error)
