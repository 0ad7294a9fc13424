"""Who has a run id gets a turn of its own."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Event, Folded, MessageFailed, MessageWritten
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, Violated


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


# in logs
# ---------------------------------------------------------------------------------------------------------------


def folded_with_run_id(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """Who has a run id is folded, or anybody where the session promises that nobody is."""
    if not session.promises.folds:
        return f"{prompt.name} was folded into the turn of {line.turn}, and the session promises that nobody is"
    if prompt.run_id is None:
        return None
    return f"{prompt.name} has a run id and was folded into the turn of {line.turn}"


NO_FOLD_OF_RUN_ID: Final = Invariant(
    "no-fold-of-run-id",
    "A prompt with run id is never folded into another prompt's turn.",
    Kind.ALWAYS,
    no_fold_of_run_id,
    needs=Needs(run_ids=1),
    sees=(Folded, MessageWritten, MessageFailed),
    log=LogMonitor(frozenset({"submit", "folded"}), {"folded": folded_with_run_id}),
    guards=("no-run-id",),
    mutant="NoFoldOfRunId",
)
