"""A Cancel does not hit who comes after it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ClearCalled,
    ClearReturned,
    Event,
    Folded,
    Outcome,
    ShutdownBegan,
    Submitted,
    TurnStarted,
)
from everyturn_model.lifecycle import Fate, Ledger, Phase
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogEvidence, LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Violated


@dataclass(frozen=True, slots=True)
class Untouched:
    """``cancelling``, ``clearing``: operations under way; ``prompts``: those that nothing of the kind has met.

    ``spared``: those of them that were queued when a Cancel began which promises to spare the queue.
    """

    cancelling: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    clearing: frozenset[str] = frozenset()
    closing: bool = False
    spared: frozenset[str] = frozenset()


def no_poisoned_prompt(state: Untouched, event: Event, ledger: Ledger) -> Untouched | Violated:
    """A prompt that came after every Cancel does not end as cancelled."""
    match event:
        case Submitted(prompt=prompt):
            if state.cancelling or state.clearing or state.closing:
                return state
            return replace(state, prompts=state.prompts | {prompt})
        case CancelCalled(operation=operation, promise=promise):
            queued = {life.prompt for life in ledger if promise == "turn" and life.phase is Phase.QUEUED}
            spared = state.prompts & queued
            return replace(state, cancelling=state.cancelling | {operation}, prompts=spared, spared=spared)
        case TurnStarted(prompt=prompt) | Folded(prompt=prompt) if state.cancelling:
            return replace(state, prompts=state.prompts - {prompt})
        case CancelReturned(operation=operation):
            return replace(state, cancelling=state.cancelling - {operation})
        case ClearCalled(operation=operation):
            return replace(state, clearing=state.clearing | {operation}, prompts=frozenset())
        case ClearReturned(operation=operation):
            return replace(state, clearing=state.clearing - {operation})
        case ShutdownBegan():
            return replace(state, closing=True, prompts=frozenset())
    over: set[str] = set()
    for prompt in sorted(state.prompts):
        life = ledger.get(prompt)
        if life is not None and (Fate.DROPPED in life.fates or ledger.ending(life) is Outcome.CANCELLED):
            if prompt in state.spared:
                return Violated(f"{prompt} was queued, where Cancel spares it, and yet ended as cancelled")
            return Violated(f"{prompt} was submitted after every Cancel had returned, and yet ended as cancelled")
        if life is not None and ledger.is_over(life):
            over.add(prompt)
    return replace(state, prompts=state.prompts - over) if over else state


# in logs
# ---------------------------------------------------------------------------------------------------------------


def poisoned(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """A prompt that no Cancel met is cancelled, or one is dropped that stood in a queue which Cancel spares."""
    if prompt.in_queue and (prompt.fate == "dropped" or (session.exact and prompt.cancelled)):
        prompt.in_queue = False
        how = "was dropped" if prompt.fate == "dropped" else "yet ended as cancelled"
        return f"{prompt.name} was queued, where Cancel spares it, and {how}"
    hit = [each for each in (prompt, *prompt.folds) if each.untouched and each.cancelled]
    if not hit:
        return None
    for each in hit:
        each.untouched = False
    how = "was dropped" if prompt.fate == "dropped" else "ended as cancelled"
    return f"{hit[0].name} was submitted when no Cancel was under way, none came after, and it {how}"


def none_untouched(shown: LogEvidence) -> str | None:
    """Only of prompts that surely no Cancel met can anything be said."""
    return None if shown.untouched else "no prompt was submitted while it is sure that no Cancel was under way"


NO_POISONED_PROMPT: Final = Invariant(
    "no-poisoned-prompt",
    "A prompt that was submitted after every Cancel had returned does not end as cancelled.",
    Kind.ALWAYS,
    no_poisoned_prompt,
    Untouched(),
    log=LogMonitor(
        frozenset({"submit", "ended", "cancel_call", "cancel_return"}),
        {"dropped": poisoned, "ended": poisoned, "told": poisoned, "kept": poisoned, "returned": poisoned},
        silent=none_untouched,
    ),
    guards=("drop-reached", "entry-reached", "end-reached", "stream-reached"),
    mutant="NoPoisonedPrompt",
)
