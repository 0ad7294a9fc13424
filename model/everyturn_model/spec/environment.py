"""What clients and the world may do at any time: submit, Cancel, ClearQueue, Summarise, shutdown.

Part of the specification (:mod:`everyturn_model.spec`). Guards here only say what makes sense (an operation returns
after its call); those that judge a dispatcher are *idle-unchanged* and
*cancel-reaches*, because a Cancel's return shows what it did.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeVar

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    ContextCancelled,
    DataChanged,
    ShutdownBegan,
    Submitted,
    SummariseCalled,
    SummariseReturned,
)
from everyturn_model.lifecycle import Phase
from everyturn_model.own_changes import OwnChanges
from everyturn_model.spec.actions import Action, CancelTakesEffect, ClearTakesEffect, Guard, Side
from everyturn_model.spec.prompts import Prompt, Reach
from everyturn_model.spec.state import OpenOperation, OperationKind, Stage, State, Summary, Turn


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


_PROMISED: Final = {
    "nothing": frozenset[Phase](),
    "turn": frozenset({Phase.TURN, Phase.FOLDED}),
    "turn and queue": frozenset(Phase) - {Phase.LIVE},
    "turn, queue and accepted": frozenset(Phase),
}


def _ends(prompt: Prompt, promise: str) -> bool:
    """Whether a Cancel that promises this ends a prompt that it finds."""
    return prompt.unfinished and prompt.phase in _PROMISED[promise]


def call_cancel(state: State, event: CancelCalled) -> State:
    """The Cancel finds what is unfinished; all of it may be reached from now on."""
    found = frozenset(prompt.name for prompt in state.prompts if _ends(prompt, event.promise))
    idle = state.idle and event.shared.reservations == 0
    own = OwnChanges(event.operation) if idle else None
    operation = OpenOperation(OperationKind.CANCEL, event.operation, found, own=own)
    if event.promise != "nothing":
        state = _each_active(state, lambda work: _found(work, event.operation))
    summary = None if state.summary is None else state.summary._replace(exposed=True)
    return state.each(exposed).with_operation(operation)._replace(summary=summary)


Work = TypeVar("Work", Turn, Summary)


def _found(work: Work, operation: str) -> Work:
    """A Cancel finds it active, and has to cancel it, unless it is cancelled already."""
    return work if work.reached else work._replace(found=work.found | {operation})


class _Change(Protocol):
    def __call__(self, work: Work, /) -> Work: ...


def _each_active(state: State, change: _Change) -> State:
    turn, summary = state.turn, state.summary
    return state._replace(
        turn=None if turn is None else change(turn), summary=None if summary is None else change(summary)
    )


def cancel_takes_effect(state: State, event: CancelTakesEffect) -> State:
    """Whatever the Cancel found and has not ended since is doomed, and nothing else."""
    operation = state.operation(OperationKind.CANCEL, event.operation)
    assert operation is not None
    found = operation.found
    state = state.each(lambda each: each._replace(cancel=Reach.DOOMED) if each.name in found else each)
    return state.with_operation(operation._replace(done=True))


def _idle_unchanged(state: State, event: CancelReturned) -> bool:
    operation = state.operation(OperationKind.CANCEL, event.operation)
    return operation is None or operation.own is None or not operation.own.left(event.shared)


def _reaches(state: State, event: CancelReturned) -> bool:
    """Whether nothing that the Cancel found active streams on, not cancelled. What prepares a step may look at a mark
    yet."""
    turn, summary = state.turn, state.summary
    missed_turn = turn is not None and turn.stage is Stage.STREAMING and event.operation in turn.found
    return not missed_turn and not (summary is not None and summary.streaming and event.operation in summary.found)


def return_cancel(state: State, event: CancelReturned) -> State:
    """The Cancel is over."""
    state = _each_active(state, lambda work: work._replace(found=work.found - {event.operation}))
    return state.without_operation(OperationKind.CANCEL, event.operation)


def change_data(state: State, event: DataChanged) -> State:
    """Every Cancel that found the session idle has changed what its own steps changed, and those made for it."""
    return state._replace(
        operations=tuple(
            each if each.own is None else each._replace(own=each.own.after(event)) for each in state.operations
        )
    )


def cancel_context(state: State, event: ContextCancelled) -> State:
    """What is active and belongs to the context is reached."""
    return _each_active(
        state, lambda work: work._replace(reached=True, found=frozenset()) if event.reaches(work.name) else work
    )


CALL_CANCEL = Action(
    "CancelCalled",
    Side.ENVIRONMENT,
    CancelCalled,
    (
        Guard(
            "cancel-new",
            "A Cancel is called once.",
            lambda state, event: state.operation(OperationKind.CANCEL, event.operation) is None,
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
                each.kind is OperationKind.CANCEL and each.name == event.operation and not each.done
                for each in state.operations
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
                each.kind is OperationKind.CANCEL and each.name == event.operation and each.done
                for each in state.operations
            ),
        ),
        Guard(
            "idle-unchanged",
            "A Cancel that finds the session idle leaves shared data as it found it.",
            _idle_unchanged,
        ),
        Guard(
            "cancel-reaches",
            "A Cancel returns when what was active when it was called has ended or was cancelled: no stream of it "
            "goes on.",
            _reaches,
        ),
    ),
    return_cancel,
)

CANCEL_CONTEXT = Action("CancelContext", Side.SYSTEM, ContextCancelled, (), cancel_context)

CHANGE_DATA = Action("ChangeData", Side.SYSTEM, DataChanged, (), change_data)


# clear ------------------------------------------------------------------------------------------------------------


def call_clear(state: State, event: ClearCalled) -> State:
    """The clear finds what is queued; all of it may be dropped from now on."""
    found = frozenset(prompt.name for prompt in state.prompts if prompt.phase is Phase.QUEUED)
    state = state.each(
        lambda each: each._replace(clear=Reach.EXPOSED) if each.name in found and each.clear is Reach.FREE else each
    )
    return state.with_operation(OpenOperation(OperationKind.CLEAR, event.operation, found))


def clear_takes_effect(state: State, event: ClearTakesEffect) -> State:
    """Whatever the clear found and was not taken out since shall be dropped, and nothing else."""
    operation = state.operation(OperationKind.CLEAR, event.operation)
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
            lambda state, event: state.operation(OperationKind.CLEAR, event.operation) is None,
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
                each.kind is OperationKind.CLEAR and each.name == event.operation and not each.done
                for each in state.operations
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
                each.kind is OperationKind.CLEAR and each.name == event.operation and each.done
                for each in state.operations
            ),
        ),
    ),
    lambda state, event: state.without_operation(OperationKind.CLEAR, event.operation),
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
            lambda state, event: state.operation(OperationKind.SUMMARISE, event.operation) is None,
        ),
    ),
    lambda state, event: state.disturbed().with_operation(OpenOperation(OperationKind.SUMMARISE, event.operation)),
)

RETURN_SUMMARISE = Action(
    "SummariseReturned",
    Side.ENVIRONMENT,
    SummariseReturned,
    (
        Guard(
            "summarise-called",
            "A Summarise returns after it was called.",
            lambda state, event: state.operation(OperationKind.SUMMARISE, event.operation) is not None,
        ),
    ),
    lambda state, event: state.without_operation(OperationKind.SUMMARISE, event.operation),
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


CANCEL_ACTIONS: Final[tuple[Action[Any], ...]] = (CANCEL_CONTEXT, CHANGE_DATA)
"""What a dispatcher may do in a Cancel."""

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
