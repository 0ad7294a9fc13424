"""Judges of what a Cancel reaches and what it must not reach: no-lost-cancel, no-poisoned-prompt."""

from __future__ import annotations

from tests.sim.referee.ledger import Ledger

from everyturn.formats.crush_lines import (
    AcceptCall,
    CancelCall,
    CancelReturn,
    ClearCall,
    ClearReturn,
    CrushEvent,
    RunCall,
    StreamEndLine,
    StreamStartLine,
)
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL
from everyturn_model.invariants.no_poisoned_prompt import NO_POISONED_PROMPT


class NoLostCancel:
    """A prompt that surely was submitted before a Cancel was called finishes by a stream that started after it
    returned.

    That such a stream starts shows that the prompt had not ended when the Cancel began. A folded prompt counts with the
    turn that it was folded into.
    """

    name = NO_LOST_CANCEL.name

    def __init__(self) -> None:
        self._found: dict[str, set[str]] = {}
        self._doomed: dict[str, str] = {}
        self._late: dict[str, str] = {}

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        match event:
            case CancelCall(op=operation):
                alive = {life.prompt for life in ledger.lives.values() if life.submitted and not life.over}
                self._found[operation] = alive
            case CancelReturn(op=operation):
                self._doomed |= dict.fromkeys(self._found.pop(operation), operation)
            case StreamStartLine(turn=turn):
                doomed = [each for each in _carried(ledger, turn) if each in self._doomed]
                self._late.pop(turn, None)
                if doomed:
                    self._late[turn] = doomed[0]
            case StreamEndLine(turn=turn, how="finish") if turn in self._late:
                prompt = self._late[turn]
                operation = self._doomed[prompt]
                whose = "its turn" if turn == prompt else f"the turn of {turn}, into which it was folded,"
                return (
                    f"{prompt} was submitted before {operation} was called, and {whose} finished by a stream that "
                    f"started after {operation} had returned"
                )
        return None


class NoPoisonedPrompt:
    """A prompt whose submission began while no Cancel or ClearQueue was under way, and that met none since, is
    cancelled.

    Prompts without run id are dropped without a word; that is not seen here but at rest, by nothing-lost.
    """

    name = NO_POISONED_PROMPT.name

    def __init__(self) -> None:
        self._under_way: set[str] = set()
        self._untouched: set[str] = set()

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        match event:
            case AcceptCall(prompt=prompt) | RunCall(prompt=prompt):
                begins = ledger.lives[prompt].called == event.seq
                if begins and not self._under_way:
                    self._untouched.add(prompt)
            case CancelCall(op=operation) | ClearCall(op=operation):
                self._under_way.add(operation)
                self._untouched.clear()
            case CancelReturn(op=operation) | ClearReturn(op=operation):
                self._under_way.discard(operation)
        for prompt in sorted(self._untouched):
            life = ledger.lives[prompt]
            if life.ended_cancelled or "dropped" in life.fates:
                how = _how(ledger, prompt)
                return f"{prompt} was submitted when no Cancel was under way, none came after, and {how}"
            if life.over:
                self._untouched.discard(prompt)
        return None


def _carried(ledger: Ledger, turn: str) -> list[str]:
    own = [turn] if turn in ledger.lives else []
    return own + ledger.turns[turn].folded


def _how(ledger: Ledger, prompt: str) -> str:
    life = ledger.lives[prompt]
    if "dropped" in life.fates:
        return "it was dropped"
    if "cancelled on entry" in life.fates:
        return "it was cancelled on entry"
    if life.turn is None and life.host is not None:
        return f"it was folded into the turn of {life.host.owner}, which was cancelled"
    return "it ended as cancelled"
