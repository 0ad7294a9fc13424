"""Where the agent's own source decided a verdict (docs/divergences.md): each is pinned here, with the revision that
differs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.nightly import thinned

from everyturn.checking.check import check
from everyturn.engines.explorer.exhaustive import Explorer
from everyturn.engines.simpy.kernel import simulate
from everyturn.logs.identify import identify
from everyturn.logs.matching import MatchAnswer
from everyturn.strategies.fifo import Fifo
from everyturn.verdicts.checker import Judge
from everyturn.verdicts.verdict import Verdict
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import CancelledOnEntry, ErrorNotified, Event
from everyturn_model.invariants import Invariant, Kind, Violated
from everyturn_model.lifecycle import Ledger

ORIGINALS = ("d0", "d1", "d2", "d3", "d4")
RECORDINGS = Path(__file__).parents[2] / "recordings"


def refuted(revision: str, scope: str) -> set[str]:
    """The invariants that are refuted in a cell, ``conforms`` among them."""
    cell = check(revision, scope).cell
    names = {name for name, judged in cell.invariants.items() if judged.verdict is Verdict.REFUTED}
    assert cell.conforms is not None
    return names | ({"conforms"} if cell.conforms.verdict is Verdict.REFUTED else set())


# storing a step ----------------------------------------------------------------------------------------------------


@thinned(4)
@pytest.mark.parametrize("scope", ["A+1f", "A+x", "AA+1f", "A+1e+1f"])
@pytest.mark.parametrize("revision", ORIGINALS)
def test_a_finish_that_never_reaches_the_buffer_is_mended_by_no_flush(revision: str, scope: str) -> None:
    """Before the message is updated the session is read and saved; if that fails, the completion names an open
    message."""
    assert "state-before-notice" in refuted(revision, scope)


@thinned(2)
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


def notified_though_cancelled(seen: frozenset[str], event: Event, ledger: Ledger) -> frozenset[str] | Violated:
    """An error notification about a prompt that was cancelled on entry."""
    match event:
        case CancelledOnEntry(prompt=prompt):
            return seen | {prompt}
        case ErrorNotified(prompt=prompt) if prompt in seen:
            return Violated(f"{prompt} was cancelled on entry, and its client is notified of an error")
    return seen


@pytest.mark.parametrize("revision", ["d1", "d2", "d3", "d4"])
def test_a_failed_record_of_a_cancel_on_entry_is_returned(revision: str) -> None:
    """So that the server notifies; at `d1` nothing else is told, at the others a completion comes before."""
    monitor = Invariant("not-notified", "None is.", Kind.ALWAYS, notified_though_cancelled, frozenset())
    found = Explorer(World(Scope.parse("A+1c+1f"), revision), Judge((monitor,), conformance=False)).run()
    assert set(found.violations) == {"not-notified"}


# hand-offs of the two oldest revisions ------------------------------------------------------------------------------


def accesses(revision: str, scope: str) -> list[str]:
    """The session's accesses to queue and mark in a run, in order."""
    run = simulate(World(Scope.parse(scope), revision), Fifo())
    made = [str(each.operation) for step in run.steps for each in step.operations]
    return [name for name in made if name.startswith(("queue.", "mark."))]


DRAINS = {"d0": ["queue.get", "queue.delete"], "d1": ["mark.get", "queue.get", "queue.delete"]}
HAND_OFFS = {"d0": ["queue.get"], "d1": ["mark.get", "queue.get", "mark.delete"]}


@pytest.mark.parametrize("revision", ["d0", "d1"])
def test_an_empty_hand_off_deletes_no_queue_and_a_drain_no_flag(revision: str) -> None:
    """`d1` looks at the flag first, in both; when it enters, and on the way out."""
    entry = [] if revision == "d0" else ["mark.get"]
    assert accesses(revision, "A") == [*entry, *DRAINS[revision], *HAND_OFFS[revision]]


# summaries ---------------------------------------------------------------------------------------------------------


def test_a_shutdown_does_not_cancel_a_summary_that_a_client_asked_for() -> None:
    """It runs under its request's context, and so does what it takes over: told as dropped, and finished."""
    assert "no-double-emit" in refuted("d4", "A+1s+x")
    assert "no-double-emit" not in refuted("d4", "A+1s")


@pytest.mark.parametrize("scope", ["A+1s+x", "A+1s+1f", "A+1c+1s", "A+1c+1t+u", "A+1s+1c+1f"])
def test_hardened_holds_with_summaries(scope: str) -> None:
    """All fifteen, and conformance."""
    assert refuted("hardened", scope) == set()


def test_a_summary_flushes_what_others_left_in_the_buffer() -> None:
    """On every way out, under its caller's context."""
    run = simulate(World(Scope.parse("A+1s"), "d4"), Fifo())
    made = [(each.thread, str(each.operation)) for step in run.steps for each in step.operations]
    assert ("summarise1", "store.flush_under") in made


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
    assert told.tried[0].match.answer is (MatchAnswer.ACCEPTED if message.startswith("u:") else MatchAnswer.REFUSED)


@thinned(2)
@pytest.mark.parametrize("scope", ["A+1f", "Aa+1c", "A+1f+n", "Aa+1c+1f"])
def test_a_message_that_was_stored_by_a_failed_write_is_stored_once(scope: str) -> None:
    """`hardened` writes it no second time."""
    assert refuted("hardened", scope) == set()
