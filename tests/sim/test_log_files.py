"""Files as they come: compressed, endless lines, any bytes, out of order, growing, vanishing."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from backports import zstd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from everyturn.files.reading import MAX_LINE, LogFile, ReadingFault
from everyturn.formats.catalogue import FORMATS, reader
from everyturn.formats.everyturn_log import LogLine, Placed
from everyturn.formats.mapped_log import MappedReader
from everyturn.formats.mapping import load, shipped
from everyturn.logs.history import Reading
from everyturn.logs.log_judge import watch
from everyturn.logs.order import Gap, LineOrder
from everyturn.logs.validate import validate
from everyturn.verdicts.checker import select
from everyturn.verdicts.verdict import Verdict

HEADER: Final = b'{"schema":"everyturn/log/1","sequence":"session"}\n'
STORY: Final = (
    {"kind": "submit", "prompt": "p1", "run_id": "r1"},
    {"kind": "started", "prompt": "p1"},
    {"kind": "ended", "prompt": "p1", "outcome": "finished"},
    {"kind": "told", "prompt": "p1", "outcome": "finished"},
    {"kind": "rest"},
)


def story(session: str = "s", start: int = 0) -> list[bytes]:
    """The lines of a small sound log."""
    return [
        json.dumps({"session": session, "sequence": start + number} | fields).encode() + b"\n"
        for number, fields in enumerate(STORY)
    ]


def judge(path: Path, **reading: Any) -> tuple[dict[str, Verdict], list[str], list[ReadingFault]]:
    faults: list[ReadingFault] = []
    with LogFile(path) as file:
        found = watch(file, Reading(**reading), select(()), faults.append)
    verdicts = {name: judged.verdict for name, judged in found.cell.invariants.items()}
    return verdicts, found.remarks + ([str(found.broken)] if found.broken else []), faults


def written(folder: Path, *pieces: bytes) -> Path:
    path = folder / "a.jsonl"
    path.write_bytes(b"".join(pieces))
    return path


# compression --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("squeeze", [bytes, gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_compressed_logs_are_read_as_they_are(squeeze: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """By their first bytes, whatever their name; a log and a recording."""
    path = written(tmp_path, squeeze(HEADER + b"".join(story())))
    recording = tmp_path / "recording"
    recording.write_bytes(squeeze((Path(__file__).parents[2] / "recordings" / "d3-folded-run-id.jsonl").read_bytes()))
    validated = validate([path, recording])
    assert validated.unreadable == []
    assert [cell.verdict for cell in validated.cells] == [Verdict.HOLDS, *[Verdict.REFUTED] * 5]


@pytest.mark.parametrize("squeeze", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_cut_compressed_log_keeps_what_could_be_read(squeeze: Callable[[bytes], bytes], tmp_path: Path) -> None:
    """The error has file and line and what was expected; nothing is raised."""
    many = b"".join(b"".join(story(f"s{number}")) for number in range(3000))
    whole = squeeze(HEADER + many)
    _, remarks, _ = judge(written(tmp_path, whole[:-20]))
    assert any("a.jsonl:" in remark and "expected a whole" in remark for remark in remarks)


def test_standard_input_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``-``, also compressed."""
    for content in (HEADER + b"".join(story()), gzip.compress(HEADER + b"".join(story()))):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(content))))
        (cell,) = validate([Path("-")]).cells
        assert (cell.verdict, cell.events) == (Verdict.HOLDS, len(STORY))


# any bytes ----------------------------------------------------------------------------------------------------------

NASTY: Final = {
    "not JSON": b"hello\n",
    "no object": b"[1, 2]\n",
    "NaN": b'{"kind":"rest","session":"s","time":NaN}\n',
    "infinite": b'{"kind":"rest","session":"s","time":1e999}\n',
    "lone surrogate": b'{"kind":"rest","session":"\\ud800x"}\n',
    "not UTF-8": b'{"kind":"rest","session":"\xff"}\n',
    "deep": b"[" * 200_000 + b"\n",
    "deep in a field": b'{"kind":"rest","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}\n",
    "huge number": b'{"kind":"rest","session":"s","sequence":' + b"9" * 5000 + b"}\n",
    "negative sequence": b'{"kind":"rest","session":"s","sequence":-1}\n',
    "unknown kind": b'{"kind":"rests","session":"s"}\n',
    "unknown field": b'{"kind":"rest","session":"s","more":1}\n',
    "no session": b'{"kind":"rest"}\n',
    "no prompt": b'{"kind":"submit","session":"s"}\n',
    "endless name": b'{"kind":"submit","session":"s","prompt":"' + b"x" * 300 + b'"}\n',
    "NUL": b"\0\0\0\n",
    "too long": b'{"kind":"' + b"x" * (MAX_LINE + 10) + b'"}\n',
    "another schema": b'{"schema":"everyturn/log/9"}\n',
}


@pytest.mark.parametrize("name", NASTY)
def test_what_cannot_be_read_has_its_line_and_the_rest_goes_on(name: str, tmp_path: Path) -> None:
    """One fault, at line 4, in one short line; the story around it is judged, and nothing in it is a violation."""
    first, *rest = story()
    verdicts, _, faults = judge(written(tmp_path, HEADER, first, rest[0], NASTY[name], *rest[1:]))
    assert [fault.line for fault in faults] == [4]
    assert len(str(faults[0])) < 600
    assert Verdict.REFUTED not in verdicts.values()
    assert verdicts["no-hang"] is Verdict.HOLDS


def test_strict_stops(tmp_path: Path) -> None:
    """At the first line that cannot be read; no cell is claimed for that file."""
    path = written(tmp_path, HEADER, b"hello\n", *story())
    validated = validate([path, written(tmp_path / "..", HEADER)], strict=True)
    assert validated.cells == []
    assert validated.unreadable == [f"{path}:2: expected a JSON object in UTF-8; found 'hello'"]


def test_an_endless_line_costs_no_memory(tmp_path: Path) -> None:
    """128 MB in one line (in a small compressed file) are skipped in pieces."""
    path = tmp_path / "long.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(HEADER)
        for _ in range(128):
            file.write(b"x" * 1_000_000)
        file.write(b"\n" + b"".join(story()))
    tracemalloc.start()
    verdicts, _, faults = judge(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MAX_LINE
    assert [fault.expected for fault in faults] == [f"a line of at most {MAX_LINE} bytes"]
    assert verdicts["no-hang"] is Verdict.HOLDS


READABLE: Final = [name for name, format_ in FORMATS.items() if format_.reader]


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode), st.sampled_from(["", "whole", "header"]))
@example(b"[" * 5000, "")
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused_by_every_reader(content: bytes, frame: str) -> None:
    """No reader raises anything but :class:`UsageError`, and each says what it could not read."""
    from everyturn.errors import UsageError

    for name in [*READABLE, *shipped()]:
        faults: list[ReadingFault] = []
        file = _memory(
            HEADER + content if frame == "header" else b'{"states":[' + content + b"]}" if frame else content
        )
        try:
            found = (
                reader(name, file, faults.append) if name in READABLE else MappedReader(file, faults.append, load(name))
            )
            for placed in found:
                assert isinstance(placed.line, LogLine)
        except UsageError as error:
            assert str(error)


class _Memory(LogFile):
    """A file in memory."""

    def __init__(self, content: bytes) -> None:
        self.path, self.number, self.compression = Path("memory"), 0, None
        self._ahead = []
        self._file = io.BytesIO(content)


def _memory(content: bytes) -> LogFile:
    return _Memory(content)


LINES: Final = st.fixed_dictionaries(
    {"kind": st.sampled_from(["submit", "queued", "started", "ended", "told", "folded", "dropped", "rest"]),
     "session": st.sampled_from(["a", "b"])},
    optional={"prompt": st.sampled_from(["p1", "p2"]), "run_id": st.just("r"), "outcome": st.just("failed"),
              "turn": st.sampled_from(["p1", "p2"]), "thread": st.just("t"), "sequence": st.integers(0, 30)},
)  # fmt: skip


@given(st.lists(LINES, max_size=40), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_any_lines_in_any_order_are_judged(lines: list[dict[str, Any]], window: int) -> None:
    """Whatever an agent writes, the judge ends with a verdict for each invariant."""
    content = HEADER + b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    faults: list[ReadingFault] = []
    found = watch(_memory(content), Reading(window=window, at_rest=True), select(()), faults.append)
    assert len(found.cell.invariants) == 15
    assert found.broken is None


# order --------------------------------------------------------------------------------------------------------------


def ordered(numbers: list[int], window: int) -> tuple[list[int], list[tuple[int, int]], int]:
    """What comes out of an order by sequence: the numbers, the gaps, how many were repeated or too late."""
    emitted: list[int] = []
    gaps: list[Gap] = []
    order = LineOrder(
        lambda placed: emitted.append(placed.line.sequence or 0),
        gaps.append,
        lambda session: None,
        sequence="session",
        window=window,
    )
    for place, number in enumerate(numbers):
        order.see(Placed(place, LogLine(kind="rest", session="s", sequence=number)))
    order.flush()
    return emitted, [(gap.first, gap.last) for gap in gaps], order.repeated


def test_late_lines_within_the_window_are_put_in_order() -> None:
    """Lines that wait for others; nothing is lost."""
    assert ordered([0, 3, 1, 2, 5, 4], window=4) == ([0, 1, 2, 3, 4, 5], [], 0)


def test_lines_that_never_come_are_lost() -> None:
    """A gap is given up after the window, or at the end."""
    assert ordered([0, 1, 4, 5, 6, 7], window=2) == ([0, 1, 4, 5, 6, 7], [(2, 3)], 0)
    assert ordered([0, 2], window=10) == ([0, 2], [(1, 1)], 0)


def test_lines_that_come_after_they_were_given_up_are_left_out() -> None:
    """As are lines that repeat a number."""
    assert ordered([0, 2, 3, 4, 5, 1], window=2) == ([0, 2, 3, 4, 5], [(1, 1)], 1)
    assert ordered([0, 1, 1, 2, 0], window=5) == ([0, 1, 2], [], 2)


def test_a_sequence_that_begins_again_at_a_later_time_is_another_process() -> None:
    """Without a header, as in a foreign log: later than all before is neither a repeated line nor a late one."""
    emitted: list[int | None] = []
    restarts: list[str | None] = []
    order = LineOrder(
        lambda placed: emitted.append(placed.line.sequence), lambda gap: None, restarts.append, sequence="session"
    )
    for sequence, time in (
        (1, 2.0),
        (0, 1.0),
        (2, 3.0),
        (0, 1.0),
        (4, 9.0),
        (0, 10.0),
        (1, 11.0),
        (0, 10.0),
        (0, 11.0),
    ):
        order.see(Placed(0, LogLine(kind="rest", session="s", sequence=sequence, time=time)))
    order.flush()
    assert (emitted, restarts, order.repeated) == ([0, 1, 2, 4, 0, 1], ["s"], 3)


def test_a_log_may_begin_in_the_middle() -> None:
    """Numbers beyond the window do not wait for what came before; that something did is said by a gap without lines."""
    assert ordered([500, 502, 501], window=10) == ([500, 501, 502], [(500, 499)], 0)


@given(st.permutations(list(range(20))), st.sets(st.integers(0, 19)), st.integers(1, 25))
@settings(deadline=None)
def test_lines_come_out_in_order_and_nothing_is_forgotten(numbers: list[int], lost: set[int], window: int) -> None:
    """Every number comes out at most once and ascending; those that do not are in a gap, or counted as late."""
    given_ = [number for number in numbers if number not in lost]
    emitted, gaps, late = ordered(given_, window)
    assert emitted == sorted(set(emitted))
    assert len(emitted) + late == len(given_)
    missing = {number for first, last in gaps for number in range(first, last + 1)}
    assert missing.isdisjoint(emitted)
    if emitted:
        start = 0 if given_[0] < window else given_[0]  # a log may begin in the middle
        assert set(range(start, max(emitted) + 1)) == missing | set(emitted)


def test_lines_can_be_ordered_by_time() -> None:
    """A line waits for as many lines as the window has."""
    emitted: list[float | None] = []
    order = LineOrder(
        lambda placed: emitted.append(placed.line.time),
        lambda gap: None,
        lambda session: None,
        sequence=None,
        by_time=True,
        window=2,
    )
    for time in (1.0, 3.0, 2.0, 5.0, 4.0):
        order.see(Placed(0, LogLine(kind="rest", session="s", time=time)))
    order.flush()
    assert emitted == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_shuffled_lines_are_judged_as_if_in_order_and_losses_are_said(tmp_path: Path) -> None:
    """Within the window; a line that is missing is reported as lost, and is no violation."""
    lines = story("a") + story("b")
    verdicts, remarks, faults = judge(written(tmp_path, HEADER, *lines[::-1]))
    assert (remarks, faults, verdicts["no-hang"]) == ([], [], Verdict.HOLDS)
    path = written(tmp_path, HEADER, *lines[:3], *lines[4:])
    verdicts, remarks, _ = judge(path)
    assert remarks == [f"{path}: 1 line lost of session a, sequence 3, before line 5"]
    assert Verdict.REFUTED not in verdicts.values()


def test_a_new_process_is_told_from_a_new_file(tmp_path: Path) -> None:
    """After a second header, numbers that go on are the same process; numbers that begin anew are another, and what the
    first one left open is not held against it."""
    half = story()[:3]
    crashed = written(tmp_path, HEADER, *half, HEADER, *story())
    verdicts, remarks, _ = judge(crashed)
    assert (verdicts["no-hang"], remarks) == (Verdict.HOLDS, [])
    rotated = written(tmp_path, HEADER, *half, HEADER, story()[4].replace(b": 4", b": 3"))
    verdicts, _, _ = judge(rotated)
    assert verdicts["no-hang"] is Verdict.REFUTED
