"""The specification, first half: what clients, the store and the world may do at any time.

Guards here only say what makes sense (an operation returns after its call); the one guard that judges a dispatcher is
*idle-unchanged*, because a Cancel's return shows what the Cancel did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from everyturn_model.actions import Action, CancelTakesEffect, ClearTakesEffect, Guard, Side
from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    FailureCause,
    FinalFailed,
    MessageFailed,
    Outcome,
    ReadFailed,
    ShutdownBegan,
    StepFailed,
    Submitted,
    SummariseCalled,
    SummariseReturned,
    Writer,
)
from everyturn_model.lifecycle import Fate, Phase
from everyturn_model.state import Kind, Operation, Prompt, Reach, Stage, State

CAUSES: Final = {FailureCause.CANCELLED: Outcome.CANCELLED, FailureCause.STORE: Outcome.FAILED}
"""The outcome that a failure leads to."""


def exposed(prompt: Prompt) -> Prompt:
    """The prompt while a Cancel is about that may reach it or not."""
    if prompt.cancel is not Reach.FREE or not prompt.unfinished:
        return prompt
    return replace(prompt, cancel=Reach.EXPOSED)


def reachable(state: State, prompt: Prompt | None, cause: FailureCause) -> bool:
    """Whether a failure of that cause may befall the prompt: a cancelled one needs a Cancel."""
    return cause is FailureCause.STORE or prompt is None or prompt.cancel is not Reach.FREE


# prompts ----------------------------------------------------------------------------------------------------------


def submit_prompt(state: State, event: Submitted) -> State:
    """The prompt is live; a Cancel under way may reach it."""
    reach = Reach.EXPOSED if state.cancelling else Reach.FREE
    return state.disturbed().put(Prompt(event.prompt, event.run_id, event.accepted, Phase.LIVE, cancel=reach))


SUBMIT_PROMPT = Action(
    "SubmitPrompt",
    Side.ENVIRONMENT,
    Submitted,
    (
        Guard(
            "prompt-new",
            "A prompt is submitted once.",
            lambda state, event: state.prompt(event.prompt).phase is Phase.NEW,
        ),
    ),
    submit_prompt,
)


# cancel -----------------------------------------------------------------------------------------------------------


def call_cancel(state: State, event: CancelCalled) -> State:
    """The Cancel finds what is unfinished; all of it may be reached from now on."""
    found = frozenset(prompt.name for prompt in state.prompts if prompt.unfinished)
    idle = state.idle and event.shared.reservations == 0
    operation = Operation(
        Kind.CANCEL, event.operation, found, shared=replace(event.shared, mutex=None) if idle else None
    )
    summary = None if state.summary is None else replace(state.summary, exposed=True)
    return replace(state.each(exposed).with_operation(operation), summary=summary)


def cancel_takes_effect(state: State, event: CancelTakesEffect) -> State:
    """Whatever the Cancel found and has not ended since is doomed, and nothing else."""
    operation = state.operation(Kind.CANCEL, event.operation)
    assert operation is not None
    found = operation.found
    state = state.each(lambda each: replace(each, cancel=Reach.DOOMED) if each.name in found else each)
    return state.with_operation(replace(operation, done=True))


def _idle_unchanged(state: State, event: CancelReturned) -> bool:
    operation = state.operation(Kind.CANCEL, event.operation)
    if operation is None or operation.shared is None:
        return True
    return operation.shared == replace(event.shared, mutex=None)


CALL_CANCEL = Action(
    "CancelCalled",
    Side.ENVIRONMENT,
    CancelCalled,
    (
        Guard(
            "cancel-new",
            "A Cancel is called once.",
            lambda state, event: state.operation(Kind.CANCEL, event.operation) is None,
        ),
    ),
    call_cancel,
)

CANCEL_TAKES_EFFECT = Action(
    "CancelTakesEffect",
    Side.ENVIRONMENT,
    CancelTakesEffect,
    (
        Guard(
            "cancel-under-way",
            "A Cancel takes effect once, between its call and its return.",
            lambda state, event: any(
                each.kind is Kind.CANCEL and each.name == event.operation and not each.done for each in state.operations
            ),
        ),
    ),
    cancel_takes_effect,
)

RETURN_CANCEL = Action(
    "CancelReturned",
    Side.ENVIRONMENT,
    CancelReturned,
    (
        Guard(
            "cancel-effective",
            "A Cancel returns after it was called and has taken effect.",
            lambda state, event: any(
                each.kind is Kind.CANCEL and each.name == event.operation and each.done for each in state.operations
            ),
        ),
        Guard(
            "idle-unchanged",
            "A Cancel that finds the session idle leaves shared data as it found it.",
            _idle_unchanged,
        ),
    ),
    lambda state, event: state.without_operation(Kind.CANCEL, event.operation),
)


# clear ------------------------------------------------------------------------------------------------------------


def call_clear(state: State, event: ClearCalled) -> State:
    """The clear finds what is queued; all of it may be dropped from now on."""
    found = frozenset(prompt.name for prompt in state.prompts if prompt.phase is Phase.QUEUED)
    state = state.each(
        lambda each: replace(each, clear=Reach.EXPOSED) if each.name in found and each.clear is Reach.FREE else each
    )
    return state.with_operation(Operation(Kind.CLEAR, event.operation, found))


def clear_takes_effect(state: State, event: ClearTakesEffect) -> State:
    """Whatever the clear found and was not taken out since shall be dropped, and nothing else."""
    operation = state.operation(Kind.CLEAR, event.operation)
    assert operation is not None
    found = operation.found
    state = state.each(lambda each: replace(each, clear=Reach.DOOMED) if each.name in found else each)
    return state.with_operation(replace(operation, done=True))


CALL_CLEAR = Action(
    "ClearCalled",
    Side.ENVIRONMENT,
    ClearCalled,
    (
        Guard(
            "clear-new",
            "A ClearQueue is called once.",
            lambda state, event: state.operation(Kind.CLEAR, event.operation) is None,
        ),
    ),
    call_clear,
)

CLEAR_TAKES_EFFECT = Action(
    "ClearTakesEffect",
    Side.ENVIRONMENT,
    ClearTakesEffect,
    (
        Guard(
            "clear-under-way",
            "A ClearQueue takes effect once, between its call and its return.",
            lambda state, event: any(
                each.kind is Kind.CLEAR and each.name == event.operation and not each.done for each in state.operations
            ),
        ),
    ),
    clear_takes_effect,
)

RETURN_CLEAR = Action(
    "ClearReturned",
    Side.ENVIRONMENT,
    ClearReturned,
    (
        Guard(
            "clear-effective",
            "A ClearQueue returns after it was called and has taken effect.",
            lambda state, event: any(
                each.kind is Kind.CLEAR and each.name == event.operation and each.done for each in state.operations
            ),
        ),
    ),
    lambda state, event: state.without_operation(Kind.CLEAR, event.operation),
)


# summarise --------------------------------------------------------------------------------------------------------

CALL_SUMMARISE = Action(
    "SummariseCalled",
    Side.ENVIRONMENT,
    SummariseCalled,
    (
        Guard(
            "summarise-new",
            "A Summarise is called once.",
            lambda state, event: state.operation(Kind.SUMMARISE, event.operation) is None,
        ),
    ),
    lambda state, event: state.disturbed().with_operation(Operation(Kind.SUMMARISE, event.operation)),
)

RETURN_SUMMARISE = Action(
    "SummariseReturned",
    Side.ENVIRONMENT,
    SummariseReturned,
    (
        Guard(
            "summarise-called",
            "A Summarise returns after it was called.",
            lambda state, event: state.operation(Kind.SUMMARISE, event.operation) is not None,
        ),
    ),
    lambda state, event: state.without_operation(Kind.SUMMARISE, event.operation),
)


# shutdown ---------------------------------------------------------------------------------------------------------


def begin_shutdown(state: State, event: ShutdownBegan) -> State:
    """From now on everything may be reached by the cancellation of the workspace."""
    summary = None if state.summary is None else replace(state.summary, exposed=True)
    return replace(state.disturbed().each(exposed), summary=summary, closing=True)


BEGIN_SHUTDOWN = Action(
    "ShutdownBegins",
    Side.ENVIRONMENT,
    ShutdownBegan,
    (Guard("still-open", "The workspace is marked as closing once.", lambda state, event: not state.closing),),
    begin_shutdown,
)


# the store --------------------------------------------------------------------------------------------------------


def fail_early(state: State, prompt: Prompt, cause: FailureCause) -> State:
    """A read or a write of the prompt's own run failed: before its turn it has ended, in its turn the turn will."""
    turn = state.turn
    if prompt.phase is Phase.TURN and turn is not None:
        doomed = cause is FailureCause.CANCELLED
        failing = turn.failing or CAUSES[cause]
        return replace(state.put(prompt.reached(doomed)), turn=replace(turn, failing=failing))
    back = prompt.again()
    phase = Phase.FAILED if back.turn is None else Phase.LEFT
    return state.put(replace(back, phase=phase, fate=back.fate or Fate.FAILED, outcome=CAUSES[cause]))


def fail_read(state: State, event: ReadFailed) -> State:
    """The prompt fails, and its message need not be written."""
    return fail_early(state, replace(state.prompt(event.prompt), excused=True), event.cause)


def fail_message(state: State, event: MessageFailed) -> State:
    """The message need not be there; a turn whose own or folded message failed will fail with it."""
    prompt = replace(state.prompt(event.prompt), excused=True)
    if event.by is Writer.TURN:
        return fail_early(state, prompt, event.cause)
    state = state.put(prompt)
    if event.by is Writer.FOLD and prompt.outcome is None and state.turn is not None:
        return fail_early(state, state.prompt(state.turn.prompt), event.cause)
    return state


def fail_step(state: State, event: StepFailed) -> State:
    """The turn will end with this error, unless it goes on all the same."""
    state = state.preparing()
    assert state.turn is not None
    return fail_early(state, state.prompt(state.turn.prompt), event.cause)


def fail_final(state: State, event: FinalFailed) -> State:
    """The message's state is not stored; if that decides, the turn ends with this error instead of its own."""
    prompt = state.of_turn(event.turn)
    if prompt is None:
        return state
    state = state.put(replace(prompt, unstored=event.message))
    if not event.decides or state.turn is None or state.turn.name != event.turn:
        return state
    return state.finish(CAUSES[event.cause])


def _running(state: State, prompt: Prompt) -> bool:
    """Whether the prompt's own run can fail: it has not begun, or its turn is being prepared."""
    if prompt.phase is Phase.TURN:
        return prompt.turn is not None and state.runs(prompt.turn, Stage.PREPARING)
    return prompt.phase in (Phase.LIVE, Phase.TAKEN) or prompt.may_return


def _writing(state: State, event: MessageFailed) -> bool:
    prompt = state.prompt(event.prompt)
    match event.by:
        case Writer.TURN:
            return _running(state, prompt)
        case Writer.FOLD:
            return prompt.phase is Phase.FOLDED
        case Writer.CANCEL_ON_ENTRY:
            return prompt.phase is Phase.CANCELLED_ON_ENTRY


def _reached(state: State, event: MessageFailed) -> bool:
    prompt = state.prompt(event.prompt)
    if event.by is Writer.FOLD and state.turn is not None:
        prompt = state.prompt(state.turn.prompt)
    return event.by is Writer.CANCEL_ON_ENTRY or reachable(state, prompt, event.cause)


def _decides_in_time(state: State, event: FinalFailed) -> bool:
    turn = state.turn
    if not event.decides or turn is None or turn.name != event.turn:
        return True
    return turn.stage is Stage.OVER or (turn.stage is Stage.PREPARING and turn.failing is not None)


CANCEL_NEEDED: Final = (
    "A store operation fails because of a Cancel only if a Cancel or a shutdown may have reached the turn."
)

STORE_FAILS_READ = Action(
    "StoreFailsRead",
    Side.ENVIRONMENT,
    ReadFailed,
    (
        Guard(
            "read-under-way",
            "The session is read for a prompt that has not begun, or whose turn is being prepared.",
            lambda state, event: _running(state, state.prompt(event.prompt)),
        ),
        Guard(
            "read-reached",
            CANCEL_NEEDED,
            lambda state, event: reachable(state, state.prompt(event.prompt), event.cause),
        ),
    ),
    fail_read,
)

STORE_FAILS_MESSAGE = Action(
    "StoreFailsMessage",
    Side.ENVIRONMENT,
    MessageFailed,
    (
        Guard(
            "message-due",
            "The write of a user message fails for a prompt that begins or prepares its turn, that was folded into a"
            " turn, or that was cancelled on entry.",
            _writing,
        ),
        Guard("message-reached", CANCEL_NEEDED, _reached),
    ),
    fail_message,
)

STORE_FAILS_STEP = Action(
    "StoreFailsStep",
    Side.ENVIRONMENT,
    StepFailed,
    (
        Guard(
            "step-preparing",
            "A step fails in its preparation while the turn is active and prepares.",
            lambda state, event: state.prepares(event.turn),
        ),
        Guard(
            "step-messages-written",
            "A step's message is created when the user messages of its turn are stored or have failed.",
            lambda state, event: state.messages_written,
        ),
        Guard(
            "step-reached", CANCEL_NEEDED, lambda state, event: reachable(state, state.of_turn(event.turn), event.cause)
        ),
    ),
    fail_step,
)

STORE_FAILS_FINAL = Action(
    "StoreFailsFinal",
    Side.ENVIRONMENT,
    FinalFailed,
    (
        Guard(
            "final-after-end",
            "A failed write decides how the active turn ends only after its last stream has ended or its preparation"
            " has failed.",
            _decides_in_time,
        ),
        Guard(
            "final-reached",
            CANCEL_NEEDED,
            lambda state, event: not event.decides or reachable(state, state.of_turn(event.turn), event.cause),
        ),
    ),
    fail_final,
)

ENVIRONMENT_ACTIONS: Final[tuple[Action[Any], ...]] = (
    SUBMIT_PROMPT,
    CALL_CANCEL,
    CANCEL_TAKES_EFFECT,
    RETURN_CANCEL,
    CALL_CLEAR,
    CLEAR_TAKES_EFFECT,
    RETURN_CLEAR,
    CALL_SUMMARISE,
    RETURN_SUMMARISE,
    BEGIN_SHUTDOWN,
    STORE_FAILS_READ,
    STORE_FAILS_MESSAGE,
    STORE_FAILS_STEP,
    STORE_FAILS_FINAL,
)
"""What the environment may do."""
