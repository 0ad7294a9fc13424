"""Partial logs against the specification: hidden steps are inferred, refusals name the guard, the budget is kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    Completed,
    Event,
    FailureCause,
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    Rest,
    Returned,
    SharedData,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummariseCalled,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.marks import RunCalled, Seen, SubmitCalled, SubmitReturned, WasQueued
from everyturn_model.partial import Matched, PartialAnswer, match_complete, match_partial

Told = Event | tuple[Event, str | None, str | None]
"""An event, with the prompt of its turn and the thread if it has some."""

CLEAN = SharedData()
REST = Rest(CLEAN)


def submit(prompt: str, *, run_id: bool = True) -> list[Told]:
    """The calls of an accepted prompt."""
    events = (SubmitCalled(prompt, run_id, True), SubmitReturned(prompt), RunCalled(prompt))
    return [(event, None, None) for event in events]


def turn(prompt: str, thread: str, how: StreamEnd = StreamEnd.FINISHED) -> list[Told]:
    """What a turn of one step shows."""
    events = (MessageWritten(prompt, Writer.TURN, prompt), StreamStarted(prompt), StreamEnded(prompt, how))
    return [(event, prompt, thread) for event in events]


def told(prompt: str, *, cancelled: bool = False, delivered: bool = True, thread: str = "t") -> Completed:
    """A completion."""
    return Completed(prompt, True, delivered, cancelled, False, thread)


def queued(prompt: str) -> list[Event]:
    """Its Run comes back at once."""
    return [WasQueued(prompt), Returned(prompt)]


def match(*parts: Event | Sequence[Told], budget: int = 5000) -> Matched:
    """Match a log; its places count from 1."""
    seen: list[tuple[Event, str | None, str | None]] = []
    for part in parts:
        for each in [part] if isinstance(part, Event) else part:
            seen.append(each if isinstance(each, tuple) else (each, None, None))
    return match_partial([Seen(place, *each) for place, each in enumerate(seen, 1)], budget)


def guards(matched: Matched) -> list[tuple[int, str]]:
    return [(refused.place, refused.guard) for refused in matched.refusals]


def test_hidden_steps_are_put_where_something_needs_them() -> None:
    """Queueing, taking out, the beginning and the end of a turn are inferred, each once and in the only order."""
    matched = match(
        submit("p1"),
        turn("p1", "p1"),
        submit("p2"),
        queued("p2"),
        told("p1", thread="p1"),
        turn("p2", "p1"),
        told("p2", thread="p1"),
        Returned("p1"),
        REST,
    )
    assert matched.answer is PartialAnswer.ACCEPTED
    hidden = [step.event for step in matched.explanation if step.hidden]
    assert hidden == [
        Submitted("p1", True, True),
        TurnStarted("p1", "p1", "p1"),
        Submitted("p2", True, True),
        Queued("p2"),
        TakenOut("p2"),
        TurnReleased("p1"),
        TurnStarted("p2", "p2", "p1"),
        TurnReleased("p2"),
    ]


def test_the_explanation_is_a_run_of_the_whole_log() -> None:
    """What was seen stands in the explanation in its order, and every hidden step within the places of the log."""
    matched = match(submit("p1"), turn("p1", "p1"), told("p1"), REST)
    seen = [step.place for step in matched.explanation if not step.hidden]
    assert seen == list(range(1, 9))
    assert [step.place for step in matched.explanation] == sorted(step.place for step in matched.explanation)


def test_a_waiter_that_nobody_told_is_refused_at_rest() -> None:
    """The longest prefix that fits is the log up to rest."""
    matched = match(submit("p1"), turn("p1", "p1"), Returned("p1"), REST)
    assert guards(matched) == [(8, "rest-all-told")]
    assert matched.refusals[0].prefix == 7


def test_a_folded_run_id_is_refused_where_its_message_shows() -> None:
    """Seen is the message; refused is the hidden fold. The waiter's hang is found all the same."""
    fold = MessageWritten("p2", Writer.FOLD, "p1")
    matched = match(
        submit("p1"),
        turn("p1", "p1", StreamEnd.TOOL),
        submit("p2"),
        queued("p2"),
        [(fold, "p1", "p1")],
        [(StreamStarted("p1"), "p1", "p1"), (StreamEnded("p1", StreamEnd.FINISHED), "p1", "p1")],
        told("p1"),
        REST,
    )
    assert guards(matched) == [(12, "no-run-id"), (16, "rest-all-told")]
    assert matched.refusals[0].needed[0].event == Folded("p2", "p1")


def test_a_prompt_without_run_id_may_be_folded() -> None:
    """The same log is accepted when nobody waits for the folded prompt."""
    matched = match(
        submit("p1"),
        turn("p1", "p1", StreamEnd.TOOL),
        submit("p2", run_id=False),
        queued("p2"),
        [(MessageWritten("p2", Writer.FOLD, "p1"), "p1", "p1")],
        [(StreamStarted("p1"), "p1", "p1"), (StreamEnded("p1", StreamEnd.FINISHED), "p1", "p1")],
        told("p1"),
        REST,
    )
    assert matched.answer is PartialAnswer.ACCEPTED


def test_overlapping_streams_are_refused() -> None:
    """The hidden start of the second turn has no place before the end of the first one's stream."""
    first, second = turn("p1", "p1"), turn("p2", "p2")
    matched = match(submit("p1"), submit("p2"), first[:2], second[:2], first[2:])
    assert guards(matched)[0] == (10, "nothing-active")


def test_a_thread_that_keeps_a_completion_starts_no_other_turn() -> None:
    """A message may be written before its turn; the stream cannot begin before it."""
    matched = match(
        submit("p1"),
        turn("p1", "p1"),
        submit("p2"),
        queued("p2"),
        told("p1", delivered=False, thread="p1"),
        turn("p2", "p1"),
    )
    assert guards(matched) == [(14, "start-holds-nothing")]


@pytest.mark.parametrize(("when", "answer"), [("after", PartialAnswer.REFUSED), ("before", PartialAnswer.ACCEPTED)])
def test_a_fold_may_be_decided_before_a_cancel_takes_effect(when: str, answer: PartialAnswer) -> None:
    """Its write, which fails, may come after the Cancel's return; not so if the prompt came after that return."""
    late: list[Told] = [*submit("p2", run_id=False), *queued("p2")]
    cancel: list[Event] = [CancelCalled("c", CLEAN), CancelReturned("c", CLEAN)]
    failed = MessageFailed("p2", Writer.FOLD, FailureCause.CANCELLED, "p1")
    own = [(MessageWritten("p1", Writer.TURN, "p1"), "p1", "p1")]
    middle = (cancel, late) if when == "after" else (late, cancel)
    matched = match(
        submit("p1"), own, *middle, [(failed, "p1", "p1")], told("p1", cancelled=True), Returned("p1", True), REST
    )
    assert matched.answer is answer


def test_a_queued_prompt_that_a_cancel_met_may_vanish() -> None:
    """Nobody logs that a prompt without run id was dropped: rest is explained by it, with a Cancel, and else
    refused."""
    lost: list[Told] = [*submit("p2", run_id=False), *queued("p2")]
    cancel: list[Event] = [CancelCalled("c", CLEAN), CancelReturned("c", CLEAN)]
    cancelled = turn("p1", "p1", StreamEnd.CANCELLED)
    assert (
        match(submit("p1"), lost, cancel, cancelled, told("p1", cancelled=True), REST).answer is PartialAnswer.ACCEPTED
    )
    refused = match(submit("p1"), lost, turn("p1", "p1"), told("p1"), REST)
    assert guards(refused) == [(13, "rest-queue-empty"), (13, "rest-all-ended")]
    assert {needed.guard for needed in refused.refusals[0].needed} >= {"rest-queue-empty", "drop-reached"}


def test_what_the_snapshot_shows_in_the_queue_was_not_dropped() -> None:
    """A Cancel could have dropped it, but there it stands."""
    rest = Rest(SharedData(queue=("p2",)))
    matched = match(
        submit("p2", run_id=False), queued("p2"), [CancelCalled("c", CLEAN), CancelReturned("c", CLEAN)], rest
    )
    assert [guard for _, guard in guards(matched)] == ["rest-queue-empty", "rest-all-ended", "rest-clean"]


def test_a_prompt_that_came_after_a_cancel_is_not_dropped() -> None:
    """The answer "cancelled" has no explanation: what would have been needed is named, with each guard."""
    cancel: list[Event] = [CancelCalled("c", CLEAN), CancelReturned("c", CLEAN)]
    matched = match(cancel, submit("p1"), queued("p1"), told("p1", cancelled=True))
    refused = matched.refusals[0]
    assert refused.guard == "ended"
    assert {needed.guard for needed in refused.needed} == {"ended", "drop-reached", "entry-reached"}


def test_a_submission_within_a_cancel_may_be_before_or_after_its_effect() -> None:
    """Call, Cancel, return: the prompt may end as cancelled, and may finish."""
    around: list[Told] = [
        SubmitCalled("p1", True, True),
        CancelCalled("c", CLEAN),
        CancelReturned("c", CLEAN),
        SubmitReturned("p1"),
        RunCalled("p1"),
    ]
    dropped = match(around, queued("p1"), told("p1", cancelled=True), REST)
    finished = match(around, turn("p1", "p1"), told("p1"), REST)
    assert (dropped.answer, finished.answer) == (PartialAnswer.ACCEPTED, PartialAnswer.ACCEPTED)


def test_the_order_of_queueing_is_searched() -> None:
    """Two open Runs: the one that came back later may have queued first, and then starts first."""
    holder: list[Told] = [*submit("p0"), *turn("p0", "p0")[:2]]
    both = [*submit("p1"), *submit("p2")]
    ends: list[Told] = [*turn("p0", "p0")[2:], (told("p0", thread="p0"), None, None)]
    after: list[Told] = [*ends, *turn("p2", "p0"), (told("p2", thread="p0"), None, None), *turn("p1", "p0")]
    overlapping = match(holder, both, queued("p1"), queued("p2"), after)
    one_by_one = match(holder, submit("p1"), queued("p1"), submit("p2"), queued("p2"), after)
    assert overlapping.answer is PartialAnswer.ACCEPTED
    assert guards(one_by_one)[0][1] == "first-in-line"


def test_a_spent_budget_is_undetermined_and_no_verdict() -> None:
    """One action fewer than the log takes: undetermined; as many: accepted."""
    parts = (submit("p1"), turn("p1", "p1"), told("p1"), REST)
    tried = match(*parts).tried
    assert match(*parts, budget=tried).answer is PartialAnswer.ACCEPTED
    assert match(*parts, budget=tried - 1).answer is PartialAnswer.UNDETERMINED


def test_a_refusal_found_within_the_budget_stays_one() -> None:
    """What was refused before the budget was spent is no less refused."""
    first, second = turn("p1", "p1"), turn("p2", "p2")
    parts = (submit("p1"), submit("p2"), first[:2], second[:2], first[2:], REST)
    least = next(budget for budget in range(1, 200) if match(*parts, budget=budget).refusals)
    assert match(*parts, budget=least).answer is PartialAnswer.REFUSED


def test_a_log_that_makes_no_sense_is_refused_not_raised() -> None:
    """An operation that returns without a call, a stream of a turn of nobody: left out, and said."""
    matched = match(CancelReturned("c", CLEAN), StreamEnded("p1", StreamEnd.FINISHED), SummariseCalled("s"), REST)
    assert matched.answer is PartialAnswer.REFUSED
    assert guards(matched)[0] == (1, "cancel-effective")


def test_a_prompt_may_have_begun_before_its_call_says_that_it_was_queued() -> None:
    """Another thread may take it out and run it before the call that queued it comes back."""
    matched = match(
        submit("p1"),
        submit("p2"),
        turn("p1", "p1"),
        told("p1", thread="p1"),
        turn("p2", "p1"),
        queued("p2"),
        told("p2", thread="p1"),
        Returned("p1"),
        REST,
    )
    assert matched.answer is PartialAnswer.ACCEPTED
    hidden = [step.event for step in matched.explanation if step.hidden]
    assert hidden.index(Queued("p2")) < hidden.index(TurnStarted("p2", "p2", "p1"))


def test_what_nobody_needs_is_not_guessed_in_a_complete_log() -> None:
    """A complete log tells every step: a turn that was not told of is not inferred, and the guard that misses it is
    named."""
    events = [Submitted("p1", True, True), StreamStarted("p1")]
    matched = match_complete(enumerate(events, 1))
    assert (matched.answer, guards(matched)) == (PartialAnswer.REFUSED, [(2, "stream-preparing")])
