"""Nobody is told what is somebody else's."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Completed, ErrorNotified, Event
from everyturn_model.lifecycle import Ledger
from everyturn_model.logs.line import Line
from everyturn_model.logs.monitor import LogEvidence, LogMonitor
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Needs, SessionNeeds, Violated
from everyturn_model.waiters import waited_for


def right_owner(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """A completion speaks of its own prompt's turn."""
    if not isinstance(event, Completed | ErrorNotified) or not waited_for(event, ledger):
        return state
    match event:
        case Completed(prompt=prompt, message=message, owner=owner, error_owner=error_owner):
            named = ledger.of_message(message)
            whose_message = None if named is None else named[0].prompt
            for what, whose in (("answer", owner), ("error", error_owner), ("message", whose_message)):
                if whose is not None and whose != prompt:
                    return Violated(f"a completion for {prompt} carries the {what} of {whose}")
        case ErrorNotified(prompt=prompt, owner=owner) if owner != prompt:
            return Violated(f"an error notification for {prompt} tells the error of {owner}")
    return state


# in logs
# ---------------------------------------------------------------------------------------------------------------


def wrong_owner(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """A notice with run id carries what is somebody else's."""
    owner = line.owner
    if owner is None or owner == prompt.name or prompt.run_id is None or prompt.misowned:
        return None
    if line.kind == "notified" and line.run_id is None:
        return None
    prompt.misowned = True
    if line.kind == "notified":
        return f"an error notification for {prompt.name} tells the error of {owner}"
    return f"a completion for {prompt.name} carries the answer, message or error of {owner}"


def no_owners(shown: LogEvidence) -> str | None:
    """Whose an answer is must be said somewhere."""
    return None if shown.owners else "the log does not say whose answer a completion carries"


RIGHT_OWNER: Final = Invariant(
    "right-owner",
    "A completion carries the text, message and error of its own prompt's turn.",
    Kind.ALWAYS,
    right_owner,
    needs=Needs(run_ids=1),
    sees=(Completed, ErrorNotified),
    log=LogMonitor(
        frozenset({"submit", "told"}),
        {"told": wrong_owner, "kept": wrong_owner, "notified": wrong_owner},
        silent=no_owners,
    ),
    session=SessionNeeds("owner", "no answer has carried what the model said ('answer:p1')"),
    guards=("notice-of-own-error", "own-answer"),
    mutant="RightOwner",
)
