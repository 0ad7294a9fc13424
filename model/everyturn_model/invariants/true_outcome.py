"""Who is told how it ended is told the truth."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Completed, ErrorNotified, Event, Outcome, ShutdownBegan
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Violated


def true_outcome(closing: bool, event: Event, ledger: Ledger) -> bool | Violated:
    """A completion says how it really ended: the turn that it names, or the prompt once that is over."""
    if isinstance(event, ShutdownBegan):
        return True
    if isinstance(event, ErrorNotified):
        return (
            closing
            if _may_have_failed(event, ledger)
            else Violated(f"{event.prompt} finished, and was told of an error")
        )
    if not isinstance(event, Completed):
        return closing
    life = ledger.get(event.prompt)
    named = ledger.of_message(event.message)
    ending = None if life is None else ledger.ending(life)
    if named is not None and not (event.delivered and life is not None and ledger.is_over(life)):
        ending = named[1].ending or named[0].settled
    match ending:
        case Outcome.FINISHED:
            true = not event.error and (closing or not event.cancelled)
        case Outcome.FAILED:
            true = event.error and not event.cancelled
        case Outcome.CANCELLED:
            true = event.cancelled
        case _:
            true = False
    if not true:
        told = "cancelled" if event.cancelled else "failed" if event.error else "finished"
        return Violated(f"{event.prompt} was told as {told} and {'has not ended' if ending is None else ending}")
    return closing


def _may_have_failed(event: ErrorNotified, ledger: Ledger) -> bool:
    """Whether the notice is not of an own error of a prompt that finished, sent to whoever waits for its run id."""
    life = ledger.get(event.prompt)
    own = event.run_id and event.owner == event.prompt
    return not own or life is None or ledger.ending(life) is not Outcome.FINISHED


# in logs
# ---------------------------------------------------------------------------------------------------------------


def untrue(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """A completion says something else than what the ending was."""
    turn = prompt if prompt.host is None else prompt.host
    told = line.outcome
    if told in prompt.earlier and (turn.running or line.kind == "kept"):
        return None
    if turn.running:
        return f"{prompt.name} was told as {told} and has not ended"
    if prompt.fate == "dropped":
        ending: str | None = "cancelled"
    elif turn.ended:
        ending = turn.outcome
    elif prompt.whole and prompt.fate is None and not prompt.met and told != "failed":
        return f"{prompt.name} was told as {told} and nothing of it has ended"
    else:
        return None
    closing = session.closing and ending == "finished" and told == "cancelled"
    unwritten = turn.spared and told == "failed"
    if ending is None or ending == told or closing or unwritten:
        return None
    return f"{prompt.name} was told as {told} and {'was' if ending == 'cancelled' else 'has'} {ending}"


def untrue_error(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """Whoever waits for a prompt that finished is told of an error of it."""
    turn = prompt if prompt.host is None else prompt.host
    own = prompt.run_id is not None and line.run_id is not None and line.owner in (None, prompt.name)
    finished = turn.ended and turn.outcome == "finished" and not turn.spared
    return f"{prompt.name} finished, and was told of an error" if own and finished else None


TRUE_OUTCOME: Final = Invariant(
    "true-outcome",
    "A completion says how the turn really ended, and nobody is told of an error of a prompt that finished.",
    Kind.ALWAYS,
    true_outcome,
    start=False,
    sees=(ShutdownBegan, Completed, ErrorNotified),
    log=LogMonitor(
        frozenset({"submit", "started", "ended", "told"}), {"told": untrue, "kept": untrue, "notified": untrue_error}
    ),
    guards=("true-outcome", "ended", "end-known"),
    mutant="TrueOutcome",
)
