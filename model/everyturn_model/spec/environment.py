"""What clients and the world may do at any time: submit, Cancel, ClearQueue, Summarise, shutdown.

Part of the specification (:mod:`everyturn_model.spec`). Guards here only say what makes sense (an operation returns
after its call); the one that judges a dispatcher is *idle-unchanged*, because a Cancel's return shows what it did.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    ShutdownBegan,
    Submitted,
    SummariseCalled,
    SummariseReturned,
)
from everyturn_model.lifecycle import Phase
from everyturn_model.spec.actions import Action, CancelTakesEffect, ClearTakesEffect, Guard, Side
from everyturn_model.spec.prompts import Prompt, Reach
from everyturn_model.spec.state import Kind, Operation, State


def exposed(prompt: Prompt) -> Prompt:
    """The prompt while a Cancel is about that may reach it or not."""
    if prompt.cancel is not Reach.FREE or not prompt.unfinished:
        return prompt
    return prompt._replace(cancel=Reach.EXPOSED)


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
    summary = None if state.summary is None else state.summary._replace(exposed=True)
    return state.each(exposed).with_operation(operation)._replace(summary=summary)


def cancel_takes_effect(state: State, event: CancelTakesEffect) -> State:
    """Whatever the Cancel found and has not ended since is doomed, and nothing else."""
    operation = state.operation(Kind.CANCEL, event.operation)
    assert operation is not None
    found = operation.found
    state = state.each(lambda each: each._replace(cancel=Reach.DOOMED) if each.name in found else each)
    return state.with_operation(operation._replace(done=True))


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
        lambda each: each._replace(clear=Reach.EXPOSED) if each.name in found and each.clear is Reach.FREE else each
    )
    return state.with_operation(Operation(Kind.CLEAR, event.operation, found))


def clear_takes_effect(state: State, event: ClearTakesEffect) -> State:
    """Whatever the clear found and was not taken out since shall be dropped, and nothing else."""
    operation = state.operation(Kind.CLEAR, event.operation)
    assert operation is not None
    found = operation.found
    state = state.each(lambda each: each._replace(clear=Reach.DOOMED) if each.name in found else each)
    return state.with_operation(operation._replace(done=True))


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
    summary = None if state.summary is None else state.summary._replace(exposed=True)
    return state.disturbed().each(exposed)._replace(summary=summary, closing=True)


BEGIN_SHUTDOWN = Action(
    "ShutdownBegins",
    Side.ENVIRONMENT,
    ShutdownBegan,
    (Guard("still-open", "The workspace is marked as closing once.", lambda state, event: not state.closing),),
    begin_shutdown,
)


CALL_ACTIONS: Final[tuple[Action[Any], ...]] = (
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
)
"""What clients and the world may do."""
