"""A full disk ends no search and hides no verdict."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.sim.test_resumed_searches import DIFFERENT, Asked, _small_chunks, everything, saving, uninterrupted

from everyturn.cli import main
from everyturn.engines.coroutines.exploration import Limits
from everyturn.engines.explorer import between_chunks

__all__ = ["_small_chunks"]


def full(_: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_ends_no_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, the file is what it was, and the search goes on and saves when it can; what could not be saved at the
    end is said with what was found."""
    asked, file = Asked("d3", "AA", "dead"), tmp_path / "file"
    explorer = asked.begun()
    explorer.run(Limits(100), different=DIFFERENT, save=saving(explorer, file))
    before = file.read_bytes()
    monkeypatch.setattr(between_chunks, "SAVE_EVERY", 0.0)

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        found = explorer.run(Limits(300), different=DIFFERENT, save=saving(explorer, file))
    assert (found.stopped, str(found.unsaved)) == (
        "300 states",
        f"{file}: expected a file that can be written; found No space left on device",
    )
    assert f"everyturn: {found.unsaved}; the search goes on" in capsys.readouterr().err
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]
    assert explorer.run(different=DIFFERENT, save=saving(explorer, file)).unsaved is None
    again = asked.gone_on(file)
    assert again.run(different=DIFFERENT).complete
    assert everything(again) == everything(explorer) == uninterrupted(asked)


def test_a_full_disk_hides_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found is told; then why it is not in the file, with the exit code for that."""
    monkeypatch.setattr(os, "fsync", full)
    file = tmp_path / "file"
    done = CliRunner().invoke(main, ["check", "--revision", "d4", "--scope", "A", "--checkpoint", str(file)])
    assert "proved" in done.stdout
    assert done.stderr == f"everyturn: {file}: expected a file that can be written; found No space left on device\n"
    assert (done.exit_code, file.exists()) == (2, False)
