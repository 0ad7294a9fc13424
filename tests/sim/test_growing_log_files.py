"""Logs that grow while they are read, are rotated, cut off, taken away and put back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.sim.test_log_files import HEADER, story, written

from everyturn.files.reading import MAX_LINE, LogFile, ReadingFault, Unreadable
from everyturn.formats.everyturn_log import LogHeader, LogLine, LogReader, encode
from everyturn.logs.growing_file import GrowingFile
from everyturn.logs.history import Reading
from everyturn.logs.log_judge import LogJudge
from everyturn.verdicts.checker import select
from everyturn.verdicts.verdict import Verdict


class Script:
    """Changes a file each time its reader has read it to the end; then there is silence."""

    def __init__(self, *changes: Callable[[], object]) -> None:
        self._changes = list(changes)

    def __call__(self) -> bool:
        if not self._changes:
            return False
        self._changes.pop(0)()
        return True


def follow(path: Path, *changes: Callable[[], object]) -> tuple[dict[str, Verdict], list[str], list[ReadingFault], int]:
    said: list[str] = []
    faults: list[ReadingFault] = []
    with GrowingFile(path, Script(*changes), said.append) as file:
        followed = LogJudge(file, Reading(), select(()), faults.append, said.append)
        assert followed.run() is None
        found = followed.end()
    return {name: each.verdict for name, each in found.cell.invariants.items()}, said, faults, found.cell.events or 0


def append(path: Path, *pieces: bytes) -> Callable[[], object]:
    def change() -> None:
        with path.open("ab") as file:
            file.write(b"".join(pieces))

    return change


def test_a_growing_log_is_followed(tmp_path: Path) -> None:
    """Also when a line comes in two halves."""
    path = written(tmp_path, HEADER)
    lines = story()
    changes = (append(path, *lines[:2]), append(path, lines[2][:9]), append(path, lines[2][9:], *lines[3:]))
    verdicts, said, faults, events = follow(path, *changes)
    assert (verdicts["no-hang"], said, faults, events) == (Verdict.HOLDS, [], [], 5)


def test_rotation_is_followed(tmp_path: Path) -> None:
    """The rest of the old file first, then the new one; the numbers go on."""
    path = written(tmp_path, HEADER)
    lines = story()

    def rotate() -> None:
        append(path, *lines[:3])()
        path.rename(tmp_path / "a.1")
        path.write_bytes(HEADER + b"".join(lines[3:]))

    verdicts, said, _, events = follow(path, rotate)
    assert said == [f"{path}: was rotated after line 4; reading on in the new file"]
    assert (verdicts["no-hang"], events) == (Verdict.HOLDS, 5)


def test_truncation_is_followed(tmp_path: Path) -> None:
    """Copied and truncated: reading goes on at the beginning."""
    path = written(tmp_path, HEADER, *story()[:3])
    verdicts, said, _, events = follow(path, lambda: path.write_bytes(b"".join(story()[3:])))
    assert said == [f"{path}: was truncated after line 4; reading on from its beginning"]
    assert (verdicts["no-hang"], events) == (Verdict.HOLDS, 5)


def test_a_log_that_comes_goes_and_comes_again(tmp_path: Path) -> None:
    """It is waited for; each is said once."""
    path = tmp_path / "a.jsonl"
    lines = story()
    changes = (
        lambda: None,
        lambda: path.write_bytes(HEADER + b"".join(lines[:3])),
        path.unlink,
        lambda: None,
        lambda: path.write_bytes(b"".join(lines[3:])),
    )
    verdicts, said, _, events = follow(path, *changes)
    assert said == [
        f"{path}: is not there; waiting for it",
        f"{path}: is gone after line 4; waiting for the next one",
        f"{path}: was rotated after line 4; reading on in the new file",
    ]
    assert (verdicts["no-hang"], events) == (Verdict.HOLDS, 5)


def test_an_endless_line_that_grows_is_skipped(tmp_path: Path) -> None:
    """It is reported once, when it is too long, and what follows it is read."""
    path = written(tmp_path, HEADER)
    half = b"x" * (MAX_LINE // 2 + 1)
    changes = (append(path, half), append(path, half), append(path, half, b"\n", *story()))
    verdicts, _, faults, events = follow(path, *changes)
    assert [(fault.line, fault.found) for fault in faults] == [(2, "a longer one")]
    assert (verdicts["no-hang"], events) == (Verdict.HOLDS, 5)


def test_a_log_that_vanishes_or_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """Without --follow: what was there when it was opened is judged, cleanly, and no more is asked for."""
    path = written(tmp_path, HEADER, *(line for number in range(2000) for line in story(f"s{number}")))
    for harm in (lambda: path.write_bytes(b""), path.unlink):
        path.write_bytes(HEADER + b"".join(line for number in range(2000) for line in story(f"s{number}")))
        faults: list[ReadingFault] = []
        with LogFile(path) as file:
            lines = iter(LogReader(file, faults.append, LogHeader()))
            first = next(lines)
            harm()
            read = [first, *lines]
        assert read
        assert len(faults) <= 1


def test_what_is_not_there_or_no_file(tmp_path: Path) -> None:
    """One clear error each."""
    for path in (tmp_path, tmp_path / "none", Path("a\0b")):
        with pytest.raises(Unreadable, match="expected a file that can be read"):
            LogFile(path)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    """A header and every field of a line."""
    header = LogHeader(agent="x", sequence="log", ordered=True, kinds=frozenset({"rest"}))
    line = LogLine(kind="told", session="s", time=1.5, sequence=0, prompt="p", run_id="r", outcome="failed", owner="q")
    with LogFile(written(tmp_path, encode(header), encode(line))) as file:
        log = LogReader(file, lambda fault: pytest.fail(str(fault)))
        log.read_header()
        assert (log.header, [placed.line for placed in log]) == (header, [line])
