"""A log names what its agent promises, and is judged by that; whoever goes on with a log promises the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.sim.test_log_monitors import ALL, lines_of, refuted, watch

from everyturn.cli import main
from everyturn.formats.everyturn_log import LogHeader, Promised, encode
from everyturn.formats.mapping import parse
from everyturn.logs.conforming import conform
from everyturn.verdicts.verdict import Verdict
from everyturn_model.partial import PartialAnswer
from everyturn_model.promises import BUSY, CANCELS, FOLDS, Promises

TURN: Final = Promised(cancel="turn")
BUSY_WITH_1: Final = "submit p1; submitted p1; started p1 @a; message p1; submit p2; submitted p2; queued p2"
CANCEL: Final = "cancel_call c1; cancel_return c1"
STOPPED_1: Final = "ended p1 outcome=cancelled @a; told p1 outcome=cancelled @a"
RUNS_2: Final = "started p2 @a; stream_start p2; message p2; stream_end p2 how=finished; ended p2 outcome=finished @a"


def test_the_words_of_a_log_are_those_of_an_agent() -> None:
    """Each word that a class may name can stand in a header, and what is left out is promised."""
    assert Promised().promises == Promises()
    for cancel in CANCELS:
        assert Promised(cancel=cancel).promises == Promises(cancel=cancel)  # type: ignore[arg-type]
    for busy in BUSY:
        assert Promised(busy=busy).promises == Promises(busy=busy)  # type: ignore[arg-type]
    for folds in FOLDS:
        assert Promised(folds=folds).promises == Promises(folds=folds)


@pytest.mark.parametrize("cancel", ["turn", "nothing"])
def test_who_was_queued_may_run_where_cancel_spares_the_queue(cancel: Any) -> None:
    story = f"{BUSY_WITH_1}; {CANCEL}; {STOPPED_1}; {RUNS_2}; told p2 outcome=finished @a; rest"
    assert "no-lost-cancel" in refuted(story)
    assert refuted(story, promises=Promised(cancel=cancel)) == {}


def test_the_turn_that_was_active_must_not_go_on_by_a_new_stream() -> None:
    """Where Cancel ends the turn, that is judged as ever; where it promises nothing, it is not."""
    goes_on = f"{BUSY_WITH_1}; {CANCEL}; stream_start p1; stream_end p1 how=finished"
    assert "no-lost-cancel" in refuted(goes_on, promises=TURN)
    watched, found = watch(lines_of(goes_on), promises=Promised(cancel="nothing"))
    said = dict(watched.verdicts())["no-lost-cancel"]
    assert (found, said.verdict) == ([], Verdict.NOT_PROMISED)
    assert said.sentence == "the session does not promise that a Cancel ends anything"


def test_who_is_on_his_way_is_promised_only_by_the_whole() -> None:
    """Accepted, but neither queued nor started when Cancel began."""
    story = f"submit p1; submitted p1; {CANCEL}; started p1 @a; message p1; stream_start p1; stream_end p1 how=finished"
    assert "no-lost-cancel" in refuted(story)
    assert refuted(story, promises=Promised(cancel="turn and queue")) == {}
    queued = f"{BUSY_WITH_1}; {CANCEL}; {STOPPED_1}; {RUNS_2}"
    assert "no-lost-cancel" in refuted(queued, promises=Promised(cancel="turn and queue"))


def test_who_is_spared_is_not_dropped() -> None:
    """A Cancel that spares the queue must not drop who stood there; a ClearQueue may, and who had started may end."""
    dropped = f"{BUSY_WITH_1}; {CANCEL}; dropped p2"
    assert refuted(dropped) == {}
    assert refuted(dropped, promises=TURN) == {
        "no-poisoned-prompt": "p2 was queued, where Cancel spares it, and was dropped"
    }
    assert refuted(f"{BUSY_WITH_1}; {CANCEL}; clear_call q1; dropped p2", promises=TURN) == {}
    stopped = f"{BUSY_WITH_1}; ended p1 outcome=finished; started p2 @a; {CANCEL}; ended p2 outcome=cancelled"
    assert refuted(stopped, promises=TURN) == {}


def test_no_fold_where_nobody_folds() -> None:
    story = "submit p1; started p1 @a; submit q2; queued q2; folded q2 turn=p1"
    assert refuted(story) == {}
    assert "no-fold-of-run-id" in refuted(story, promises=Promised(folds=False))


def test_order_is_not_promised_where_a_busy_session_refuses() -> None:
    watched, _ = watch(lines_of(BUSY_WITH_1), promises=Promised(busy="refuse"))
    assert dict(watched.verdicts())["in-order"].verdict is Verdict.NOT_PROMISED


def answer(path: Path, story: str, **promises: Any) -> PartialAnswer:
    """What the specification says of a log with one busy period."""
    header = LogHeader(kinds=ALL, promises=Promised(**promises))
    path.write_bytes(encode(header) + b"".join(map(encode, lines_of(story))))
    (run,) = conform([path]).runs
    return run.matched.answer


def test_the_specification_goes_by_the_promises_as_well(tmp_path: Path) -> None:
    """A Cancel that spares the queue, a refusal while busy, and a fold."""
    log = tmp_path / "log"
    spared = (
        "submit p1; submitted p1; started p1 @a; message p1 by=turn; stream_start p1; submit p2; submitted p2; "
        f"queued p2; {CANCEL}; stream_end p1 how=cancelled; {STOPPED_1}; started p2 @a; message p2 by=turn; "
        "stream_start p2; stream_end p2 how=finished; ended p2 outcome=finished @a; told p2 outcome=finished @a; rest"
    )
    assert (answer(log, spared, cancel="turn"), answer(log, spared)) == (PartialAnswer.ACCEPTED, PartialAnswer.REFUSED)
    refused = (
        "submit p1; submitted p1; started p1 @a; message p1 by=turn; submit p2; refused p2; stream_start p1; "
        "stream_end p1 how=finished; ended p1 outcome=finished @a; told p1 outcome=finished @a; rest"
    )
    assert (answer(log, refused, busy="refuse"), answer(log, refused)) == (
        PartialAnswer.ACCEPTED,
        PartialAnswer.REFUSED,
    )
    fold = (
        "submit p1; submitted p1; started p1 @a; message p1 by=turn; submit q2; submitted q2; queued q2; "
        "folded q2 turn=p1; message q2 by=fold; stream_start p1; stream_end p1 how=finished; "
        "ended p1 outcome=finished @a; told p1 outcome=finished @a; rest"
    )
    assert (answer(log, fold), answer(log, fold, folds=False)) == (PartialAnswer.ACCEPTED, PartialAnswer.REFUSED)


def test_a_mapping_names_promises() -> None:
    text = 'name = "mine"\n[fields]\nsession = "s"\nkind = "k"\n[promises]\ncancel = "turn"\n'
    assert parse(text, "mine.toml").header.promises == TURN


# a log that is opened anew -------------------------------------------------------------------------------------------


def written(path: Path, *headers: LogHeader) -> Path:
    """A log that was opened once for each header; each time a prompt runs."""
    story = b"".join(
        encode(each) for each in lines_of("submit p1; started p1; ended p1 outcome=finished; told p1 outcome=finished")
    )
    path.write_bytes(b"".join(encode(each) + story for each in headers))
    return path


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (LogHeader(promises=TURN), "a header with the same `promises` as the first"),
        (LogHeader(kinds=frozenset({"submit", "rest"})), "a header with the kinds of line of the first"),
        (LogHeader(sequence="log"), "a header with the same `sequence` as the first"),
        (LogHeader(ordered=True), "a header with the same `ordered` as the first"),
    ],
)
def test_whoever_goes_on_with_a_log_claims_the_same(later: LogHeader, expected: str, tmp_path: Path) -> None:
    """What the first header says decides what is concluded, so lines under another one cannot be judged by it."""
    result = CliRunner().invoke(main, ["validate", str(written(tmp_path / "log", LogHeader(), later))])
    assert result.exit_code == 2
    assert f"{tmp_path / 'log'}:6: expected {expected}" in result.output


def test_more_kinds_of_line_may_come_later(tmp_path: Path) -> None:
    """An agent that was taught to log more."""
    more = LogHeader(agent="newer", kinds=ALL)
    result = CliRunner().invoke(main, ["validate", str(written(tmp_path / "log", LogHeader(), more)), "--exit-zero"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("options", [[], ["--from", "log"]])
def test_converting_keeps_every_header(options: list[str], tmp_path: Path) -> None:
    """Byte by byte: where a process ended and another began decides verdicts."""
    log = written(tmp_path / "a.jsonl", LogHeader(promises=TURN), LogHeader(agent="newer", promises=TURN))
    result = CliRunner().invoke(main, ["convert", *options, str(log), str(tmp_path / "b.jsonl")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "b.jsonl").read_bytes() == log.read_bytes()
