"""`everyturn validate`: recordings and our own traces, good, foreign, broken and interrupted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from everyturn.checking.fuzz import fuzz
from everyturn.formats import crush_dispatch
from everyturn.logs import validate
from everyturn.runs import trace
from everyturn.verdicts.verdict import Verdict

RECORDINGS = Path(__file__).parent.parent.parent / "recordings"
STEERED = RECORDINGS / "d3-folded-run-id.jsonl"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trace of our own with a hang in it."""
    failure = fuzz("d3", "AA+1c", runs=50, seed=1).failures["no-hang"]
    path = tmp_path_factory.mktemp("own") / "trace.jsonl"
    path.write_bytes(trace.write(failure.run, engine="simpy", strategy="random-walk", seed=1, number=failure.number))
    return path


def test_an_own_trace_is_judged_by_everything(own: Path) -> None:
    """All fifteen and the specification; each finding names a line of the file."""
    (cell,) = validate.validate([own], (), strict=False).cells
    assert cell.verdict is Verdict.REFUTED
    assert cell.conforms is not None
    assert cell.conforms.verdict is Verdict.REFUTED
    lines = len(own.read_bytes().splitlines())
    found = [judged.where for judged in (*cell.invariants.values(), cell.conforms) if judged.where is not None]
    assert found
    assert all(1 <= int(where.rsplit(":", 1)[1]) <= lines for where in found)


def test_only_the_asked_invariants_are_judged(own: Path) -> None:
    """`--invariant mission`, without conformance."""
    (cell,) = validate.validate([own], ["mission"], strict=False).cells
    assert list(cell.invariants) == ["no-hang", "no-double-emit", "no-fold-of-run-id"]
    assert cell.conforms is None


def test_a_trace_in_which_turns_of_two_prompts_have_one_name_is_named(tmp_path: Path) -> None:
    """Somebody has edited it, or it is of an agent that must not do so: what is said begins with the file."""
    failure = fuzz("d4", "AA", runs=50, seed=1).failures["prompt-notice"]
    written = trace.write(failure.run, engine="simpy", strategy="random-walk", seed=1, number=failure.number)
    first, second = dict.fromkeys(re.findall(rb'"kind":"TurnStarted".*?"turn":"(.*?)"', written))
    path = tmp_path / "edited.jsonl"
    path.write_bytes(written.replace(b'"turn":"%s"' % second, b'"turn":"%s"' % first))
    (said,) = validate.validate([path]).unreadable
    assert said.startswith(f"{path}: turn {first.decode()!r} begins for ")


def test_what_cannot_be_read_is_said_and_the_rest_goes_on(own: Path, tmp_path: Path) -> None:
    """File and reason for each; with strict, nothing after the first."""
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_bytes(b'{"schema":"x/9"}\n')
    lenient = validate.validate([foreign, tmp_path, tmp_path / "none", own], (), strict=False)
    assert len(lenient.cells) == 1
    assert len(lenient.unreadable) == 3
    assert "x/9" in lenient.unreadable[0]
    strict = validate.validate([foreign, own], (), strict=True)
    assert (len(strict.cells), len(strict.unreadable)) == (0, 1)


def test_a_cut_off_recording_keeps_its_whole_runs(tmp_path: Path) -> None:
    """The last line is half: the runs before it are judged, and the error has its line."""
    lines = STEERED.read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes(b"".join(lines[:40])[:-9])
    validated = validate.validate([cut], (), strict=False)
    assert validated.cells
    assert f"{cut}:40" in validated.unreadable[0]


def test_an_interruption_keeps_what_was_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after three runs: three cells, and it is said."""
    whole = crush_dispatch.read_runs

    def stopping(*source: Any) -> Iterator[Any]:
        for number, run in enumerate(whole(*source)):
            if number == 3:
                raise KeyboardInterrupt
            yield run

    monkeypatch.setattr(validate, "read_runs", stopping)
    validated = validate.validate([STEERED], (), strict=False)
    assert validated.interrupted
    assert len(validated.cells) == 3
