"""What cannot be written, and what goes wrong within, is never taken for a verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from everyturn.cli import main

FULL = Path("/dev/full")
COMMANDS = (
    ["--help"],
    ["check", "--help"],
    ["list", "revisions"],
    ["check", "--revision", "d3", "--scope", "A"],
    ["convert", "recordings/d3-random.jsonl", "-", "--to", "log"],
)


def run(arguments: list[str], *, stdout: int, stderr: int = subprocess.PIPE) -> tuple[int, str | None]:
    """The exit code of a command in a process of its own, and what it said on standard error."""
    command = [sys.executable, "-m", "everyturn", *arguments]
    done = subprocess.run(command, stdout=stdout, stderr=stderr, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_closed_pipe_ends_a_command_as_the_signal_would(arguments: list[str]) -> None:
    """As in `everyturn … | head`: 128 + SIGPIPE, without a word and without a traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        assert run(arguments, stdout=stdout.fileno()) == (128 + signal.SIGPIPE, "")


@pytest.mark.skipif(not FULL.exists(), reason="expected a device that is always full")
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_a_full_disk_is_one_clear_line_and_exit_code_2(arguments: list[str]) -> None:
    """What was expected and what was found; a refuted revision does not exit with 1 then."""
    with FULL.open("wb") as stdout:
        code, said = run(arguments, stdout=stdout.fileno())
    expected = "everyturn: expected output that can be written; found: No space left on device\n"
    assert (code, said) == (2, expected)


@pytest.mark.skipif(not FULL.exists(), reason="expected a device that is always full")
@pytest.mark.parametrize(("arguments", "expected"), [(["check", "--nonsense"], 2), (["replay", "hello"], 2)])
def test_an_exit_code_does_not_depend_on_who_reads_the_error(arguments: list[str], expected: int) -> None:
    """A usage error stays one when standard error is full."""
    with FULL.open("wb") as stderr:
        assert run(arguments, stdout=subprocess.DEVNULL, stderr=stderr.fileno()) == (expected, None)


def test_what_nobody_expected_is_an_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 3, the traceback to report, and a last line that says so, all on standard error; 1 would mean
    refuted."""

    def broken(what: str) -> list[str]:
        raise ZeroDivisionError(f"while listing {what}")

    monkeypatch.setattr("everyturn.cli.listing.lines", broken)
    done = CliRunner().invoke(main, ["list", "revisions"])
    first, *_, error, last = done.stderr.splitlines()
    assert (done.exit_code, done.stdout) == (3, "")
    assert first == "Traceback (most recent call last):"
    assert error == "ZeroDivisionError: while listing revisions"
    assert last == f"everyturn: internal error: {error}"


def test_an_interruption_is_neither_a_verdict_nor_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C exits with 130."""

    def interrupted(what: str) -> list[str]:
        raise KeyboardInterrupt

    monkeypatch.setattr("everyturn.cli.listing.lines", interrupted)
    done = CliRunner().invoke(main, ["list", "revisions"])
    assert (done.exit_code, done.stderr) == (130, "everyturn: interrupted\n")
