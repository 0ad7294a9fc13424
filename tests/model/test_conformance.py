"""Complete logs against the specification: what conforms, what does not, and how little has to be remembered."""

from __future__ import annotations

import pytest

from everyturn_model.candidates import Bounds
from everyturn_model.conformance import Belief, Matcher, Refusal
from everyturn_model.events import (
    CancelCalled,
    CancelledOnEntry,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Completed,
    Dropped,
    DropReason,
    Event,
    FinalStored,
    Folded,
    MessageWritten,
    Queued,
    Rest,
    Returned,
    SharedData,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.exploration import explore
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect

CLEAN = SharedData()
COVERED = DropReason.COVERED


def guard(belief: Belief) -> str | None:
    refusal = Matcher.refusal(belief)
    return None if refusal is None else refusal.guard


def turn(name: str, prompt: str, thread: str, how: StreamEnd = StreamEnd.FINISHED) -> tuple[Event, ...]:
    """A turn of one step, from its start to the moment before it is released."""
    message = f"m-{name}"
    return (
        TurnStarted(name, prompt, thread),
        MessageWritten(prompt, Writer.TURN, name),
        StepPrepared(name, message),
        StreamStarted(name),
        StreamEnded(name, how),
        FinalStored(name, message),
    )


def told(prompt: str, thread: str, name: str, *, kept: bool = False, error: bool = False) -> Completed:
    return Completed(prompt, True, not kept, False, error, thread, f"m-{name}", prompt)


SUBMIT_1 = Submitted("p1", run_id=True, accepted=True)
SUBMIT_2 = Submitted("p2", run_id=True, accepted=True)
PLAIN_2 = Submitted("p2", run_id=False, accepted=True)
CALLED, RETURNED = CancelCalled("c", CLEAN), CancelReturned("c", CLEAN)


def test_a_hand_off_on_one_thread_conforms() -> None:
    """A turn tells its own waiter, then runs the next prompt on the same thread; later frames release it once more."""
    log = (
        *(SUBMIT_1, *turn("t1", "p1", "p1")[:-2], SUBMIT_2, Queued("p2"), *turn("t1", "p1", "p1")[-2:]),
        *(TurnReleased("t1"), TakenOut("p2"), Returned("p2"), told("p1", "p1", "t1")),
        *(*turn("t2", "p2", "p1"), TurnReleased("t2"), told("p2", "p1", "t2"), TurnReleased("t2"), TurnReleased("t1")),
        *(Returned("p1"), Rest(CLEAN)),
    )
    assert guard(Matcher.match(log)) is None


def test_a_hand_off_on_another_thread_conforms() -> None:
    """Nothing says that the hand-off is a recursion: another thread may start before the first one has told."""
    log = (
        *(SUBMIT_1, SUBMIT_2, Queued("p2"), *turn("t1", "p1", "p1"), TurnReleased("t1"), TakenOut("p2")),
        *(*turn("t2", "p2", "worker"), told("p1", "p1", "t1"), TurnReleased("t2"), told("p2", "worker", "t2")),
        Rest(CLEAN),
    )
    assert guard(Matcher.match(log)) is None


def test_a_completion_kept_behind_the_next_turn_does_not_conform() -> None:
    """A hook that keeps a completion while its thread runs somebody else's turn is refused at that turn's start."""
    log = (
        *(SUBMIT_1, SUBMIT_2, Queued("p2"), *turn("t1", "p1", "p1"), TurnReleased("t1"), TakenOut("p2")),
        *(told("p1", "p1", "t1", kept=True), TurnStarted("t2", "p2", "p1")),
    )
    assert guard(Matcher.match(log)) == "start-holds-nothing"


def test_an_in_process_prompt_may_write_before_it_starts() -> None:
    """A local caller writes the user message first and sets active afterwards."""
    local = Submitted("p1", run_id=True, accepted=False)
    begin, write, *rest = turn("t1", "p1", "p1")
    log = (local, write, begin, *rest, TurnReleased("t1"), told("p1", "p1", "t1"), Returned("p1"), Rest(CLEAN))
    assert guard(Matcher.match(log)) is None


def test_a_failed_turn_may_tell_before_it_is_released() -> None:
    """After an error the completion is out before the session is idle."""
    log = (SUBMIT_1, *turn("t1", "p1", "p1", StreamEnd.ERROR), told("p1", "p1", "t1", error=True), TurnReleased("t1"))
    assert guard(Matcher.match((*log, Returned("p1", failed=True), Rest(CLEAN)))) is None


def test_a_turn_that_is_summarised_continues_as_the_same_prompt() -> None:
    """Released, summarised, queued again with a reworded message, and told once, at the end of its last turn."""
    first = turn("t1", "p1", "p1")
    log = (
        *(SUBMIT_1, *first[:4], StreamEnded("t1", StreamEnd.TOOL, full=True), first[-1], TurnReleased("t1")),
        *(SummaryStarted("s", "p1", "t1"), SummaryStreamEnded("s", StreamEnd.FINISHED), SummaryReleased("s")),
        *(Queued("p1"), SummaryReleased("s"), TakenOut("p1"), *turn("t2", "p1", "p1")),
        *(TurnReleased("t2"), told("p1", "p1", "t2"), Returned("p1"), Rest(CLEAN)),
    )
    assert guard(Matcher.match(log)) is None


@pytest.mark.parametrize("released", [True, False])
def test_one_retry_after_an_unauthorised_error_conforms(released: bool) -> None:
    """The retry may be a new turn of the prompt's own thread or a new stream of the same turn; a second one may not."""
    again = TurnStarted("t2", "p1", "p1")
    retry = (TurnReleased("t1"), again, StreamStarted("t2")) if released else (StreamStarted("t1"),)
    name = "t2" if released else "t1"
    log = (SUBMIT_1, *turn("t1", "p1", "p1", StreamEnd.UNAUTHORISED), *retry, StreamEnded(name, StreamEnd.UNAUTHORISED))
    belief = Matcher.match(log)
    assert guard(belief) is None
    third = (TurnReleased("t2"), TurnStarted("t3", "p1", "p1")) if released else (StreamStarted("t1"),)
    assert guard(Matcher.match(third, belief)) == ("start-may-return" if released else "stream-preparing")


# hidden effects ---------------------------------------------------------------------------------------------------


def test_a_cancel_may_take_effect_before_or_after_a_submission() -> None:
    """What is submitted while a Cancel is under way may be dropped by it, or may be folded and finish."""
    within = Matcher.match((CALLED, PLAIN_2, Queued("p2"), RETURNED, TakenOut("p2")))
    assert guard(Matcher.advance(within, Dropped("p2", COVERED))) is None
    host = Matcher.match((SUBMIT_1, *turn("t1", "p1", "p1")[:2]), within)
    assert guard(Matcher.advance(host, Folded("p2", "t1"))) is None


def test_a_cancel_has_taken_effect_when_it_returns() -> None:
    """What was submitted before the call is doomed at the return, wherever it was meanwhile: it is not folded."""
    before = Matcher.match((PLAIN_2, CALLED, Queued("p2"), RETURNED, TakenOut("p2")))
    assert guard(Matcher.advance(before, Dropped("p2", COVERED))) is None
    host = Matcher.match((SUBMIT_1, *turn("t1", "p1", "p1")[:2]), before)
    assert guard(Matcher.advance(host, Folded("p2", "t1"))) == "fold-not-doomed"


def test_a_cancel_does_not_reach_what_comes_after_its_return() -> None:
    """A prompt that was submitted after every Cancel had returned is not dropped and not cancelled on entry."""
    after = Matcher.match((CALLED, RETURNED, SUBMIT_1))
    assert guard(Matcher.advance(after, CancelledOnEntry("p1"))) == "entry-reached"


def test_a_cancel_may_be_several_steps() -> None:
    """It may cancel the active turn, let somebody submit, and then cover that one too."""
    log = (
        *(SUBMIT_1, *turn("t1", "p1", "p1")[:4], CALLED, StreamEnded("t1", StreamEnd.CANCELLED), SUBMIT_2, RETURNED),
        *(CancelledOnEntry("p2"), MessageWritten("p2", Writer.CANCEL_ON_ENTRY)),
    )
    assert guard(Matcher.match(log)) is None


def test_a_clear_may_take_effect_before_or_after_a_queueing() -> None:
    """What enters the queue during a clear may be dropped or stay; what was there and stayed must be dropped."""
    during = Matcher.match((SUBMIT_1, ClearCalled("q"), Queued("p1"), ClearReturned("q"), TakenOut("p1")))
    assert guard(Matcher.advance(during, Dropped("p1", DropReason.CLEARED))) is None
    assert guard(Matcher.advance(during, TurnStarted("t1", "p1", "p1"))) is None
    there = Matcher.match((SUBMIT_1, Queued("p1"), ClearCalled("q"), ClearReturned("q"), TakenOut("p1")))
    assert guard(Matcher.advance(there, Dropped("p1", DropReason.CLEARED))) is None
    assert guard(Matcher.advance(there, TurnStarted("t1", "p1", "p1"))) == "start-not-cleared"


@pytest.mark.parametrize("bounds", [Bounds("A", cancels=1), Bounds("a", cancels=1), Bounds("A", clears=1)], ids=str)
def test_putting_hidden_effects_off_loses_no_run(bounds: Bounds) -> None:
    """Whatever the specification allows in a state that some hidden effect led to, the matcher allows as well."""
    explored = explore(bounds)
    beliefs: dict[int, Belief] = {}
    refused = []
    for edge in explored.edges:
        if isinstance(edge.event, CancelTakesEffect | ClearTakesEffect):
            continue
        if edge.source not in beliefs:
            beliefs[edge.source] = Matcher.match(_visible(explored.run_to(edge.source)))
        if isinstance(Matcher.advance(beliefs[edge.source], edge.event), Refusal):
            refused.append(edge)
    assert refused == []


def _visible(run: tuple[Event, ...]) -> tuple[Event, ...]:
    return tuple(event for event in run if not isinstance(event, CancelTakesEffect | ClearTakesEffect))


def test_a_belief_about_a_complete_log_is_one_state() -> None:
    """Two Cancels at once and prompts submitted meanwhile leave nothing to guess."""
    log = [CALLED, SUBMIT_1, CancelCalled("d", CLEAN), SUBMIT_2, Queued("p1"), Queued("p2"), RETURNED]
    belief = Matcher.start()
    for event in log:
        belief = Matcher.advance(belief, event)
        assert isinstance(belief, frozenset)
        assert len(belief) == 1


# refusals ---------------------------------------------------------------------------------------------------------


def test_the_first_refusal_stays() -> None:
    """After a refusal nothing changes any more, and it tells action, guard, sentence and event."""
    refused = Matcher.match((SUBMIT_1, TurnReleased("t"), SUBMIT_1))
    assert Matcher.advance(refused, Rest(CLEAN)) is refused
    assert Matcher.refusal(refused) == Refusal("SubmitPrompt", "prompt-new", "A prompt is submitted once.")
    assert str(refused) == f"SubmitPrompt refused (prompt-new): A prompt is submitted once. Found: {SUBMIT_1}"


def test_refusals_by_one_guard_are_equal() -> None:
    """The sink of an exploration is one state for each guard, whatever event it was that was refused."""
    first, second = Matcher.match((SUBMIT_1, SUBMIT_1)), Matcher.match((SUBMIT_2, SUBMIT_2))
    assert first == second
    assert hash(first) == hash(second)


def test_beliefs_are_values() -> None:
    """The same log leads to equal beliefs, so that they can be keys; announced prompts are merely new."""
    assert Matcher.match((SUBMIT_1, SUBMIT_2)) == Matcher.match((SUBMIT_2, SUBMIT_1))
    announced = Matcher.start((SUBMIT_1,))
    assert announced != Matcher.start()
    assert Matcher.match((SUBMIT_1,), announced) == Matcher.match((SUBMIT_1,))
