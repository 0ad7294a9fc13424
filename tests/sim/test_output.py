"""Files are written whole or not at all, and no line is lost without a word."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from click.testing import CliRunner, Result

from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.files.reading import SCREEN
from everyturn.files.writing import replacing, written

HEADER: Final = '{"schema": "everyturn/log/1"}\n'
GOOD: Final = '{"kind": "submit", "session": "s", "prompt": "p1"}\n'


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments])


def breaks() -> Iterator[bytes]:
    yield b"new"
    raise UsageError("no more")


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    """Not a byte of it is changed, and what was written so far is gone; so is that of a file that was not there."""
    old = tmp_path / "old"
    old.write_bytes(b"old")
    for path in (old, tmp_path / "none", tmp_path / "none.gz"):
        with pytest.raises(UsageError, match="no more"):
            written(path, breaks())
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"old": b"old"}


def test_two_at_once_write_two_whole_files(tmp_path: Path) -> None:
    """Each has a file of its own beside; the last to end is what stays, and a reader meanwhile sees the old one."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    with replacing(path) as first:
        first.write(b"1" * 10)
        with replacing(path) as second:
            second.write(b"2" * 5)
            assert path.read_bytes() == b"old"
        first.write(b"1" * 10)
        assert path.read_bytes() == b"2" * 5
    assert path.read_bytes() == b"1" * 20
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_the_users_beside_is_not_touched(tmp_path: Path) -> None:
    """Whatever its name is."""
    mine = tmp_path / "a.part"
    mine.write_bytes(b"mine")
    written(tmp_path / "a", [b"x"])
    assert mine.read_bytes() == b"mine"


def test_permissions_stay(tmp_path: Path) -> None:
    """Those of the old file; a new one has what the umask leaves of 0666."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    written(path, [b"x"])
    before = os.umask(0o027)
    try:
        written(tmp_path / "b", [b"x"])
    finally:
        os.umask(before)
    assert [each.stat().st_mode & 0o777 for each in (path, tmp_path / "b")] == [0o640, 0o640]


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz", "zst"])
def test_compressed_files_are_the_same_bytes_each_time(ending: str, tmp_path: Path) -> None:
    """Neither the time nor a name is in them."""
    written(tmp_path / f"a.{ending}", [b"x" * 1000])
    written(tmp_path / f"b.{ending}", [b"x" * 1000])
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


@pytest.mark.parametrize(
    "bad", ["nonsense\n", '{"kind": "told", "session": "s", "prompt": "p1"}\n', "x" * 1_000_001 + "\n"]
)
def test_a_lost_line_keeps_the_old_file(bad: str, tmp_path: Path) -> None:
    """Exit code 2, what was lost and that nothing was written; with --lossy the rest is written, and the exit code is
    2."""
    source, target = tmp_path / "a.jsonl", tmp_path / "b.edn"
    source.write_text(HEADER + bad + GOOD)
    target.write_text("old")
    result = run("convert", source, target)
    assert (result.exit_code, target.read_text()) == (2, "old")
    first, last = result.stderr.splitlines()
    assert first.startswith(f"everyturn: {source}:2: expected ")
    assert last == f"everyturn: {target}: not written, since lines of {source} were lost; --lossy writes the others"
    assert (run("convert", "--strict", source, target).exit_code, target.read_text()) == (2, "old")
    assert run("convert", "--lossy", source, target).exit_code == 2
    assert target.read_text().count(":submit") == 1


@pytest.mark.parametrize("options", [(), ("--strict",)])
def test_lines_that_a_mapping_leaves_out_are_lost(options: tuple[str, ...], tmp_path: Path) -> None:
    """A mapping that does not fit loses all of them, and says so."""
    source, target = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    source.write_text('{"message": "hello"}\n' * 276)
    result = run("convert", *options, "--mapping", "slog", source, target)
    assert (result.exit_code, target.exists()) == (2, False)
    assert f"{source}: 276 lines neither mapped nor ignored" in result.stderr


def test_a_list_of_faults_ends_after_a_screen(tmp_path: Path) -> None:
    """With how many more there are."""
    source = tmp_path / "a.jsonl"
    source.write_text(HEADER + "nonsense\n" * 5000)
    told = run("convert", source, tmp_path / "b.edn").stderr.splitlines()
    assert len(told) == SCREEN + 2
    assert told[SCREEN] == f"everyturn: {5000 - SCREEN:,} more places that could not be read"


def test_a_format_that_is_only_written_is_said_to_be(tmp_path: Path) -> None:
    """With the file, in each command that reads."""
    path = tmp_path / "a.mmd"
    path.write_text("sequenceDiagram\n")
    for command in (("validate", path), ("convert", path, tmp_path / "b.edn")):
        result = run(*command)
        said = f"everyturn: {path}: 'mermaid': expected a format that is read, one of log, trace, "
        assert (result.exit_code, result.stderr.startswith(said)) == (2, True)
        assert result.stderr.endswith("; found one that is only written\n")
    assert "only written" in run("validate", "--from", "chrome", path).stderr


def test_names_of_files_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """Control characters and bytes that are no UTF-8 are escaped wherever a name is shown, in JSON documents too."""
    for name in (b"a\x1b[31m\r.jsonl", b"a\xff.jsonl"):
        path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
        Path(path).write_text(HEADER + GOOD + '{"kind": "rest", "session": "s"}\n' + "nonsense\n")
        for arguments in (("validate", path), ("validate", "--conformance", path), ("convert", path, path + ".edn")):
            result = run(*arguments)
            assert result.exit_code == 2
            assert "Traceback" not in result.output
            assert not set(result.output) & set("\x1b\r\udcff")
        assert json.loads(run("validate", "--json", path).stdout)["cells"][0]["file"].endswith(".jsonl")
