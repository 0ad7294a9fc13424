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
    MessageFailed,
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

    ``spared``: those of them that were queued when a Cancel began which promises to spare the queue; ``folded``: those
    of them that end with the turn that is given with each.
    """

    cancelling: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    clearing: frozenset[str] = frozenset()
    closing: bool = False
    spared: frozenset[str] = frozenset()
    folded: frozenset[tuple[str, str]] = frozenset()

    def keeping(self, prompts: frozenset[str]) -> Untouched:
        """The same of these prompts alone."""
        return replace(self, prompts=prompts, folded=frozenset(each for each in self.folded if each[0] in prompts))


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
            return replace(state.keeping(spared), cancelling=state.cancelling | {operation}, spared=spared)
        case TurnStarted(prompt=prompt) | Folded(prompt=prompt) if state.cancelling:
            return state.keeping(state.prompts - {prompt})
        case CancelReturned(operation=operation):
            return replace(state, cancelling=state.cancelling - {operation})
        case ClearCalled(operation=operation):
            return replace(state.keeping(frozenset()), clearing=state.clearing | {operation})
        case ClearReturned(operation=operation):
            return replace(state, clearing=state.clearing - {operation})
        case ShutdownBegan():
            return replace(state.keeping(frozenset()), closing=True)
    over: set[str] = set()
    folded = dict(state.folded)
    for prompt in sorted(_may_have_changed(state, event, ledger)):
        life = ledger.get(prompt)
        if life is not None and (Fate.DROPPED in life.fates or ledger.ending(life) is Outcome.CANCELLED):
            if prompt in state.spared:
                return Violated(f"{prompt} was queued, where Cancel spares it, and yet ended as cancelled")
            return Violated(f"{prompt} was submitted after every Cancel had returned, and yet ended as cancelled")
        if life is not None and ledger.is_over(life):
            over.add(prompt)
        folded.pop(prompt, None)
        if life is not None and life.phase is Phase.FOLDED and life.host is not None:
            folded[prompt] = life.host
    if not over and folded == dict(state.folded):
        return state
    return replace(state, folded=frozenset(folded.items())).keeping(state.prompts - over)


def _may_have_changed(state: Untouched, event: Event, ledger: Ledger) -> set[str]:
    """Of the prompts that nothing has met, those that an event may have brought to an end: whose life it is about, and
    who was folded into a turn of that one. No other life is looked at."""
    prompt, turn = getattr(event, "prompt", None), getattr(event, "turn", None)
    lives = [None if prompt is None else ledger.get(prompt)]
    if turn is not None and (prompt is None or isinstance(event, MessageFailed)):  # as the ledger follows events
        lives.append(ledger.of_turn(turn))
    turns = {each.name for life in lives if life is not None for each in life.turns}
    named = {life.prompt for life in lives if life is not None}
    return {*(state.prompts & named), *(folded for folded, host in state.folded if host in turns)}


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
