"""What a Cancel found does not go on as if nobody had cancelled it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    CancelCalled,
    CancelReturned,
    ContextCancelled,
    Event,
    StreamEnd,
    StreamEnded,
    StreamStarted,
)
from everyturn_model.lifecycle import Ledger, Life, Phase
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, Violated
from everyturn_model.promises import RestsOn
from everyturn_model.works import NO_WORKS, SEEN, Works


@dataclass(frozen=True, slots=True)
class Dooms:
    """``pending``: prompts and the Cancels that found them; ``doomed``: prompts whose Cancel has returned.

    ``late``: turns whose present stream started when their prompt, or one folded into them, was doomed, and that
    prompt. ``works``: the turns and summaries under way; ``reached``: those of them whose context was cancelled;
    ``active``: those that have been under way since a Cancel began, and that Cancel.
    """

    pending: frozenset[tuple[str, str]] = frozenset()
    doomed: frozenset[str] = frozenset()
    late: frozenset[tuple[str, str]] = frozenset()
    works: Works = NO_WORKS
    reached: frozenset[str] = frozenset()
    active: frozenset[tuple[str, str]] = frozenset()

    def after(self, event: Event) -> Dooms:
        """What is under way after an event, and what of it was reached."""
        works = self.works.after(event)
        reached = self.reached
        if isinstance(event, ContextCancelled):
            reached |= {work for work in works.under_way if event.reaches(work)}
        active = frozenset(pair for pair in self.active if pair[0] in works.under_way)
        return replace(self, works=works, reached=reached & works.under_way, active=active)


def no_lost_cancel(state: Dooms, event: Event, ledger: Ledger) -> Dooms | Violated:
    """What a Cancel found has ended or was reached when it returns, and does not finish by a stream that starts
    later."""
    state = state.after(event)
    match event:
        case CancelCalled(promise="nothing"):
            return state
        case CancelCalled(operation=operation, promise=promise):
            found = {(life.prompt, operation) for life in ledger if _promised(life, ledger, promise)}
            active = {(work, operation) for work in state.works.under_way}
            return replace(state, pending=state.pending | found, active=state.active | active)
        case CancelReturned(operation=operation):
            return _returned(state, operation)
        case StreamStarted(turn=turn):
            late = {pair for pair in state.late if pair[0] != turn}
            if state.doomed:
                late |= {(turn, life.prompt) for life in _carried(ledger, turn) if life.prompt in state.doomed}
            return replace(state, late=frozenset(late))
        case StreamEnded(turn=turn, how=StreamEnd.FINISHED):
            for late_turn, prompt in sorted(state.late):
                if late_turn == turn:
                    return Violated(
                        f"{prompt} was there when a Cancel began, and finished by a stream that started after it "
                        f"returned"
                    )
    return state


def _returned(state: Dooms, operation: str) -> Dooms | Violated:
    """A Cancel returns. A turn that prepares a step may yet look at a mark that the Cancel left; a stream never
    does."""
    found = {work for work, other in state.active if other == operation}
    missed = sorted((found & state.works.streaming) - state.reached)
    if missed:
        return Violated(f"{missed[0]} was active when a Cancel began, and streams on, not cancelled, after it returned")
    hit = {pair for pair in state.pending if pair[1] == operation}
    active = frozenset(pair for pair in state.active if pair[1] != operation)
    return replace(
        state, pending=state.pending - hit, doomed=state.doomed | {prompt for prompt, _ in hit}, active=active
    )


_OF_TURNS: Final = frozenset({Phase.TURN, Phase.FOLDED})
_BEFORE_THE_QUEUE: Final = frozenset({Phase.NEW, Phase.LIVE})


def _promised(life: Life, ledger: Ledger, promise: str) -> bool:
    """Whether a Cancel that promises this ends a prompt that it finds."""
    if ledger.is_over(life):
        return False
    if promise == "turn":
        return life.phase in _OF_TURNS
    return promise != "turn and queue" or life.phase not in _BEFORE_THE_QUEUE


def _carried(ledger: Ledger, turn: str) -> tuple[Life, ...]:
    own = ledger.of_turn(turn)
    return (*(() if own is None else (own,)), *ledger.folded_into(turn))


# in logs
# ---------------------------------------------------------------------------------------------------------------


def finished_late(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """Whom a Cancel found finishes by a stream that started after it had returned."""
    if prompt.late is None or "finished" not in (line.how, line.outcome):
        return None
    (name, cancel), prompt.late = prompt.late, None
    whose = "its turn" if name == prompt.name else f"the turn of {prompt.name}, into which it was folded,"
    return (
        f"{name} was submitted before {cancel} was called, and {whose} finished by a stream that started after "
        f"{cancel} had returned"
    )


NO_LOST_CANCEL: Final = Invariant(
    "no-lost-cancel",
    "What was active when a Cancel began has ended or was cancelled when it returned, and no prompt that was there "
    "finishes"
    " by a stream that started later.",
    Kind.ALWAYS,
    no_lost_cancel,
    Dooms(),
    Needs(cancels=1),
    sees=(CancelCalled, CancelReturned, ContextCancelled, *SEEN),
    rests_on=RestsOn("cancel", "nothing", "the session does not promise that a Cancel ends anything"),
    log=LogMonitor(
        frozenset({"submit", "started", "ended", "cancel_call", "cancel_return"}),
        {"ended": finished_late, "stream_end": finished_late},
    ),
    guards=("not-late",),
    mutant="NoLostCancel",
)
