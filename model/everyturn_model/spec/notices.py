"""Who may be told what: completions, error notifications, returns, and what must hold when nothing can move any more.

Part of the specification (:mod:`everyturn_model.spec`).
"""

from __future__ import annotations

from typing import Any, Final

from everyturn_model.events import (
    Completed,
    ErrorNotified,
    Outcome,
    Rest,
    Returned,
    SharedData,
)
from everyturn_model.lifecycle import Fate, Phase
from everyturn_model.spec.actions import Action, Guard, Side
from everyturn_model.spec.prompts import Prompt, Retry, Told
from everyturn_model.spec.state import State


def told_as(event: Completed) -> Outcome:
    """The outcome that a completion tells."""
    if event.cancelled:
        return Outcome.CANCELLED
    return Outcome.FAILED if event.error else Outcome.FINISHED


def complete_prompt(state: State, event: Completed) -> State:
    """Given to the broker, the prompt is told; given to a hook, the thread of the hook keeps it.

    Without the run id of a prompt that has one, nobody is told.
    """
    if state.prompt(event.prompt).run_id and not event.run_id:
        return state
    state = state.settled(state.prompt(event.prompt))
    prompt = state.prompt(event.prompt)._replace(full=False)
    if not event.delivered:
        return state.put(prompt._replace(held=event.thread))
    told = Told.LOST if event.lost else Told.REACHED
    retry = Retry.NONE if prompt.retry is Retry.OFFERED else prompt.retry
    return state.put(prompt._replace(told=told, held=None, retry=retry))


def _true_outcome(state: State, event: Completed) -> bool:
    endings = state.endings(state.prompt(event.prompt))
    if Outcome.FINISHED in endings and state.closing and event.cancelled and not event.error:
        return True
    return told_as(event) in endings


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
            "message-made",
            "The message that a completion names was made in a turn of its own prompt.",
            lambda state, event: event.message is None or event.message in state.prompt(event.prompt).made,
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
    """The notification ends the wait of the prompt whose error it tells, if it arrives."""
    state = state.settled(state.prompt(event.prompt))
    prompt = state.prompt(event.prompt)
    return state.put(prompt._replace(notified=prompt.notified or (event.owner == event.prompt and not event.lost)))


def _failed_or_told(state: State, event: ErrorNotified) -> bool:
    prompt = state.prompt(event.prompt)
    told = prompt.told is not Told.UNTOLD and Outcome.FINISHED not in state.endings(prompt)
    return not prompt.run_id or told or Outcome.FAILED in state.endings(prompt)


NOTIFY_ERROR = Action(
    "NotifyError",
    Side.SYSTEM,
    ErrorNotified,
    (
        Guard(
            "notice-of-own-error",
            "An error notification with a run id tells that prompt's own error.",
            lambda state, event: not event.run_id or event.owner == event.prompt,
        ),
        Guard(
            "failed-or-told",
            "An error notification tells of a prompt that has failed, or that was told already and has not finished.",
            _failed_or_told,
        ),
    ),
    notify_error,
)


# returns -------------------------------------------------------------------------------------------------------------


def return_prompt(state: State, event: Returned) -> State:
    """The thread that submitted it is gone, and so is the offer to retry. An error of its own was thereby told."""
    if state.prompt(event.prompt).phase is Phase.NEW:
        return state
    state = state.settled(state.prompt(event.prompt)) if event.failed else state
    prompt = state.prompt(event.prompt)
    retry = Retry.NONE if prompt.retry is Retry.OFFERED and prompt.phase is Phase.LEFT else prompt.retry
    return state.put(prompt._replace(returned=True, retry=retry, notified=prompt.notified or event.failed))


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
                or bool(state.endings(state.prompt(event.prompt)) & {Outcome.FAILED, Outcome.CANCELLED})
            ),
        ),
    ),
    return_prompt,
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

NOTICE_ACTIONS: Final[tuple[Action[Any], ...]] = (COMPLETE_PROMPT, NOTIFY_ERROR, RETURN_PROMPT, REST)
"""What the system may tell."""
