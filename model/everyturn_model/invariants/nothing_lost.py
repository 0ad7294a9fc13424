"""Something becomes of every prompt, once, and its message is stored, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn_model.events import Event, Outcome, Rest
from everyturn_model.lifecycle import Fate, Ledger
from everyturn_model.logs.line import Line, Snapshot
from everyturn_model.logs.monitor import Left, LogEvidence, LogMonitor, still_open
from everyturn_model.logs.session import LogPrompt, LogSession
from everyturn_model.monitor import Invariant, Kind, Violated

_WRITES: Final = frozenset({Fate.STARTED, Fate.FOLDED, Fate.CANCELLED_ON_ENTRY})


def nothing_lost(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest, every prompt has one fate, and its message is stored once where the fate asks for it."""
    if not isinstance(event, Rest):
        return state
    for life in ledger:
        if Fate.REFUSED in life.fates:
            continue
        if not life.fates:
            return Violated(f"{life.prompt} was accepted, and nothing became of it")
        if len(life.fates) > 1:
            return Violated(f"{life.prompt} has more than one fate: {', '.join(sorted(life.fates))}")
        if life.fates & _WRITES:
            spared = life.excused or ledger.ending(life) is Outcome.CANCELLED
            if life.written > 1:
                return Violated(f"the user message of {life.prompt} is stored more than once")
            if life.written < 1 and not spared:
                return Violated(f"the user message of {life.prompt} ({', '.join(life.fates)}) is not stored")
    return state


# in logs
# ---------------------------------------------------------------------------------------------------------------


def doubled(session: LogSession, prompt: LogPrompt, line: Line) -> str | None:
    """A second fate, or a second copy of the message: nothing that comes later undoes it."""
    if line.kind == "message":
        return f"the user message of {prompt.name} was stored {prompt.written} times" if prompt.written > 1 else None
    if prompt.fate in (line.kind, "started"):  # what has started once keeps that fate
        return None
    return f"{prompt.name} has more than one fate: {prompt.fate}, {line.kind}"


def lost(session: LogSession, kinds: frozenset[str], snapshot: Snapshot | None) -> Iterator[Left]:
    """Prompts of which nothing became, those that are still in the queue, and messages that were never stored.

    A prompt that a Cancel or ClearQueue met may have been dropped, in a log that does not tell of drops: it is
    ``untraced``.
    """
    queue = () if snapshot is None else snapshot.queue
    for prompt in session.prompts.values():
        if prompt.name in queue:
            yield Left(f"nothing can move any more, and {prompt.name} is still in the queue", prompt.name)
        elif prompt.fate is None:
            if prompt.notified or prompt.own_error:
                continue
            if prompt.met and "dropped" not in kinds:
                session.untraced.append(prompt.name)
            else:
                yield Left(f"{prompt.name} was submitted, and nothing became of it", prompt.name)
        elif "message" in kinds and prompt.unwritten and not prompt.cancelled:
            yield Left(f"the user message of {prompt.name} ({prompt.fate}) is not stored", prompt.name)


def not_known(shown: LogEvidence) -> str | None:
    """What became of every prompt must be known: of those that are open, and of those that may have been dropped
    silently."""
    if shown.untraced is not None:
        return f"{shown.untraced} left no trace: whether it was dropped or lost cannot be seen"
    return still_open(shown)


NOTHING_LOST: Final = Invariant(
    "nothing-lost",
    "Every prompt that was not refused has exactly one fate, and its message is stored once.",
    Kind.AT_REST,
    nothing_lost,
    sees=(Rest,),
    log=LogMonitor(
        frozenset({"submit", "started", "folded", "rest"}),
        {"started": doubled, "folded": doubled, "dropped": doubled, "refused": doubled, "message": doubled},
        at_rest=lost,
        silent=not_known,
    ),
    guards=("rest-all-ended", "rest-all-written", "written-once"),
    mutant="NothingLost",
)
