"""Whatever bytes a foreign file has, a command ends with a clean error that names it, or does what it says."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.nightly import thinned

from everyturn.campaigns.campaign import read_campaign
from everyturn.campaigns.known import read_failure
from everyturn.cli import main
from everyturn.errors import UsageError
from everyturn.studies.study import read_study

ROOT: Final = Path(__file__).parents[2]
RECORDING: Final = ROOT / "recordings" / "d3-silent-hand-off.jsonl"
SLOG: Final = Path(__file__).parent / "logs" / "slog.jsonl"
STUDY: Final = (
    b'title = "x"\nrevisions = ["d4"]\nhours = 0.01\nreplications = 1\n[arrivals]\nkind = "poisson"\nper_minute = 1.0\n'
    b'[cancels]\nper_hour = 1.0\n[latency.store]\nkind = "exponential"\nmean = 0.1\n[plot]\nkind = "bars"\n'
)
CAMPAIGN: Final = b"""
title = "x"
corpus = "known"
[[cells]]
revision = "d3"
scope = "AA"
strategy = "random-walk"
runs = 4
invariants = ["no-hang"]
"""
SEEDS: Final = {
    "log": ".jsonl", "itf": ".itf.json", "jepsen": ".jepsen", "edn": ".edn",
    "recording": ".jsonl", "trace": ".jsonl", "slog": ".jsonl", "mapping": ".toml", "study": ".toml",
    "campaign": ".toml", "failure": ".toml", "result": ".json", "index": ".campaign",
}  # fmt: skip
"""Kind of file → what its name ends with."""

COMMANDS: Final[dict[str, list[list[str]]]] = {
    "log": [["validate", "FILE"], ["convert", "FILE", "OUT.edn"]],
    "itf": [["convert", "FILE", "OUT.jsonl"]],
    "jepsen": [["convert", "FILE", "OUT.trace.json"]],
    "edn": [["validate", "FILE"], ["convert", "FILE", "OUT.itf"]],
    "recording": [["convert", "FILE", "OUT.shiviz"]],
    "trace": [["validate", "FILE"], ["convert", "FILE", "OUT.md"], ["replay", "FILE"],
              ["explain", "FILE", "--budget", "9"]],
    "slog": [["convert", "--mapping", "slog", "FILE", "OUT.jsonl"]],
    "mapping": [["convert", "--mapping", "FILE", str(SLOG), "OUT.jsonl"]],
    "study": [],
    "campaign": [],
    "failure": [],
    "result": [["diff", "FILE", "FILE"]],
    "index": [["diff", "FILE", "FILE"], ["merge", "FILE", "-o", "OUT"]],
}  # fmt: skip
"""Kind of file → commands that read it."""

READ: Final[dict[str, Callable[[Path], Any]]] = {
    "study": read_study,
    "campaign": read_campaign,
    "failure": read_failure,
}
"""Kinds that are read only, since what they ask for may take for ever."""

PIECES: Final = st.sampled_from(
    [b"0", b"-1", b"1e300", b"1e999", b"9" * 40, b"null", b"[]", b"{}", b'""', b'"\\ud800"', b"\xff", b"\0",
     b"[" * 99, b"NaN", b'"p9"', b'"m:C"', b'"' + b"a" * 300 + b'"', b"\n", b"}", b'"', b",", b":", b"#",
     b'{"#bigint":"x"}', b"\\", b";", b"\xe2\x80\xa8"]
)  # fmt: skip
EDITS: Final = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 60), PIECES | st.just(b"")), min_size=1, max_size=4
)
"""Where, how many bytes go, what comes in their place."""


@cache
def good(kind: str) -> bytes:
    """A file of a kind that can be read."""
    if kind in ("log", "itf", "jepsen", "edn"):
        with TemporaryDirectory() as folder:
            path = Path(folder, f"a{SEEDS[kind]}")
            assert CliRunner().invoke(main, ["convert", str(RECORDING), str(path)]).exit_code == 0
            return path.read_bytes()
    if kind == "mapping":
        return (ROOT / "sim" / "everyturn" / "formats" / "mappings" / "slog.toml").read_bytes()
    if kind in ("study", "campaign"):
        return {"study": STUDY, "campaign": CAMPAIGN}[kind]
    if kind in ("failure", "result", "index"):
        with TemporaryDirectory() as folder:
            file = Path(folder, "c.toml")
            file.write_bytes(CAMPAIGN)
            index, result, known = (Path(folder, name) for name in ("index", "result", "known"))
            words = ["campaign", str(file), "--jobs", "1", "--index", str(index), "--result", str(result), "--keep"]
            assert CliRunner().invoke(main, words).exit_code == 1
            return {"failure": next(known.iterdir()), "result": result, "index": index}[kind].read_bytes()
    trace = Path(__file__).parents[1] / "traces" / "L1-no-lost-cancel.jsonl"
    return {"recording": RECORDING, "slog": SLOG, "trace": trace}[kind].read_bytes()


def check_clean(kind: str, content: bytes) -> None:
    """No traceback and no internal error; what is wrong with a file is said with its name."""
    with TemporaryDirectory() as folder:
        file = Path(folder, f"foreign{SEEDS[kind]}")
        file.write_bytes(content)
        if kind in READ:
            with suppress(UsageError):
                READ[kind](file)
        for command in COMMANDS[kind]:
            words = [word.replace("FILE", str(file)).replace("OUT", f"{folder}/out") for word in command]
            result = CliRunner().invoke(main, words)
            assert "Traceback" not in result.stderr
            assert result.exit_code in (0, 1, 2, 4, 5), result.stderr
            if result.exit_code == 2:
                assert str(file) in result.stderr or (kind == "mapping" and str(SLOG) in result.stderr)
            if result.exit_code != 0 and command[0] == "convert":
                assert not any(each != file for each in Path(folder).iterdir())


@thinned(2)
@pytest.mark.parametrize("kind", SEEDS)
@given(edits=EDITS)
@settings(max_examples=25, deadline=None)
def test_an_edited_file_is_read_or_refused(kind: str, edits: list[tuple[float, int, bytes]]) -> None:
    """Pieces cut out of a good file, and others put in their place."""
    content = good(kind)
    for place, cut, piece in edits:
        at = int(place * len(content))
        content = content[:at] + piece + content[at + cut :]
    check_clean(kind, content)


@pytest.mark.parametrize("kind", SEEDS)
@given(content=st.binary(max_size=200))
@settings(max_examples=15, deadline=None)
def test_any_bytes_are_refused(kind: str, content: bytes) -> None:
    """Or read, if they happen to be a file of its kind."""
    check_clean(kind, content)


@pytest.mark.parametrize("kind", SEEDS)
def test_a_file_as_it_should_be_is_read(kind: str) -> None:
    """Else the tests above would test nothing."""
    with TemporaryDirectory() as folder:
        file = Path(folder, f"foreign{SEEDS[kind]}")
        file.write_bytes(good(kind))
        if kind in READ:
            assert READ[kind](file)
        for command in COMMANDS[kind]:
            words = [word.replace("FILE", str(file)).replace("OUT", f"{folder}/out") for word in command]
            assert CliRunner().invoke(main, words).exit_code in (0, 1), words
