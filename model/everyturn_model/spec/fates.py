"""What may become of a prompt short of a turn: refused, queued, taken out, folded, dropped, cancelled on entry, failed.

Part of the specification (:mod:`everyturn_model.spec`).
"""

from __future__ import annotations

from typing import Any, Final

from everyturn_model.events import (
    CancelledOnEntry,
    Dropped,
    DropReason,
    Event,
    FailedBeforeTurn,
    Folded,
    Outcome,
    Queued,
    Refused,
    TakenOut,
)
from everyturn_model.lifecycle import LIFE, Fate, Phase
from everyturn_model.spec.actions import Action, Guard, Side
from everyturn_model.spec.prompts import Reach, Written
from everyturn_model.spec.state import OperationKind, Stage, State


def known_to_life(state: State, prompt: str, event: Event) -> bool:
    """Whether the table of a prompt's life knows the event in the prompt's phase."""
    return (state.prompt(prompt).phase, type(event)) in LIFE


def _busy(state: State, prompt: str) -> bool:
    """Whether anybody else is not done, so that the session may have been busy when the prompt came."""
    others = any(each.name != prompt and (each.unfinished or not each.returned) for each in state.prompts)
    return others or state.turn is not None or state.summary is not None or state.open(OperationKind.SUMMARISE)


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
            "closing",
            "A prompt is refused only by a workspace that is closing, or by a busy session that does not promise a "
            "queue.",
            lambda state, event: state.closing or (event.busy and _busy(state, event.prompt)),
        ),
    ),
    lambda state, event: state.put(state.prompt(event.prompt)._replace(phase=Phase.REFUSED, fate=Fate.REFUSED)),
)


def queue_prompt(state: State, event: Queued) -> State:
    """The first entry gives the prompt its rank; a clear under way may drop it; a continuation may write again."""
    prompt = state.prompt(event.prompt)
    written = Written.YES_AND_MORE_MAY if prompt.phase is Phase.LEFT and prompt.outcome is None else prompt.written
    if not prompt.queued and prompt.run_id and prompt.turn is None:
        ahead = frozenset(each.name for each in state.prompts if each.run_id and each.queued and each.waiting)
        prompt = prompt._replace(ahead=ahead)
    clear = Reach.EXPOSED if state.open(OperationKind.CLEAR) and prompt.clear is Reach.FREE else prompt.clear
    return state.put(prompt.again()._replace(phase=Phase.QUEUED, queued=True, written=written, clear=clear))


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
        state = state.put(prompt._replace(phase=Phase.TAKEN))
    found = tuple(
        each._replace(found=each.found - {event.prompt}) if each.kind is OperationKind.CLEAR else each
        for each in state.operations
    )
    return state._replace(operations=found)


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
    state = state.put(prompt._replace(phase=Phase.FOLDED, fate=Fate.FOLDED))
    host = state.of_turn(event.turn)
    if prompt.cancel is Reach.FREE and host is not None:
        state = state.put(host._replace(cancel=Reach.FREE))
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
            "A prompt with run id gets a turn of its own and is never folded; nor is any, if the session promises "
            "that.",
            lambda state, event: not event.broken and not state.prompt(event.prompt).run_id,
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
    return state.put(prompt._replace(phase=phase, fate=prompt.fate or fate, outcome=prompt.outcome or outcome))


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


FATE_ACTIONS: Final[tuple[Action[Any], ...]] = (
    REFUSE_PROMPT,
    QUEUE_PROMPT,
    TAKE_PROMPT_OUT,
    FOLD_PROMPT,
    DROP_PROMPT,
    CANCEL_ON_ENTRY,
    FAIL_PROMPT,
)
"""What the system may do with a prompt that has no turn."""
