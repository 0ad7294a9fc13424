"""Judges of who is told what, and when: no-double-emit, right-owner, prompt-notice, true-outcome."""

from __future__ import annotations

from typing import Final

from tests.sim.referee.ledger import DROPS, Ledger, Life, Turn

from everyturn.formats.crush_lines import (
    AgentErrorLine,
    CompletionLine,
    CrushEvent,
    Delivery,
    StreamStartLine,
    UserMessage,
)
from everyturn.world.answers import answered
from everyturn_model.invariants.no_double_emit import NO_DOUBLE_EMIT
from everyturn_model.invariants.prompt_notice import PROMPT_NOTICE
from everyturn_model.invariants.right_owner import RIGHT_OWNER
from everyturn_model.invariants.true_outcome import TRUE_OUTCOME

ENDINGS: Final = {"finish": "finished", "error": "failed", "cancelled": "cancelled"}
"""How a turn has ended by the end of its last stream."""


def _reaches_waiter(event: CrushEvent) -> bool:
    return isinstance(event, Delivery) or (isinstance(event, CompletionLine) and event.via == "broker")


class NoDoubleEmit:
    """Two completions for one run id are given to the broker."""

    name = NO_DOUBLE_EMIT.name

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        if isinstance(event, CompletionLine | Delivery) and event.run_id is not None and _reaches_waiter(event):
            life = ledger.subject(event)
            if life is not None and life.told > 1:
                return f"a second completion for {life.prompt}'s run id was given to the broker"
        return None


class RightOwner:
    """A completion or an error notification with run id carries the answer, message or error of somebody else's
    turn."""

    name = RIGHT_OWNER.name

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        if not isinstance(event, CompletionLine | Delivery | AgentErrorLine) or event.run_id is None:
            return None
        if isinstance(event, AgentErrorLine):
            life = ledger.lives[event.prompt]
            if life.last_turn not in (None, life.prompt):
                return f"an error notification for {life.prompt} tells the error of {life.last_turn}"
            return None
        subject = ledger.subject(event)
        if subject is None:
            return None
        prompt = subject.prompt
        answer = _answer_owner(event, prompt)
        if answer not in (None, prompt):
            return f"a completion for {prompt} carries the answer of {answer}"
        if isinstance(event, CompletionLine) and event.by not in DROPS and event.by != "cancel_on_entry":
            turn = ledger.current.get(event.thread)
            if turn is not None and turn.owner != prompt and (event.has_message or event.error is not None):
                what = "message" if event.error is None else "error"
                return f"a completion for {prompt} carries the {what} of {turn.owner}"
        return None


def _answer_owner(event: CompletionLine | Delivery, prompt: str) -> str | None:
    if isinstance(event, CompletionLine) and event.owner is not None:
        return event.owner
    return answered(event.text, prompt)


class PromptNotice:
    """On one thread another turn or summary begins between the end of a turn and its completion or delivery.

    A completion that a hook holds is violated when the other turn begins; one that the thread still owes, when it
    comes.
    """

    name = PROMPT_NOTICE.name

    def __init__(self) -> None:
        self._passed: dict[tuple[str, str], str] = {}

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        match event:
            case UserMessage(by="turn", thread=thread, prompt=begun) | StreamStartLine(thread=thread, turn=begun):
                return self._begin(thread, begun, ledger)
            case CompletionLine(via="broker", thread=thread) | Delivery(prompt=thread):
                life = ledger.subject(event)
                if life is not None and (life.prompt, thread) in self._passed:
                    begun = self._passed[life.prompt, thread]
                    return f"{life.prompt} was told only after {thread}'s thread had begun the turn of {begun}"
        return None

    def _begin(self, thread: str, begun: str, ledger: Ledger) -> str | None:
        for life in ledger.lives.values():
            turn = life.turn
            owed = life.waits and not life.told and turn is not None and turn.thread == thread and turn.over
            if not owed or life.prompt == begun:
                continue
            kept = ledger.kept.get(thread)
            if kept is not None and kept.run_id == life.run_id:
                return (
                    f"{thread}'s thread began the turn of {begun} while its hook held the completion of {life.prompt}"
                )
            self._passed.setdefault((life.prompt, thread), begun)
        return None


class TrueOutcome:
    """A completion's cancelled and error fields differ from how the turn that it speaks of ended.

    The turn's ending is that of its last stream. A turn that ended outside a stream can only have failed or been
    cancelled; which of the two is not seen. A delivery has no error field: it is the kept completion's.
    """

    name = TRUE_OUTCOME.name

    def __init__(self) -> None:
        self._kept: dict[str, CompletionLine] = {}

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        match event:
            case CompletionLine(error=error):
                if event.via == "hook":
                    self._kept[event.thread] = event
                dropped = event.by in DROPS or event.by == "cancel_on_entry"
            case AgentErrorLine(prompt=prompt, run_id=str()):
                return self._notified(ledger.lives[prompt], ledger)
            case Delivery(prompt=prompt):
                kept = self._kept.pop(prompt, None)
                if kept is None:
                    return None
                error, dropped = kept.error, kept.by == "cancel_on_entry"
            case _:
                return None
        life = ledger.subject(event)
        told = "cancelled" if event.cancelled else "failed" if error is not None else "finished"
        found = "cancelled" if dropped else _ending(life, told, ledger)
        if life is None or found in (None, told):
            return None
        return f"{life.prompt} was told as {told} and {'has not ended' if found == 'running' else found}"

    @staticmethod
    def _notified(life: Life, ledger: Ledger) -> str | None:
        """An error notification with run id: the prompt whose own error it tells must not have finished."""
        own = life.last_turn in (None, life.prompt)
        finished = own and _ending(life, "failed", ledger) == "finished"
        return f"{life.prompt} finished, and was told of an error" if finished else None


def _ending(life: Life | None, told: str, ledger: Ledger) -> str | None:
    """How the prompt's turn ended, or none if that is not seen."""
    turn = None if life is None else life.carrier
    if turn is None:
        return None
    if turn.streaming:
        return "running"
    if turn.how is None or turn.how == "tool":
        return "ended outside a stream" if told == "finished" else None
    return None if told == "failed" and _failed_later(turn, ledger) else ENDINGS[turn.how]


def _failed_later(turn: Turn, ledger: Ledger) -> bool:
    """Whether something after the turn's last stream may have failed: a write, or a summary on its thread."""
    return turn.store_failed or ledger.current.get(turn.thread) is not turn
