"""Nobody is kept waiting for a completion behind somebody else's turn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import Completed, Event, SummaryStarted, SummaryStreamStarted, TurnStarted
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogEvidence, LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, Violated
from everyturn_model.waiters import waited_for


@dataclass(frozen=True, slots=True)
class Holding:
    """``held``: prompts whose completion lies in a hook, and the thread that will deliver it.

    ``passed``: prompts whose turn had ended, untold, when another turn began on the thread that ran them.
    """

    held: frozenset[tuple[str, str]] = frozenset()
    passed: frozenset[tuple[str, str]] = frozenset()


def prompt_notice(state: Holding, event: Event, ledger: Ledger) -> Holding | Violated:
    """Nobody runs somebody else's turn before telling whom it owes."""
    match event:
        case Completed(prompt=prompt, delivered=False, thread=thread) if waited_for(event, ledger):
            return replace(state, held=state.held | {(prompt, thread)})
        case Completed(prompt=prompt, delivered=True, thread=thread):
            if (prompt, thread) in state.passed:
                return Violated(f"{prompt} was told only after {thread} had begun another turn")
            return replace(state, held=frozenset(pair for pair in state.held if pair[0] != prompt))
        case TurnStarted(turn=begun, prompt=prompt, thread=thread):
            return _pass(state, ledger, begun, prompt, thread)
        case SummaryStarted() | SummaryStreamStarted():
            begun, turn, thread = event.summary, event.turn, event.thread
            own = None if turn is None else ledger.of_turn(turn)
            return _pass(state, ledger, begun, None if own is None else own.prompt, thread)
    return state


def _pass(state: Holding, ledger: Ledger, begun: str, own: str | None, thread: str) -> Holding | Violated:
    """``thread`` begins the turn or summary ``begun`` of the prompt ``own``."""
    for prompt, holder in sorted(state.held):
        life = ledger.get(prompt)
        if holder == thread and prompt != own and life is not None and life.over:
            return Violated(f"{thread} began {begun} while it still held the completion of {prompt}")
    owed = {
        (life.prompt, thread)
        for life in ledger
        if life.run_id and life.thread == thread and life.prompt != own and life.over and life.turns and not life.told
    }
    again = {pair for pair in state.passed if pair[0] == own}
    return replace(state, passed=(state.passed - again) | owed)


# in logs
# ---------------------------------------------------------------------------------------------------------------


def told_late(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """The thread that owed a completion began another turn first."""
    if prompt.run_id is not None and prompt.passed is not None and prompt.passed == line.thread:
        begun, prompt.passed = prompt.begun, None
        return f"{prompt.name} was told only after {_whose(session, line.thread)} had begun the turn of {begun}"
    return None


def turn_begun_while_owing(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """A thread begins a turn while its hook keeps the completion of another prompt."""
    return None if line.kind == "message" and line.by != "turn" else _begun(session, prompt.name, prompt, line)


def summary_begun_while_owing(session: LogSession, line: Line) -> str | None:
    """A thread begins a summary while its hook keeps the completion of a prompt whose summary it is not."""
    return _begun(session, str(line.operation), None, line)


def _begun(session: LogSession, begun: str, prompt: LogPrompt | None, line: Line) -> str | None:
    """The thread of the line begins something: what it owes has been passed over, and what its hook keeps is
    violated."""
    thread = line.thread
    owed = None if thread is None else session.owed.get(thread)
    if not owed:
        return None
    found = None
    for each in list(owed.values()):
        if each is prompt or each.name == line.turn or each.passed is not None:
            continue
        each.passed, each.begun = thread, begun
        if each.kept_on == thread:
            del owed[each.name]
            each.passed = None
            whose = _whose(session, thread)
            found = f"{whose} began the turn of {begun} while its hook held the completion of {each.name}"
    return found


def _whose(session: LogSession, thread: str | None) -> str:
    """A thread, in words."""
    return f"{thread}'s thread" if session.recorded else str(thread)


def no_threads(shown: LogEvidence) -> str | None:
    """Who keeps a completion back must be named."""
    return None if shown.threads else "the log does not name threads"


PROMPT_NOTICE: Final = Invariant(
    "prompt-notice",
    "A completion is not held back behind another prompt's turn.",
    Kind.ALWAYS,
    prompt_notice,
    Holding(),
    Needs(run_ids=1),
    sees=(Completed, TurnStarted, SummaryStarted, SummaryStreamStarted),
    log=LogMonitor(
        frozenset({"started", "ended", "told"}),
        {"started": turn_begun_while_owing, "message": turn_begun_while_owing, "told": told_late},
        {"summary_start": summary_begun_while_owing},
        silent=no_threads,
    ),
    guards=("start-holds-nothing", "summary-holds-nothing", "not-passed"),
    mutant="PromptNotice",
)
