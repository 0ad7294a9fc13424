"""What may happen in a turn: its start, its messages, its steps and their streams, its end.

Part of the specification (:mod:`everyturn_model.spec`).
"""

from __future__ import annotations

from typing import Any, Final

from everyturn_model.events import (
    FinalStored,
    MessageWritten,
    Outcome,
    StepPrepared,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    TurnReleased,
    TurnStarted,
    Writer,
)
from everyturn_model.lifecycle import Fate, Phase
from everyturn_model.spec.actions import Action, Guard, Side
from everyturn_model.spec.fates import known_to_life
from everyturn_model.spec.prompts import Prompt, Reach, Retry, Written
from everyturn_model.spec.state import Stage, State, Turn


def _first_in_line(state: State, event: TurnStarted) -> bool:
    prompt = state.prompt(event.prompt)
    if prompt.turn is not None:
        return True
    return not any(
        each.name in prompt.ahead and each.waiting and each.cancel is not Reach.DOOMED for each in state.prompts
    )


def start_turn(state: State, event: TurnStarted) -> State:
    """The turn is active and prepares its first step."""
    prompt = state.disturbed().passed_by(event.thread, event.prompt).prompt(event.prompt).again()
    prompt = prompt._replace(
        phase=Phase.TURN,
        fate=prompt.fate or Fate.STARTED,
        turn=event.turn,
        thread=event.thread,
        clear=Reach.FREE,
        unstored=None,
        passed=None,
    )
    state = state.disturbed().passed_by(event.thread, event.prompt).put(prompt)
    return state._replace(turn=Turn(event.turn, event.prompt, event.thread))


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
            lambda state, event: state.holds_nothing(event.thread, event.prompt),
        ),
    ),
    start_turn,
)


def write_message(state: State, event: MessageWritten) -> State:
    """The user message is stored."""
    return state.put(state.prompt(event.prompt)._replace(written=Written.YES))


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
    return state.put(prompt._replace(made=prompt.made | {event.message}, unstored=event.message))


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
    prompt = state.prompt(turn.prompt).reached(event.cancelled)._replace(full=False)
    late = any(each.cancel is Reach.DOOMED for each in (prompt, *state.folds()))
    return state.put(prompt)._replace(turn=turn._replace(stage=Stage.STREAMING, late=late, failing=None, full=False))


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
            lambda state, event: not event.cancelled or state.exposed(event.turn),
        ),
    ),
    start_stream,
)


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
        prompt = prompt._replace(retry=Retry.OFFERED)
    state = state.put(prompt._replace(full=event.full))
    if event.how is StreamEnd.TOOL:
        return state._replace(turn=turn._replace(stage=Stage.PREPARING, full=event.full))
    state = state.finish(ENDS[event.how])
    return _offer_retries(state, turn) if unauthorised else state


def _offer_retries(state: State, turn: Turn) -> State:
    """Those whose own thread ran the turn, and returns its error, may retry too; a Cancel may have met them."""

    def offered(prompt: Prompt) -> Prompt:
        own_thread = prompt.thread == turn.thread and not prompt.queued and not prompt.returned
        if own_thread and prompt.phase is Phase.LEFT and prompt.retry is Retry.NONE and prompt.outcome is not None:
            return prompt._replace(retry=Retry.OFFERED, cancel=Reach.EXPOSED)
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
            lambda state, event: event.how is not StreamEnd.CANCELLED or state.exposed(event.turn),
        ),
    ),
    end_stream,
)


def store_final(state: State, event: FinalStored) -> State:
    """A completion may name the message from now on."""
    prompt = state.of_turn(event.turn)
    if prompt is None or prompt.unstored != event.message:
        return state
    return state.put(prompt._replace(unstored=None))


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
    return state.put(prompt._replace(phase=Phase.LEFT, retry=retry))._replace(turn=None)


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


TURN_ACTIONS: Final[tuple[Action[Any], ...]] = (
    START_TURN,
    WRITE_MESSAGE,
    PREPARE_STEP,
    START_STREAM,
    END_STREAM,
    STORE_FINAL,
    END_TURN,
)
"""What the system may do with a turn."""
