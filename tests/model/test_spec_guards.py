"""Every guard of the specification, from both sides: what it refuses, and the neighbouring step that it lets pass."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from everyturn_model.conformance import Refusal, advance_state
from everyturn_model.events import (
    EVENT_TYPES,
    CancelCalled,
    CancelledOnEntry,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Completed,
    ContextCancelled,
    DataChanged,
    Dropped,
    DropReason,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    FailureCause,
    FinalFailed,
    FinalStored,
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    ReadFailed,
    Refused,
    Rest,
    Returned,
    SharedData,
    ShutdownBegan,
    StepFailed,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummariseCalled,
    SummariseReturned,
    SummaryFailed,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    SummaryStreamStarted,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.spec import ACTIONS, BY_EVENT, START
from everyturn_model.spec.actions import CancelTakesEffect, ClearTakesEffect
from everyturn_model.spec.state import State

Log = tuple[Event, ...]

CLEAN = SharedData()
CALL = CancelCalled("c", CLEAN)
EFFECT = CancelTakesEffect("c")
BACK = CancelReturned("c", CLEAN)
CANCEL: Log = (CALL, EFFECT, BACK)
REACHED: Log = (CALL, ContextCancelled("p.1"), EFFECT, BACK)
"""A Cancel that cancels the context of p's turn."""

CLEAR: Log = (ClearCalled("q"), ClearTakesEffect("q"))
ASK = SummariseCalled("s")
STORE, BY_CANCEL = FailureCause.STORE, FailureCause.CANCELLED


def new(prompt: str, *, run_id: bool = True) -> Submitted:
    return Submitted(prompt, run_id=run_id, accepted=True)


def start(prompt: str, number: int = 1, thread: str | None = None) -> TurnStarted:
    return TurnStarted(f"{prompt}.{number}", prompt, thread or prompt)


def wrote(prompt: str, by: Writer = Writer.TURN) -> MessageWritten:
    return MessageWritten(prompt, by)


def ends(how: StreamEnd, prompt: str = "p", number: int = 1, *, full: bool = False) -> StreamEnded:
    return StreamEnded(f"{prompt}.{number}", how, full)


def told(
    prompt: str = "p",
    *,
    cancelled: bool = False,
    error: bool = False,
    message: str | None = None,
    kept: bool = False,
    owner: str | None = None,
    thread: str = "clerk",
) -> Completed:
    return Completed(prompt, True, not kept, cancelled, error, thread, message, owner)


def queued(prompt: str, *, run_id: bool = True) -> Log:
    return (new(prompt, run_id=run_id), Queued(prompt))


def taken(prompt: str, *, run_id: bool = True) -> Log:
    return (*queued(prompt, run_id=run_id), TakenOut(prompt))


def begun(prompt: str = "p") -> Log:
    return (new(prompt), start(prompt), wrote(prompt))


def streams(prompt: str = "p") -> Log:
    return (*begun(prompt), StreamStarted(f"{prompt}.1"))


def ended(how: StreamEnd = StreamEnd.FINISHED, prompt: str = "p") -> Log:
    return (*streams(prompt), ends(how, prompt))


def over(how: StreamEnd = StreamEnd.FINISHED, prompt: str = "p") -> Log:
    return (*ended(how, prompt), TurnReleased(f"{prompt}.1"))


FULL: Log = (*streams(), ends(StreamEnd.TOOL, full=True), TurnReleased("p.1"))
"""A turn that was left to be summarised, with work to do."""

FINISHED, TOOL, ERROR = StreamEnd.FINISHED, StreamEnd.TOOL, StreamEnd.ERROR
CANCELLED, UNAUTHORISED = StreamEnd.CANCELLED, StreamEnd.UNAUTHORISED


class Case(NamedTuple):
    """``guard`` refuses ``refused`` after ``before``; ``passing`` passes after ``instead``, by default ``before``."""

    guard: str
    before: Log
    refused: Event
    passing: Event
    instead: Log | None = None


CASES = (
    # environment
    Case("prompt-new", (new("p"),), new("p"), new("r")),
    Case("cancel-new", (CALL,), CALL, CancelCalled("d", CLEAN)),
    Case("cancel-under-way", (CALL, EFFECT), EFFECT, EFFECT, (CALL,)),
    Case("cancel-effective", (CALL,), BACK, BACK, (CALL, EFFECT)),
    Case(
        "idle-unchanged",
        (CALL, DataChanged("c", after=SharedData(mark=1)), EFFECT),
        CancelReturned("c", SharedData(mark=1)),
        BACK,
    ),
    Case("clear-new", (ClearCalled("q"),), ClearCalled("q"), ClearCalled("r")),
    Case("clear-under-way", CLEAR, ClearTakesEffect("q"), ClearTakesEffect("q"), CLEAR[:1]),
    Case("clear-effective", CLEAR[:1], ClearReturned("q"), ClearReturned("q"), CLEAR),
    Case("summarise-new", (ASK,), ASK, SummariseCalled("t")),
    Case("summarise-called", (), SummariseReturned("s"), SummariseReturned("s"), (ASK,)),
    Case("still-open", (ShutdownBegan(),), ShutdownBegan(), ShutdownBegan(), ()),
    # the store
    Case("read-under-way", streams(), ReadFailed("p", STORE), ReadFailed("p", STORE), begun()),
    Case("read-reached", (new("p"),), ReadFailed("p", BY_CANCEL), ReadFailed("p", BY_CANCEL), (new("p"), CALL)),
    Case(
        "message-due",
        streams(),
        MessageFailed("p", Writer.TURN, STORE),
        MessageFailed("p", Writer.TURN, STORE),
        (new("p"), start("p")),
    ),
    Case(
        "message-reached",
        (new("p"), start("p")),
        MessageFailed("p", Writer.TURN, BY_CANCEL),
        MessageFailed("p", Writer.TURN, BY_CANCEL),
        (new("p"), start("p"), CALL),
    ),
    Case(
        "failed-once",
        begun(),
        MessageFailed("p", Writer.TURN, STORE, stored=True),
        MessageFailed("p", Writer.TURN, STORE, stored=True),
        begun()[:2],
    ),
    Case("step-preparing", streams(), StepFailed("p.1", STORE), StepFailed("p.1", STORE), begun()),
    Case(
        "step-messages-written",
        (new("p"), start("p")),
        StepFailed("p.1", STORE),
        StepFailed("p.1", STORE),
        begun(),
    ),
    Case("step-reached", begun(), StepFailed("p.1", BY_CANCEL), StepFailed("p.1", BY_CANCEL), (*begun(), CALL)),
    Case(
        "final-after-end",
        streams(),
        FinalFailed("p.1", "m", STORE, decides=True),
        FinalFailed("p.1", "m", STORE, decides=False),
    ),
    Case(
        "final-reached",
        ended(ERROR),
        FinalFailed("p.1", "m", BY_CANCEL, decides=True),
        FinalFailed("p.1", "m", STORE, decides=True),
    ),
    # fates
    Case(
        "life-refuse", (new("p"), ShutdownBegan(), start("p")), Refused("p"), Refused("p"), (new("p"), ShutdownBegan())
    ),
    Case("closing", (new("p"),), Refused("p"), Refused("p"), (new("p"), ShutdownBegan())),
    Case("life-queue", queued("p"), Queued("p"), Queued("p"), taken("p")),
    Case("queue-may-return", over(FINISHED), Queued("p"), Queued("p"), over(UNAUTHORISED)),
    Case("was-queued", (new("p"),), TakenOut("p"), TakenOut("p"), queued("p")),
    Case(
        "life-fold",
        (*begun(), *queued("f", run_id=False)),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*begun(), *taken("f", run_id=False)),
    ),
    Case(
        "no-run-id",
        (*begun(), *taken("f")),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*begun(), *taken("f", run_id=False)),
    ),
    Case(
        "fold-unstarted",
        (
            *(new("f", run_id=False), start("f"), wrote("f"), StreamStarted("f.1")),
            *(ends(TOOL, "f", full=True), TurnReleased("f.1"), Queued("f"), TakenOut("f")),
            *begun(),
        ),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*taken("f", run_id=False), *begun()),
    ),
    Case(
        "host-preparing",
        (*streams(), *taken("f", run_id=False)),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*streams(), *taken("f", run_id=False), ends(TOOL)),
    ),
    Case(
        "host-not-doomed",
        (*begun(), *CANCEL, *taken("f", run_id=False)),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*begun(), CALL, *taken("f", run_id=False)),
    ),
    Case(
        "fold-not-doomed",
        (*taken("f", run_id=False), *CANCEL, *begun()),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*CANCEL, *taken("f", run_id=False), *begun()),
    ),
    Case(
        "fold-not-cleared",
        (*begun(), *queued("f", run_id=False), *CLEAR, TakenOut("f")),
        Folded("f", "p.1"),
        Folded("f", "p.1"),
        (*begun(), *queued("f", run_id=False), CLEAR[0], TakenOut("f"), CLEAR[1]),
    ),
    Case(
        "life-drop",
        (*queued("p"), CALL),
        Dropped("p", DropReason.COVERED),
        Dropped("p", DropReason.COVERED),
        (*taken("p"), CALL),
    ),
    Case(
        "drop-reached",
        (*CANCEL, *taken("p")),
        Dropped("p", DropReason.COVERED),
        Dropped("p", DropReason.COVERED),
        (CALL, *taken("p")),
    ),
    Case(
        "life-cancel-on-entry",
        (*queued("p"), CALL),
        CancelledOnEntry("p"),
        CancelledOnEntry("p"),
        (*taken("p"), CALL),
    ),
    Case(
        "entry-unstarted",
        (*FULL, CALL, Queued("p"), TakenOut("p")),
        CancelledOnEntry("p"),
        Dropped("p", DropReason.COVERED),
    ),
    Case("entry-reached", (*CANCEL, new("p")), CancelledOnEntry("p"), CancelledOnEntry("p"), (new("p"), *CANCEL)),
    Case("life-fail", queued("p"), FailedBeforeTurn("p"), FailedBeforeTurn("p"), taken("p")),
    # turns
    Case("nothing-active", (*ended(), new("r")), start("r"), start("r"), (*over(), new("r"))),
    Case("life-start", queued("p"), start("p"), start("p"), taken("p")),
    Case("start-may-return", over(ERROR), start("p", 2), start("p", 2), over(UNAUTHORISED)),
    Case(
        "start-not-cleared",
        (*queued("p"), *CLEAR, TakenOut("p")),
        start("p"),
        start("p"),
        (*queued("p"), TakenOut("p"), *CLEAR),
    ),
    Case("first-in-line", (*queued("p"), *taken("r")), start("r"), start("r"), (*queued("p"), *CANCEL, *taken("r"))),
    Case(
        "not-overtaken",
        (
            *(*queued("p"), *CANCEL, *taken("r"), start("r"), wrote("r"), StreamStarted("r.1")),
            *(ends(ERROR, "r"), TurnReleased("r.1"), TakenOut("p")),
        ),
        start("p"),
        Dropped("p", DropReason.COVERED),
    ),
    Case(
        "start-holds-nothing",
        (*over(), told(kept=True, thread="p"), new("r")),
        start("r", thread="p"),
        start("r", thread="r"),
    ),
    Case("write-due", streams(), wrote("p"), wrote("p"), (new("p"), start("p"))),
    Case("written-once", begun(), wrote("p"), wrote("p"), begun()[:2]),
    Case("prepare-preparing", streams(), StepPrepared("p.1", "m"), StepPrepared("p.1", "m"), begun()),
    Case("prepare-messages-written", begun()[:2], StepPrepared("p.1", "m"), StepPrepared("p.1", "m"), begun()),
    Case("stream-preparing", streams(), StreamStarted("p.1"), StreamStarted("p.1"), ended(TOOL)),
    Case(
        "messages-written",
        (*begun(), *taken("f", run_id=False), Folded("f", "p.1")),
        StreamStarted("p.1"),
        StreamStarted("p.1"),
        (*begun(), *taken("f", run_id=False), Folded("f", "p.1"), wrote("f", Writer.FOLD)),
    ),
    Case(
        "stream-reached",
        (*CANCEL, *begun()),
        StreamStarted("p.1", cancelled=True),
        StreamStarted("p.1", cancelled=True),
        (*begun(), *CANCEL),
    ),
    Case("cancel-reaches", (*streams(), CALL, EFFECT), BACK, BACK, (*streams(), CALL, ContextCancelled("p.1"), EFFECT)),
    Case("streaming", begun(), ends(FINISHED), ends(FINISHED), streams()),
    Case("not-late", (*begun(), *CANCEL, StreamStarted("p.1")), ends(FINISHED), ends(FINISHED), (*streams(), *REACHED)),
    Case("end-reached", (*CANCEL, *streams()), ends(CANCELLED), ends(CANCELLED), (*streams(), *REACHED)),
    Case("turn-over", begun(), TurnReleased("p.1"), TurnReleased("p.1"), (*begun(), StepFailed("p.1", STORE))),
    # summaries
    Case(
        "nothing-else-active",
        (ASK, *ended()),
        SummaryStarted("y", "s"),
        SummaryStarted("y", "s"),
        (ASK, *over()),
    ),
    Case("asked-for", over(), SummaryStarted("y", "p", "p.1"), SummaryStarted("y", "p", "p.1"), FULL),
    Case(
        "summary-holds-nothing",
        (ASK, *over(), told(kept=True, thread="s")),
        SummaryStarted("y", "s"),
        SummaryStarted("y", "t"),
    ),
    Case(
        "summary-runs",
        (ASK, *over()),
        SummaryStreamStarted("y", "s"),
        SummaryStreamStarted("y", "s"),
        (ASK, *over(), SummaryStarted("y", "s")),
    ),
    Case(
        "summary-stream-holds-nothing",
        (*FULL, *over(prompt="r"), told("r", kept=True, thread="p")),
        SummaryStreamStarted("y", "p", "p.1"),
        SummaryStreamStarted("y", "other", "p.1"),
    ),
    Case(
        "summary-over",
        (ASK, SummaryStarted("y", "s"), SummaryStreamStarted("y", "s")),
        SummaryReleased("y"),
        SummaryReleased("y"),
        (ASK, SummaryStarted("y", "s"), SummaryStreamStarted("y", "s"), SummaryStreamEnded("y", FINISHED)),
    ),
    Case(
        "summary-active",
        (ASK, SummaryStarted("y", "s"), SummaryReleased("y")),
        SummaryStreamEnded("y", FINISHED),
        SummaryStreamEnded("y", FINISHED),
        (ASK, SummaryStarted("y", "s")),
    ),
    Case(
        "summary-reached",
        (*CANCEL, ASK, SummaryStarted("y", "s")),
        SummaryStreamEnded("y", CANCELLED),
        SummaryStreamEnded("y", CANCELLED),
        (ASK, SummaryStarted("y", "s"), *CANCEL),
    ),
    Case("summarised", over(), SummaryFailed("p.1", cancelled=False), SummaryFailed("p.1", cancelled=False), FULL),
    Case(
        "summary-failure-reached",
        FULL,
        SummaryFailed("p.1", cancelled=True),
        SummaryFailed("p.1", cancelled=True),
        (*FULL, CALL),
    ),
    # notices
    Case("told-once", (*over(), told()), told(), told(), over()),
    Case("ended", streams(), told(), told(), ended()),
    Case("own-answer", (*over(), new("r")), told(owner="r"), told(owner="p")),
    Case("true-outcome", over(ERROR), told(), told(error=True)),
    Case(
        "message-made",
        ended(),
        told(message="m"),
        told(),
        (*begun(), StepPrepared("p.1", "m"), StreamStarted("p.1"), ends(FINISHED), FinalStored("p.1", "m")),
    ),
    Case(
        "message-stored",
        (*begun(), StepPrepared("p.1", "m"), StreamStarted("p.1"), ends(FINISHED)),
        told(message="m"),
        told(message="m"),
        (*begun(), StepPrepared("p.1", "m"), StreamStarted("p.1"), ends(FINISHED), FinalStored("p.1", "m")),
    ),
    Case("not-passed", (*over(), new("r"), start("r", thread="p")), told(thread="p"), told(thread="clerk")),
    Case("failed-or-told", over(FINISHED), ErrorNotified("p", True, "p"), ErrorNotified("p", True, "p"), over(ERROR)),
    Case(
        "notice-of-own-error",
        (*over(ERROR), new("r")),
        ErrorNotified("p", True, "r"),
        ErrorNotified("p", True, "p"),
    ),
    Case("something-became", (new("p"),), Returned("p"), Returned("p"), queued("p")),
    Case("own-error", over(FINISHED), Returned("p", failed=True), Returned("p", failed=True), over(ERROR)),
    # rest
    Case("rest-nothing-active", (*ended(), told()), Rest(CLEAN), Rest(CLEAN), (*over(), told())),
    Case("rest-queue-empty", queued("p"), Rest(CLEAN), Rest(CLEAN), ()),
    Case("rest-all-ended", taken("p"), Rest(CLEAN), Rest(CLEAN), (new("p"), ShutdownBegan(), Refused("p"))),
    Case("rest-all-told", over(), Rest(CLEAN), Rest(CLEAN), (*over(), told())),
    Case(
        "rest-all-written",
        (new("p", run_id=False), CALL, CancelledOnEntry("p")),
        Rest(CLEAN),
        Rest(CLEAN),
        (new("p", run_id=False), CALL, CancelledOnEntry("p"), wrote("p", Writer.CANCEL_ON_ENTRY)),
    ),
    Case("rest-clean", (), Rest(SharedData(mark=1)), Rest(CLEAN)),
    Case("rest-nobody-waits", (), Rest(CLEAN, ("p",)), Rest(CLEAN)),
)


def after(log: Log) -> State:
    """The state after a log that must pass as a whole."""
    state = START
    for event in log:
        advanced = advance_state(state, event)
        assert not isinstance(advanced, Refusal), f"{advanced} in {log}"
        state = advanced
    return state


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.guard)
def test_a_guard_refuses_one_step_and_lets_its_neighbour_pass(case: Case) -> None:
    """Each guard refuses what its sentence forbids, and nothing next to it."""
    refusal = advance_state(after(case.before), case.refused)
    assert isinstance(refusal, Refusal), f"{case.refused} passed"
    assert refusal.guard == case.guard
    assert refusal.event == case.refused
    after((*(case.before if case.instead is None else case.instead), case.passing))


def test_every_guard_has_a_case() -> None:
    """No guard is without a case, and no case without a guard."""
    assert sorted(case.guard for case in CASES) == sorted(guard.name for action in ACTIONS for guard in action.guards)


def test_guards_speak_in_sentences() -> None:
    """What a user reads is a sentence: it begins with a capital letter and ends with a point."""
    sentences = [guard.sentence for action in ACTIONS for guard in action.guards]
    assert [each for each in sentences if not (each[0].isupper() and each.endswith(".") and "  " not in each)] == []


def test_every_event_has_an_action() -> None:
    """The specification has an opinion on every event of the vocabulary, and two actions that no event tells of."""
    assert BY_EVENT.keys() == {*EVENT_TYPES.values(), CancelTakesEffect, ClearTakesEffect}
