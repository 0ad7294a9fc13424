"""What the environment may do to the store: reads and writes fail, by themselves or because of a Cancel.

Part of the specification (:mod:`everyturn_model.spec`).
"""

from __future__ import annotations

from typing import Any, Final

from everyturn_model.events import (
    FailureCause,
    FinalFailed,
    MessageFailed,
    Outcome,
    ReadFailed,
    StepFailed,
    Writer,
)
from everyturn_model.lifecycle import Fate, Phase
from everyturn_model.spec.actions import Action, Guard, Side
from everyturn_model.spec.prompts import Prompt, Reach, Written
from everyturn_model.spec.state import Stage, State

CAUSES: Final = {FailureCause.CANCELLED: Outcome.CANCELLED, FailureCause.STORE: Outcome.FAILED}
"""The outcome that a failure leads to."""


def reachable(state: State, prompt: Prompt | None, cause: FailureCause) -> bool:
    """Whether a failure of that cause may befall the prompt: a cancelled one needs a Cancel."""
    return cause is FailureCause.STORE or prompt is None or prompt.cancel is not Reach.FREE


def fail_early(state: State, prompt: Prompt, cause: FailureCause) -> State:
    """A read or a write of the prompt's own run failed: before its turn it has ended, in its turn the turn will."""
    turn = state.turn
    if prompt.phase is Phase.TURN and turn is not None:
        doomed = cause is FailureCause.CANCELLED
        failing = turn.failing or CAUSES[cause]
        return state.put(prompt.reached(doomed))._replace(turn=turn._replace(failing=failing))
    back = prompt.again()
    phase = Phase.FAILED if back.turn is None else Phase.LEFT
    return state.put(back._replace(phase=phase, fate=back.fate or Fate.FAILED, outcome=CAUSES[cause]))


def fail_read(state: State, event: ReadFailed) -> State:
    """The prompt fails; if its turn has begun, its message is owed all the same.

    What a summary's read leads to has its own events.
    """
    prompt = state.prompt(event.prompt)
    if prompt.phase is Phase.NEW or prompt.full:
        return state
    return fail_early(state, prompt, event.cause)


def fail_message(state: State, event: MessageFailed) -> State:
    """The message need not be there, but may be; a turn whose own or folded message failed will fail with it."""
    prompt = state.prompt(event.prompt)._replace(excused=True)
    prompt = prompt._replace(written=Written.YES) if event.stored else prompt
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
    """The message's state is not stored. How the turn ended is decided by what led to the write, not by its failure."""
    prompt = state.of_turn(event.turn)
    if prompt is None:
        return state
    return state.put(prompt._replace(unstored=event.message))


def _running(state: State, prompt: Prompt) -> bool:
    """Whether the prompt's own run can fail: it has not begun, or its turn is being prepared."""
    if prompt.phase is Phase.TURN:
        return prompt.turn is not None and state.runs(prompt.turn, Stage.PREPARING)
    return prompt.phase in (Phase.LIVE, Phase.TAKEN) or prompt.may_return


def _reading(state: State, prompt: Prompt) -> bool:
    return prompt.phase is Phase.NEW or prompt.full or _running(state, prompt)


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
            "The session is read for a prompt that has not begun, for a turn that is being prepared, or for a summary.",
            lambda state, event: _reading(state, state.prompt(event.prompt)),
        ),
        Guard(
            "read-reached",
            CANCEL_NEEDED,
            lambda state, event: (
                state.prompt(event.prompt).phase is Phase.NEW
                or reachable(state, state.prompt(event.prompt), event.cause)
            ),
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
        Guard(
            "failed-once",
            "A user message whose write fails may be stored all the same, but not for a second time.",
            lambda state, event: not event.stored or state.prompt(event.prompt).written is not Written.YES,
        ),
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

FAILURE_ACTIONS: Final[tuple[Action[Any], ...]] = (
    STORE_FAILS_READ,
    STORE_FAILS_MESSAGE,
    STORE_FAILS_STEP,
    STORE_FAILS_FINAL,
)
"""How the store may fail."""
