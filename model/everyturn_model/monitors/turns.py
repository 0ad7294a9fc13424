"""What must hold of turns: one at a time, in order, and none that takes in a prompt with run id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    Event,
    Folded,
    MessageFailed,
    MessageWritten,
    Queued,
    StreamStarted,
    SummaryStarted,
    TurnStarted,
)
from everyturn_model.lifecycle import Ledger
from everyturn_model.monitor import Invariant, Kind, Needs, Violated
from everyturn_model.monitors.works import NO_WORKS, SEEN, Works

# one turn at a time ------------------------------------------------------------------------------------------------


def one_turn(works: Works, event: Event, ledger: Ledger) -> Works | Violated:
    """Turns and summaries do not overlap, from their begin to their end, except a turn and its own summary."""
    others = works.beside(event)
    if others:
        name = event.turn if isinstance(event, TurnStarted | StreamStarted) else getattr(event, "summary", None)
        began = "began" if isinstance(event, TurnStarted | SummaryStarted) else "streams"
        return Violated(f"{name} {began} while {', '.join(sorted(others))} had not ended")
    return works.after(event)


ONE_TURN: Final = Invariant(
    "one-turn",
    "At most one turn or summary is active in a session.",
    Kind.ALWAYS,
    one_turn,
    NO_WORKS,
    sees=SEEN,
)


# in order ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """``waited``: prompts with run id in the order of their first entry into the queue; ``started``: those with a turn."""

    waited: tuple[str, ...] = ()
    started: frozenset[str] = frozenset()


def in_order(line: Line, event: Event, ledger: Ledger) -> Line | Violated:
    """Who entered the queue first starts first."""
    match event:
        case Queued(prompt=prompt):
            life = ledger.get(prompt)
            if life is not None and life.run_id and not life.turns and prompt not in line.waited:
                return replace(line, waited=(*line.waited, prompt))
        case TurnStarted(prompt=prompt) if prompt in line.waited and prompt not in line.started:
            later = [each for each in line.waited[line.waited.index(prompt) :] if each in line.started]
            if later:
                return Violated(f"{later[0]} entered the queue after {prompt} and started before it")
            return replace(line, started=line.started | {prompt})
    return line


IN_ORDER: Final = Invariant(
    "in-order",
    "Calls with run id start their turns in the order in which they entered the queue.",
    Kind.ALWAYS,
    in_order,
    Line(),
    Needs(run_ids=2),
    sees=(Queued, TurnStarted),
)


# no fold of run-id prompts -----------------------------------------------------------------------------------------


def no_fold_of_run_id(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """Who has a run id gets a turn of its own."""
    match event:
        case Folded(prompt=prompt, turn=turn, broken=True):
            return Violated(f"{prompt} was folded into turn {turn}, and the session promises that nobody is")
        case Folded(prompt=prompt, turn=turn):
            pass
        case MessageWritten(prompt=prompt, turn=str(turn)) | MessageFailed(prompt=prompt, turn=str(turn)):
            host = ledger.of_turn(turn)  # what a drain says is not believed: whose message a turn writes, that it folds
            if host is None or host.prompt == prompt:
                return state
        case _:
            return state
    life = ledger.get(prompt)
    if life is not None and life.run_id:
        return Violated(f"{prompt} has a run id and was folded into turn {turn}")
    return state


NO_FOLD_OF_RUN_ID: Final = Invariant(
    "no-fold-of-run-id",
    "A prompt with run id is never folded into another prompt's turn.",
    Kind.ALWAYS,
    no_fold_of_run_id,
    needs=Needs(run_ids=1),
    sees=(Folded, MessageWritten, MessageFailed),
)
