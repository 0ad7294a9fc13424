"""Where the agent's own source decided a verdict (docs/divergences.md): each is pinned here, with the revision that differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from everyturn.check import check
from everyturn.engines.matching import Answer
from everyturn.logs.identify import identify
from everyturn.verdict import Verdict

ORIGINALS = ("d0", "d1", "d2", "d3", "d4")
RECORDINGS = Path(__file__).parents[2] / "recordings"


def refuted(revision: str, scope: str) -> set[str]:
    """The invariants that are refuted in a cell, ``conforms`` among them."""
    cell = check(revision, scope).cell
    names = {name for name, judged in cell.invariants.items() if judged.verdict is Verdict.REFUTED}
    assert cell.conforms is not None
    return names | ({"conforms"} if cell.conforms.verdict is Verdict.REFUTED else set())


# storing a step ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["A+1f", "A+x", "AA+1f", "A+1e+1f"])
@pytest.mark.parametrize("revision", ORIGINALS)
def test_a_finish_that_never_reaches_the_buffer_is_mended_by_no_flush(revision: str, scope: str) -> None:
    """Before the message is updated the session is read and saved; if that fails, the completion names an open message."""
    assert "state-before-notice" in refuted(revision, scope)


@pytest.mark.parametrize("scope", ["A+1f", "A+x", "AA+1f", "A+1e+1f", "A+1c+1f", "A+1t+1f", "A+1r+1f", "A+x+1f"])
def test_hardened_tries_to_store_the_message_before_anything_else(scope: str) -> None:
    """So that the flush mends it, whichever operation it was that failed."""
    assert refuted("hardened", scope) == set()


# who is told -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", ORIGINALS)
def test_a_notification_that_is_lost_leaves_a_prompt_without_a_turn_waiting(revision: str) -> None:
    """With a failure before the turn and a full buffer, nobody tells the client; the failure alone is told."""
    assert "no-hang" in refuted(revision, "A+1f+1l")
    assert "no-hang" not in refuted(revision, "A+1f")


@pytest.mark.parametrize("scope", ["A+1f+1l", "AI+1f+1l", "AA+1f+1l", "AA+1e+1l"])
def test_no_promise_of_hardened_rests_on_a_notification(scope: str) -> None:
    """A prompt that fails before its turn gets a completion that must be delivered."""
    assert refuted("hardened", scope) == set()


def test_an_error_of_a_cancel_on_entry_is_returned() -> None:
    """The thread that ran p1, and took over p2, notifies p1's client of p2's failed record."""
    judged = check("d4", "AA+1c+1f").cell.invariants["right-owner"]
    assert judged.verdict is Verdict.REFUTED


# hand-offs of the two oldest revisions ------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", ["d0", "d1"])
def test_an_empty_hand_off_deletes_no_queue(revision: str) -> None:
    """What an in-process caller appends after the look stays in the queue: it is left behind, and not lost."""
    sentence = check(revision, "AI").cell.invariants["nothing-lost"].sentence
    assert "clean-rest" in refuted(revision, "AI")
    assert sentence


# summaries ---------------------------------------------------------------------------------------------------------


def test_a_shutdown_does_not_cancel_a_summary_that_has_not_begun() -> None:
    """It runs under its request's context: after the shutdown it may still take a prompt over, and run it."""
    assert "no-double-emit" in refuted("d1", "A+1s+x") | refuted("d4", "A+1s+x")


# a write that was made although it failed --------------------------------------------------------------------------


def kept_behind(run: int, message: str, before: str) -> Iterator[dict[str, Any]]:
    """The lines of one recorded run, with a message in the store whose write the recording says was refused."""
    lines = [json.loads(line) for line in (RECORDINGS / "d3-random.jsonl").read_text().splitlines()]
    yield lines[0]
    for line in lines[1:]:
        if line["run"] == run:
            if line["ev"] == "end":
                place = len(line["store"]) - line["store"][::-1].index(before) - 1
                line["store"].insert(place, message)
            yield line


@pytest.mark.parametrize(("run", "message", "before"), [(18, "u:p3", "a::canceled"), (18, "a::", "a::canceled")])
def test_a_write_that_was_interrupted_may_have_been_made(tmp_path: Path, run: int, message: str, before: str) -> None:
    """The message of a fold that failed as cancelled is in the store all the same: still a run of `d3`."""
    log = tmp_path / "run.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in kept_behind(run, message, before)))
    (told,) = identify([log], ("d3-locked-drain",)).runs
    assert told.tried[0].match.answer is (Answer.ACCEPTED if message.startswith("u:") else Answer.REFUSED)


@pytest.mark.parametrize("scope", ["A+1f", "Aa+1c", "A+1f+n", "Aa+1c+1f"])
def test_a_message_that_was_stored_by_a_failed_write_is_stored_once(scope: str) -> None:
    """`hardened` writes it no second time."""
    assert refuted("hardened", scope) == set()
