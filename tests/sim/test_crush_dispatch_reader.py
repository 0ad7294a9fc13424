"""The reader of ``crush-dispatch-trace/1`` from both sides: real logs are read whole, and nothing else gets through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everyturn import trace
from everyturn.campaign import fuzz
from everyturn.errors import UsageError
from everyturn.formats.crush_dispatch import MAX_LINE, read_runs
from everyturn.validate import validate
from everyturn.verdict import Cell, Verdict

RECORDINGS = Path(__file__).parents[2] / "recordings"
NAMES = ("d3-random", "d4-random", "d3-folded-run-id", "d3-silent-hand-off")
REAL = (RECORDINGS / "d3-folded-run-id.jsonl").read_bytes().splitlines(keepends=True)
FIRST_RUN = REAL[:19]
SHARED_TMP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def count(path: Path) -> int:
    return sum(len(run.logged) for run in read_runs(path))


def edited(number: int, **changes: Any) -> bytes:
    """The first run with some fields of one line changed; a field that is ``...`` is taken out."""
    fields = json.loads(FIRST_RUN[number - 1]) | changes
    line = json.dumps({name: value for name, value in fields.items() if value is not ...}).encode() + b"\n"
    return b"".join([*FIRST_RUN[: number - 1], line, *FIRST_RUN[number:]])


def replaced(number: int, line: bytes) -> bytes:
    return b"".join([*FIRST_RUN[: number - 1], line, *FIRST_RUN[number:]])


WRONG = {
    "an empty file": (b"", 1, "found an empty file"),
    "not JSON": (replaced(5, b"what?\n"), 5, "expected a JSON object in UTF-8; found 'what?'"),
    "a blank line": (replaced(5, b"\n"), 5, "expected a JSON object in UTF-8"),
    "an array": (replaced(5, b"[]\n"), 5, "expected `object`; found `array`"),
    "an unknown kind": (edited(5, ev="dream"), 5, "expected `ev` to be one of begin, accept_call"),
    "no kind": (edited(5, ev=...), 5, "expected a field `ev`"),
    "an unknown field": (edited(5, colour="red"), 5, "expected no other fields; found `colour`"),
    "a missing field": (edited(5, mode=...), 5, "expected a field `mode`"),
    "a wrong type": (edited(5, prompt=7), 5, "expected `str` at `$.prompt`; found `int`"),
    "another mode": (edited(5, mode="psychic"), 5, "'psychic' at `$.mode`"),
    "another schema": (edited(1, schema="crush-dispatch-trace/2"), 1, "found 'crush-dispatch-trace/2'"),
    "a header without schema": (edited(1, schema=...), 1, "expected a field `schema`"),
    "a gap in seq": (edited(5, seq=4), 5, "expected `seq` 3; found 4"),
    "a run without begin": (b"".join([FIRST_RUN[0], *FIRST_RUN[2:]]), 2, "expected a run to start with a `begin`"),
    "a run in two parts": (b"".join([*FIRST_RUN, REAL[19].replace(b'"run":1', b'"run":0')]), 20, "found a line of run 0"),
    "a line that is cut off": (b"".join(FIRST_RUN)[:-30], 19, "expected a complete line; found the end of the file"),
    "a line that is too long": (replaced(5, b" " * MAX_LINE + FIRST_RUN[4]), 5, f"at most {MAX_LINE} bytes"),
    "no UTF-8": (replaced(5, FIRST_RUN[4].replace(b'"p1"', b'"\xff"')), 5, "expected a JSON object in UTF-8"),
    "NaN": (replaced(5, FIRST_RUN[4].replace(b'"t":61234', b'"t":NaN')), 5, "expected a JSON object in UTF-8"),
    "infinity": (replaced(5, FIRST_RUN[4].replace(b'"t":61234', b'"t":1e999')), 5, "expected "),
    "a negative time": (edited(5, t=-1), 5, "expected `int` >= 0 at `$.t`"),
    "a great number": (edited(5, t=2**64), 5, "expected "),
    "deep nesting": (replaced(5, b"[" * 100_000 + b"]" * 100_000 + b"\n"), 5, "expected "),
    "a deep field": (replaced(5, b'{"x":' * 50_000 + b"1" + b"}" * 50_000 + b"\n"), 5, ""),
    "a lone surrogate": (replaced(5, FIRST_RUN[4].replace(b'"p1"', rb'"\ud800"')), 5, "expected "),
    "an unknown prompt": (edited(5, prompt="p9"), 5, "expected a prompt of the scenario (p1, p2); found 'p9'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_log_is_one_clear_error(case: str, tmp_path: Path) -> None:
    """File and line, what was expected, what was found; the line's end is near, whatever it holds."""
    contents, line, said = WRONG[case]
    path = tmp_path / "log.jsonl"
    path.write_bytes(contents)
    with pytest.raises(UsageError) as caught:
        count(path)
    message = str(caught.value)
    assert message.startswith(f"{path}:{line}: expected ")
    assert said in message
    assert len(message) < 700
    assert "\n" not in message
