"""The specification: a session as a transition system, that is, what any correct dispatcher may do, and what not.

The environment's half (clients, store, shutdown) is in :mod:`everyturn_model.environment`; here is the system's, in the
order of a prompt's life. Every action has its guards and its effect side by side. The phases of a prompt are those of
:data:`everyturn_model.lifecycle.LIFE`; guards named ``life-…`` ask that table.

The specification says nothing about mutexes, marks, recursion or coordinators: a hand-off may run on any thread, a
Cancel may be one step or many. Source: ``docs/semantics.md``, section 6.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from everyturn_model.actions import Action, Guard, Side
from everyturn_model.environment import ENVIRONMENT_ACTIONS
from everyturn_model.events import (
    CancelledOnEntry,
    Completed,
    Dropped,
    DropReason,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    FinalStored,
    Folded,
    MessageWritten,
    Outcome,
    Queued,
    Refused,
    Rest,
    Returned,
    SharedData,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    SummaryFailed,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    TakenOut,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.lifecycle import LIFE, Fate, Phase
from everyturn_model.state import Kind, Prompt, Reach, Retry, Stage, State, Summary, Told, Turn, Written

START: Final = State()
"""The session before anything happened."""


def known_to_life(state: State, prompt: str, event: Event) -> bool:
    """Whether the table of a prompt's life knows the event in the prompt's phase."""
    return (state.prompt(prompt).phase, type(event)) in LIFE


# a prompt's fate --------------------------------------------------------------------------------------------------

REFUSE_PROMPT = Action(
    "RefusePrompt",
    Side.SYSTEM,
    Refused,
    (
        Guard(
            "life-refuse",
            "Only a submitted prompt of which nothing has become yet is refused.",
            lambda state, event: known_to_life(state, event.prompt, event),
        ),
        Guard(
            "closing", "A prompt is refused only by a workspace that is closing.", lambda state, event: state.closing
        ),
    ),
    lambda state, event: state.put(replace(state.prompt(event.prompt), phase=Phase.REFUSED, fate=Fate.REFUSED)),
)


def queue_prompt(state: State, event: Queued) -> State:
    """The first entry gives the prompt its rank; a clear under way may drop it; a continuation may write again."""
    prompt = state.prompt(event.prompt)
    written = Written.YES_AND_MORE_MAY if prompt.phase is Phase.LEFT and prompt.outcome is None else prompt.written
    if not prompt.queued and prompt.run_id and prompt.turn is None:
        ahead = frozenset(each.name for each in state.prompts if each.run_id and each.queued and each.waiting)
        prompt = replace(prompt, ahead=ahead)
    clear = Reach.EXPOSED if state.open(Kind.CLEAR) and prompt.clear is Reach.FREE else prompt.clear
    return state.put(replace(prompt.again(), phase=Phase.QUEUED, queued=True, written=written, clear=clear))


QUEUE_PROMPT = Action(
    "QueuePrompt",
    Side.SYSTEM,
    Queued,
    (
        Guard(
            "life-queue",
            "A prompt enters the queue when it is live, was taken out, or comes back after its turn.",
            lambda state, event: known_to_life(state, event.prompt, event),
        ),
        Guard(
            "queue-may-return",
            "A prompt whose turn has ended comes back only to continue after a summary or to retry once.",
            lambda state, event: (
                state.prompt(event.prompt).phase is not Phase.LEFT or state.prompt(event.prompt).may_return
            ),
        ),
    ),
    queue_prompt,
)


def take_prompt_out(state: State, event: TakenOut) -> State:
    """Whoever took it out decides what becomes of it; a clear that found it in the queue no longer has to."""
    prompt = state.prompt(event.prompt)
    if prompt.phase is Phase.QUEUED:
        state = state.put(replace(prompt, phase=Phase.TAKEN))
    found = tuple(
        replace(each, found=each.found - {event.prompt}) if each.kind is Kind.CLEAR else each
        for each in state.operations
    )
    return replace(state, operations=found)


TAKE_PROMPT_OUT = Action(
    "TakePromptOut",
    Side.SYSTEM,
    TakenOut,
    (
        Guard(
            "was-queued",
            "Only what was put into the queue can leave it.",
            lambda state, event: state.prompt(event.prompt).queued,
        ),
    ),
    take_prompt_out,
)


def fold_prompt(state: State, event: Folded) -> State:
    """The prompt will end as its host does. Folding what no Cancel met shows that none has reached the host."""
    prompt = state.prompt(event.prompt)
    state = state.put(replace(prompt, phase=Phase.FOLDED, fate=Fate.FOLDED))
    host = state.of_turn(event.turn)
    if prompt.cancel is Reach.FREE and host is not None:
        state = state.put(replace(host, cancel=Reach.FREE))
    return state


def _host_doomed(state: State, event: Folded) -> bool:
    host = state.of_turn(event.turn)
    return host is not None and host.cancel is Reach.DOOMED


FOLD_PROMPT = Action(
    "FoldPrompt",
    Side.SYSTEM,
    Folded,
    (
        Guard(
            "life-fold",
            "Only a prompt that was taken out of the queue is folded.",
            lambda state, event: known_to_life(state, event.prompt, event),
        ),
        Guard(
            "no-run-id",
            "A prompt with run id gets a turn of its own and is never folded.",
            lambda state, event: not state.prompt(event.prompt).run_id,
        ),
        Guard(
            "fold-unstarted",
            "A prompt that had a turn is not folded into another one.",
            lambda state, event: state.prompt(event.prompt).turn is None,
        ),
        Guard(
            "host-preparing",
            "A prompt is folded into the active turn, while that turn prepares a step.",
            lambda state, event: state.runs(event.turn, Stage.PREPARING),
        ),
        Guard(
            "host-not-doomed",
            "Nothing is folded into a turn that a Cancel has reached.",
            lambda state, event: not _host_doomed(state, event),
        ),
        Guard(
            "fold-not-doomed",
            "A prompt that a Cancel has reached is dropped, not folded.",
            lambda state, event: state.prompt(event.prompt).cancel is not Reach.DOOMED,
        ),
        Guard(
            "fold-not-cleared",
            "A prompt that a ClearQueue found and that stayed in the queue is dropped, not folded.",
            lambda state, event: state.prompt(event.prompt).clear is not Reach.DOOMED,
        ),
    ),
    fold_prompt,
)


def _met(state: State, event: Dropped) -> bool:
    prompt = state.prompt(event.prompt)
    cleared = event.reason is DropReason.CLEARED and prompt.clear is not Reach.FREE
    return cleared or prompt.cancel is not Reach.FREE


DROP_PROMPT = Action(
    "DropPrompt",
    Side.SYSTEM,
    Dropped,
    (
        Guard(
            "life-drop",
            "Only a prompt that was taken out of the queue is dropped.",
            lambda state, event: known_to_life(state, event.prompt, event),
        ),
        Guard(
            "drop-reached",
            "A prompt is dropped only if a Cancel, a ClearQueue or a shutdown may have reached it.",
            _met,
        ),
    ),
    lambda state, event: _end_unstarted(state, event.prompt, Phase.DROPPED, Fate.DROPPED, Outcome.CANCELLED),
)


def _end_unstarted(state: State, name: str, phase: Phase, fate: Fate, outcome: Outcome) -> State:
    """The prompt has ended without a turn; if it had one before (a continuation), it keeps that fate."""
    prompt = state.prompt(name)
    return state.put(replace(prompt, phase=phase, fate=prompt.fate or fate, outcome=prompt.outcome or outcome))


CANCEL_ON_ENTRY = Action(
    "CancelOnEntry",
    Side.SYSTEM,
    CancelledOnEntry,
    (
        Guard(
            "life-cancel-on-entry",
            "Only a prompt that is live or was taken out of the queue is cancelled on entry.",
            lambda state, event: known_to_life(state, event.prompt, event),
        ),
        Guard(
            "entry-unstarted",
            "A prompt that had a turn is not cancelled on entry.",
            lambda state, event: state.prompt(event.prompt).turn is None,
        ),
        Guard(
            "entry-reached",
            "A prompt is cancelled on entry only if a Cancel or a shutdown may have reached it.",
            lambda state, event: state.prompt(event.prompt).cancel is not Reach.FREE,
        ),
    ),
    lambda state, event: _end_unstarted(
        state, event.prompt, Phase.CANCELLED_ON_ENTRY, Fate.CANCELLED_ON_ENTRY, Outcome.CANCELLED
    ),
)


def fail_prompt(state: State, event: FailedBeforeTurn) -> State:
    """The prompt has failed. A local caller's may fail before it is submitted; a failed read has told already."""
    if state.prompt(event.prompt).phase in _FAILS_UNSEEN:
        return state
    return _end_unstarted(state, event.prompt, Phase.FAILED, Fate.FAILED, Outcome.FAILED)


_FAILS_UNSEEN: Final = (Phase.NEW, Phase.FAILED)

FAIL_PROMPT = Action(
    "FailPrompt",
    Side.SYSTEM,
    FailedBeforeTurn,
    (
        Guard(
            "life-fail",
            "Only a prompt whose turn has not begun fails before its turn.",
            lambda state, event: (
                known_to_life(state, event.prompt, event) or state.prompt(event.prompt).phase in _FAILS_UNSEEN
            ),
        ),
    ),
    fail_prompt,
)


def return_prompt(state: State, event: Returned) -> State:
    """The thread that submitted it is gone, and so is the offer to retry. An error of its own was thereby told."""
    if state.prompt(event.prompt).phase is Phase.NEW:
        return state
    state = state.settled(state.prompt(event.prompt)) if event.failed else state
    prompt = state.prompt(event.prompt)
    retry = Retry.NONE if prompt.retry is Retry.OFFERED and prompt.phase is Phase.LEFT else prompt.retry
    return state.put(replace(prompt, returned=True, retry=retry, notified=prompt.notified or event.failed))


RETURN_PROMPT = Action(
    "ReturnPrompt",
    Side.SYSTEM,
    Returned,
    (
        Guard(
            "something-became",
            "The thread of a submitted prompt returns when something has become of the prompt.",
            lambda state, event: state.prompt(event.prompt).phase is not Phase.LIVE,
        ),
        Guard(
            "own-error",
            "A thread returns its prompt's own error only if the prompt has failed or was cancelled.",
            lambda state, event: (
                not event.failed
                or state.prompt(event.prompt).phase is Phase.NEW
                or state.ending(state.prompt(event.prompt)) in (Outcome.FAILED, Outcome.CANCELLED)
            ),
        ),
    ),
    return_prompt,
)


# a turn -----------------------------------------------------------------------------------------------------------


def _pass_by(state: State, thread: str, own: str | None) -> State:
    """A thread begins a turn or a summary: it must not tell later whom it owes now."""
    return state.each(
        lambda each: replace(each, passed=thread) if each.owed and each.thread == thread and each.name != own else each
    )


def _holds_nothing(state: State, thread: str, own: str | None) -> bool:
    return not any(each.held == thread and each.name != own for each in state.prompts)


def _first_in_line(state: State, event: TurnStarted) -> bool:
    prompt = state.prompt(event.prompt)
    if prompt.turn is not None:
        return True
    return not any(
        each.name in prompt.ahead and each.waiting and each.cancel is not Reach.DOOMED for each in state.prompts
    )


def start_turn(state: State, event: TurnStarted) -> State:
    """The turn is active and prepares its first step."""
    prompt = _pass_by(state.disturbed(), event.thread, event.prompt).prompt(event.prompt).again()
    prompt = replace(
        prompt,
        phase=Phase.TURN,
        fate=prompt.fate or Fate.STARTED,
        turn=event.turn,
        thread=event.thread,
        clear=Reach.FREE,
        unstored=None,
        passed=None,
    )
    state = _pass_by(state.disturbed(), event.thread, event.prompt).put(prompt)
    return replace(state, turn=Turn(event.turn, event.prompt, event.thread))


START_TURN = Action(
    "StartTurn",
    Side.SYSTEM,
    TurnStarted,
    (
        Guard(
            "nothing-active",
            "A turn starts only while no other turn and no summary is active.",
            lambda state, event: state.turn is None and state.summary is None,
        ),
        Guard(
            "life-start",
            "A turn starts for a prompt that is live, was taken out of the queue, or comes back after its turn.",
            lambda state, event: known_to_life(state, event.prompt, event),
        ),
        Guard(
            "start-may-return",
            "A prompt whose turn has ended gets another only to continue after a summary or to retry once.",
            lambda state, event: (
                state.prompt(event.prompt).phase is not Phase.LEFT or state.prompt(event.prompt).may_return
            ),
        ),
        Guard(
            "start-not-cleared",
            "A prompt that a ClearQueue found and that stayed in the queue is dropped, not started.",
            lambda state, event: state.prompt(event.prompt).clear is not Reach.DOOMED,
        ),
        Guard(
            "first-in-line",
            "A prompt from the queue starts when no prompt with run id that entered the queue before it still waits,"
            " except for those that a Cancel has reached.",
            _first_in_line,
        ),
        Guard(
            "not-overtaken",
            "A prompt with run id does not start after one that entered the queue later.",
            lambda state, event: (
                not any(event.prompt in each.ahead and each.turn is not None for each in state.prompts)
            ),
        ),
        Guard(
            "start-holds-nothing",
            "A thread does not start a turn while it keeps the completion of another prompt.",
            lambda state, event: _holds_nothing(state, event.thread, event.prompt),
        ),
    ),
    start_turn,
)


def write_message(state: State, event: MessageWritten) -> State:
    """The user message is stored."""
    return state.put(replace(state.prompt(event.prompt), written=Written.YES))


def _write_due(state: State, event: MessageWritten) -> bool:
    prompt = state.prompt(event.prompt)
    match event.by:
        case Writer.TURN if prompt.phase is Phase.TURN:
            return prompt.turn is not None and state.runs(prompt.turn, Stage.PREPARING)
        case Writer.TURN:
            return prompt.phase in (Phase.LIVE, Phase.TAKEN) or prompt.may_return
        case Writer.FOLD:
            return prompt.phase is Phase.FOLDED
        case Writer.CANCEL_ON_ENTRY:
            return prompt.phase is Phase.CANCELLED_ON_ENTRY


WRITE_MESSAGE = Action(
    "WriteMessage",
    Side.SYSTEM,
    MessageWritten,
    (
        Guard(
            "write-due",
            "A user message is written for a prompt that begins or prepares its turn, that was folded into a turn, or"
            " that was cancelled on entry.",
            _write_due,
        ),
        Guard(
            "written-once",
            "The user message of a prompt is written once; a continuation after a summary may write its own.",
            lambda state, event: state.prompt(event.prompt).written is not Written.YES,
        ),
    ),
    write_message,
)


def prepare_step(state: State, event: StepPrepared) -> State:
    """The step's assistant message exists; its final state is not stored."""
    state = state.preparing()
    prompt = state.of_turn(event.turn)
    assert prompt is not None
    return state.put(replace(prompt, unstored=event.message))


PREPARE_STEP = Action(
    "PrepareStep",
    Side.SYSTEM,
    StepPrepared,
    (
        Guard(
            "prepare-preparing",
            "A step's message is created for the active turn, before the step's stream.",
            lambda state, event: state.prepares(event.turn),
        ),
        Guard(
            "prepare-messages-written",
            "A step's message is created when the user messages of its turn are stored or have failed.",
            lambda state, event: state.messages_written,
        ),
    ),
    prepare_step,
)


def start_stream(state: State, event: StreamStarted) -> State:
    """A stream that begins when its prompt, or one folded into it, is doomed must not finish."""
    state = state.preparing()
    turn = state.turn
    assert turn is not None
    prompt = replace(state.prompt(turn.prompt).reached(event.cancelled), full=False)
    late = any(each.cancel is Reach.DOOMED for each in (prompt, *state.folds()))
    return replace(state.put(prompt), turn=replace(turn, stage=Stage.STREAMING, late=late, failing=None, full=False))


START_STREAM = Action(
    "StartStream",
    Side.SYSTEM,
    StreamStarted,
    (
        Guard(
            "stream-preparing",
            "A stream starts for the active turn when its step is prepared, or to retry an unauthorised one.",
            lambda state, event: state.prepares(event.turn),
        ),
        Guard(
            "messages-written",
            "A stream starts when the user messages of its prompt and of the folded ones are stored or have failed.",
            lambda state, event: state.messages_written,
        ),
        Guard(
            "stream-reached",
            "The context of a turn is cancelled only if a Cancel or a shutdown may have reached its prompt.",
            lambda state, event: not event.cancelled or _exposed(state, event.turn),
        ),
    ),
    start_stream,
)


def _exposed(state: State, turn: str) -> bool:
    prompt = state.of_turn(turn)
    return prompt is not None and prompt.cancel is not Reach.FREE


ENDS: Final = {
    StreamEnd.FINISHED: Outcome.FINISHED,
    StreamEnd.ERROR: Outcome.FAILED,
    StreamEnd.UNAUTHORISED: Outcome.FAILED,
    StreamEnd.CANCELLED: Outcome.CANCELLED,
}
"""The outcome of a turn whose last stream ended so; after a tool round another step follows."""


def end_stream(state: State, event: StreamEnded) -> State:
    """After a tool round the turn prepares another step, or stops to be summarised; otherwise it has its outcome."""
    turn = state.turn
    assert turn is not None
    prompt = state.prompt(turn.prompt).reached(event.how is StreamEnd.CANCELLED)
    unauthorised = event.how is StreamEnd.UNAUTHORISED
    if unauthorised and prompt.retry is Retry.NONE:
        prompt = replace(prompt, retry=Retry.OFFERED)
    state = state.put(replace(prompt, full=event.full))
    if event.how is StreamEnd.TOOL:
        return replace(state, turn=replace(turn, stage=Stage.PREPARING, full=event.full))
    state = state.finish(ENDS[event.how])
    return _offer_retries(state, turn) if unauthorised else state


def _offer_retries(state: State, turn: Turn) -> State:
    """Those whose own thread ran the turn, and returns its error, may retry too; a Cancel may have met them."""

    def offered(prompt: Prompt) -> Prompt:
        own_thread = prompt.thread == turn.thread and not prompt.queued and not prompt.returned
        if own_thread and prompt.phase is Phase.LEFT and prompt.retry is Retry.NONE and prompt.outcome is not None:
            return replace(prompt, retry=Retry.OFFERED, cancel=Reach.EXPOSED)
        return prompt

    return state.each(offered)


END_STREAM = Action(
    "EndStream",
    Side.SYSTEM,
    StreamEnded,
    (
        Guard(
            "streaming",
            "A stream ends once, after it has started, while its turn is active.",
            lambda state, event: state.runs(event.turn, Stage.STREAMING),
        ),
        Guard(
            "not-late",
            "A stream that began after a Cancel had reached its prompt does not finish.",
            lambda state, event: event.how is not StreamEnd.FINISHED or (state.turn is None or not state.turn.late),
        ),
        Guard(
            "end-reached",
            "A stream ends as cancelled only if a Cancel or a shutdown may have reached its prompt.",
            lambda state, event: event.how is not StreamEnd.CANCELLED or _exposed(state, event.turn),
        ),
    ),
    end_stream,
)


def store_final(state: State, event: FinalStored) -> State:
    """A completion may name the message from now on."""
    prompt = state.of_turn(event.turn)
    if prompt is None or prompt.unstored != event.message:
        return state
    return state.put(replace(prompt, unstored=None))


STORE_FINAL = Action("StoreFinal", Side.SYSTEM, FinalStored, (), store_final)


def end_turn(state: State, event: TurnReleased) -> State:
    """The session is idle. Only the first release of the active turn counts; those of older turns change nothing."""
    state = state.disturbed()
    turn = state.turn
    if turn is None or turn.name != event.turn:
        return state
    if turn.stage is Stage.PREPARING and turn.failing is not None:
        state = state.finish(turn.failing)
    prompt = state.prompt(turn.prompt)
    state = state.finish_folds(prompt.outcome or Outcome.FINISHED)
    retry = Retry.NONE if prompt.retry is Retry.OFFERED and prompt.returned else prompt.retry
    return replace(state.put(replace(prompt, phase=Phase.LEFT, retry=retry)), turn=None)


def _turn_over(state: State, event: TurnReleased) -> bool:
    turn = state.turn
    if turn is None or turn.name != event.turn or turn.stage is Stage.OVER:
        return True
    return turn.stage is Stage.PREPARING and (turn.failing is not None or turn.full)


END_TURN = Action(
    "EndTurn",
    Side.SYSTEM,
    TurnReleased,
    (
        Guard(
            "turn-over",
            "A turn is released when its last stream has ended, its preparation failed, or it stops to be summarised.",
            _turn_over,
        ),
    ),
    end_turn,
)


# a summary --------------------------------------------------------------------------------------------------------


def start_summary(state: State, event: SummaryStarted) -> State:
    """The summary is active; one within a turn is reached by what has reached the turn."""
    own = state.of_turn(event.turn)
    exposed = state.cancelling or (own is not None and own.cancel is not Reach.FREE)
    state = _pass_by(state, event.thread, None if own is None else own.name)
    return replace(state, summary=Summary(event.summary, event.turn, exposed))


def _asked_for(state: State, event: SummaryStarted) -> bool:
    if event.turn is None:
        return state.open(Kind.SUMMARISE)
    own = state.of_turn(event.turn)
    return own is not None and own.full


def _own_name(state: State, turn: str | None) -> str | None:
    own = state.of_turn(turn)
    return None if own is None else own.name


START_SUMMARY = Action(
    "StartSummary",
    Side.SYSTEM,
    SummaryStarted,
    (
        Guard(
            "nothing-else-active",
            "A summary starts only while no turn, except the one that it summarises, and no other summary is active.",
            lambda state, event: state.summary is None and (state.turn is None or state.turn.name == event.turn),
        ),
        Guard(
            "asked-for",
            "A summary is made when a user asks for it, or for a turn that stopped because its context is nearly full.",
            _asked_for,
        ),
        Guard(
            "summary-holds-nothing",
            "A thread does not start a summary while it keeps the completion of another prompt.",
            lambda state, event: _holds_nothing(state, event.thread, _own_name(state, event.turn)),
        ),
    ),
    start_summary,
)


def _summary_active(state: State, event: SummaryStreamEnded) -> bool:
    if state.summary is not None:
        return state.summary.name == event.summary
    return state.turn is not None and state.prompt(state.turn.prompt).full


def _summary_exposed(state: State) -> bool:
    if state.summary is not None:
        return state.summary.exposed
    return state.turn is not None and _exposed(state, state.turn.name)


END_SUMMARY_STREAM = Action(
    "EndSummaryStream",
    Side.SYSTEM,
    SummaryStreamEnded,
    (
        Guard(
            "summary-active",
            "A summary's stream ends while the summary, or the turn that it summarises, is active.",
            _summary_active,
        ),
        Guard(
            "summary-reached",
            "A summary's stream ends as cancelled only if a Cancel or a shutdown may have reached it.",
            lambda state, event: event.how is not StreamEnd.CANCELLED or _summary_exposed(state),
        ),
    ),
    lambda state, event: state,
)

END_SUMMARY = Action(
    "EndSummary",
    Side.SYSTEM,
    SummaryReleased,
    (),
    lambda state, event: (
        replace(state.disturbed(), summary=None)
        if state.summary is not None and state.summary.name == event.summary
        else state
    ),
)


def fail_summary(state: State, event: SummaryFailed) -> State:
    """The turn that was to be summarised ends with the summary's error."""
    outcome = Outcome.CANCELLED if event.cancelled else Outcome.FAILED
    prompt = state.of_turn(event.turn)
    assert prompt is not None
    prompt = replace(prompt, full=False)
    if state.turn is not None and state.turn.name == event.turn:
        state = replace(state.put(prompt), turn=replace(state.turn, full=False))
        return state.finish(outcome)
    return state.put(replace(prompt, outcome=outcome))


def _summarised(state: State, event: SummaryFailed) -> bool:
    prompt = state.of_turn(event.turn)
    return prompt is not None and prompt.full


FAIL_SUMMARY = Action(
    "FailSummary",
    Side.SYSTEM,
    SummaryFailed,
    (
        Guard(
            "summarised",
            "Only a turn that stopped to be summarised fails with its summary, before it is told or continued.",
            _summarised,
        ),
        Guard(
            "summary-failure-reached",
            "A summary fails because of a Cancel only if a Cancel or a shutdown may have reached the turn.",
            lambda state, event: not event.cancelled or _exposed(state, event.turn),
        ),
    ),
    fail_summary,
)


# notices ----------------------------------------------------------------------------------------------------------


def told_as(event: Completed) -> Outcome:
    """The outcome that a completion tells."""
    if event.cancelled:
        return Outcome.CANCELLED
    return Outcome.FAILED if event.error else Outcome.FINISHED


def complete_prompt(state: State, event: Completed) -> State:
    """Given to the broker, the prompt is told; given to a hook, the thread of the hook keeps it."""
    state = state.settled(state.prompt(event.prompt))
    prompt = replace(state.prompt(event.prompt), full=False)
    if not event.delivered:
        return state.put(replace(prompt, held=event.thread))
    told = Told.LOST if event.lost else Told.REACHED
    retry = Retry.NONE if prompt.retry is Retry.OFFERED else prompt.retry
    return state.put(replace(prompt, told=told, held=None, retry=retry))


def _true_outcome(state: State, event: Completed) -> bool:
    ending = state.ending(state.prompt(event.prompt))
    if ending is Outcome.FINISHED and state.closing and event.cancelled and not event.error:
        return True
    return told_as(event) is ending


COMPLETE_PROMPT = Action(
    "CompletePrompt",
    Side.SYSTEM,
    Completed,
    (
        Guard(
            "told-once",
            "A run id gets one completion, and none is kept for it any more once it was told.",
            lambda state, event: not event.run_id or state.prompt(event.prompt).told is Told.UNTOLD,
        ),
        Guard(
            "ended",
            "A completion tells of a prompt that has ended.",
            lambda state, event: state.ending(state.prompt(event.prompt)) is not None,
        ),
        Guard(
            "own-answer",
            "A completion carries the text and the error of its own prompt's turn.",
            lambda state, event: {event.owner, event.error_owner} <= {None, event.prompt},
        ),
        Guard(
            "true-outcome",
            "A completion says how the prompt ended; at shutdown a finished turn may be told as cancelled.",
            _true_outcome,
        ),
        Guard(
            "message-stored",
            "The final state of the message that a completion names is stored before.",
            lambda state, event: event.message is None or event.message != state.prompt(event.prompt).unstored,
        ),
        Guard(
            "not-passed",
            "A thread tells of a turn that it ran before it begins another prompt's turn or a summary.",
            lambda state, event: not event.delivered or event.thread != state.prompt(event.prompt).passed,
        ),
    ),
    complete_prompt,
)


def notify_error(state: State, event: ErrorNotified) -> State:
    """The notification ends the wait of the prompt whose error it tells."""
    state = state.settled(state.prompt(event.prompt))
    prompt = state.prompt(event.prompt)
    return state.put(replace(prompt, notified=prompt.notified or event.owner == event.prompt))


def _failed_or_told(state: State, event: ErrorNotified) -> bool:
    prompt = state.prompt(event.prompt)
    return not prompt.run_id or prompt.told is not Told.UNTOLD or state.ending(prompt) is Outcome.FAILED


NOTIFY_ERROR = Action(
    "NotifyError",
    Side.SYSTEM,
    ErrorNotified,
    (
        Guard(
            "failed-or-told",
            "An error notification ends a wait only when the prompt has failed or was told already.",
            _failed_or_told,
        ),
        Guard(
            "notice-of-own-error",
            "An error notification with a run id tells that prompt's own error.",
            lambda state, event: not event.run_id or event.owner == event.prompt,
        ),
    ),
    notify_error,
)


# rest -------------------------------------------------------------------------------------------------------------


def _excused(prompt: Prompt) -> bool:
    """Whether the prompt's user message need not be stored."""
    return bool(prompt.written) or prompt.excused or prompt.fate in (Fate.REFUSED, Fate.DROPPED, Fate.FAILED, None)


REST = Action(
    "Rest",
    Side.SYSTEM,
    Rest,
    (
        Guard(
            "rest-nothing-active",
            "At rest no turn and no summary is active.",
            lambda state, event: state.turn is None and state.summary is None,
        ),
        Guard(
            "rest-queue-empty",
            "At rest no prompt is left in the queue.",
            lambda state, event: not any(each.phase is Phase.QUEUED for each in state.prompts),
        ),
        Guard(
            "rest-all-ended",
            "At rest every prompt that was not refused has ended: none was lost on its way.",
            lambda state, event: all(
                each.outcome is not None or each.phase in (Phase.NEW, Phase.REFUSED) for each in state.prompts
            ),
        ),
        Guard(
            "rest-all-told",
            "At rest every prompt with run id that was not refused was told of its end.",
            lambda state, event: all(
                not each.run_id
                or each.told is Told.REACHED
                or each.notified
                or each.phase in (Phase.NEW, Phase.REFUSED)
                for each in state.prompts
            ),
        ),
        Guard(
            "rest-all-written",
            "At rest the user message of every prompt that started, was folded or was cancelled on entry is stored,"
            " unless its write failed or a Cancel came before it.",
            lambda state, event: all(_excused(each) for each in state.prompts),
        ),
        Guard(
            "rest-clean",
            "At rest shared data is clean: no active entry, no queue, no open reservation, no mark, no held mutex.",
            lambda state, event: event.shared == SharedData(),
        ),
        Guard("rest-nobody-waits", "At rest no thread waits.", lambda state, event: not event.blocked),
    ),
    lambda state, event: state,
)

SYSTEM_ACTIONS: Final[tuple[Action[Any], ...]] = (
    REFUSE_PROMPT,
    QUEUE_PROMPT,
    TAKE_PROMPT_OUT,
    FOLD_PROMPT,
    DROP_PROMPT,
    CANCEL_ON_ENTRY,
    FAIL_PROMPT,
    RETURN_PROMPT,
    START_TURN,
    WRITE_MESSAGE,
    PREPARE_STEP,
    START_STREAM,
    END_STREAM,
    STORE_FINAL,
    END_TURN,
    START_SUMMARY,
    END_SUMMARY_STREAM,
    END_SUMMARY,
    FAIL_SUMMARY,
    COMPLETE_PROMPT,
    NOTIFY_ERROR,
    REST,
)
"""What the system may do."""

ACTIONS: Final[tuple[Action[Any], ...]] = (*ENVIRONMENT_ACTIONS, *SYSTEM_ACTIONS)
"""All actions."""

BY_EVENT: Final[dict[type[Event], Action[Any]]] = {action.event: action for action in ACTIONS}
"""The action that an event tells of. Every event of the vocabulary has one."""
