"""What an invariant looks at in a log: a judge for each kind of line that can show a violation, and one for rest.

Judges claim only what no order of the agent's hidden steps explains, given that lines stand where
``docs/instrumentation.md`` says. The meanings are those of ``docs/semantics.md`` 4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from everyturn_model.logs.line import Line, Snapshot
from everyturn_model.logs.session import LogPrompt, LogSession

PromptJudge = Callable[[LogSession, LogPrompt, Line], str | None]
"""Judges a line about a prompt, after the session has taken it in: a sentence if the line shows a violation."""

SessionJudge = Callable[[LogSession, Line], str | None]
"""Judges a line about the whole session; one that begins a summary before the summary counts as running."""


class Left(NamedTuple):
    """A violation that a session shows at rest, in a sentence; ``prompt``: whose it is, unless it is the session's."""

    sentence: str
    prompt: str | None = None


RestJudge = Callable[[LogSession, frozenset[str], Snapshot | None], Iterator[Left]]
"""Judges a session at rest by what is open, given the kinds of line that the log has."""


class LogEvidence(NamedTuple):
    """What a log has shown on the whole, up to where it stops."""

    rests: int
    """How many rests."""
    open: int
    """How many prompts are open."""
    untouched: int
    """How many prompts were submitted while surely no Cancel was under way."""
    snapshots: bool
    """Whether there was one at a rest."""
    threads: bool
    """Whether a line that begins a turn names its thread."""
    owners: bool
    """Whether a line says whose answer a notice carries."""
    untraced: str | None = None
    """A prompt that left no trace, and may have been dropped without a line."""


@dataclass(frozen=True, slots=True)
class LogMonitor:
    """How one invariant is judged in logs.

    ``needs``: the kinds of line that a log must have for a judgement. ``of_prompts``, ``of_sessions``: the judges of
    each kind of line about a prompt, or about the whole session. ``at_rest``: the judge of a session at rest; ``rest``
    is then among the needs, but what the other kinds show is judged without. ``silent``: why nothing can be said,
    although the kinds of line are there; none if something can.
    """

    needs: frozenset[str]
    of_prompts: Mapping[str, PromptJudge] = field(default_factory=dict, hash=False)
    of_sessions: Mapping[str, SessionJudge] = field(default_factory=dict, hash=False)
    at_rest: RestJudge | None = None
    silent: Callable[[LogEvidence], str | None] | None = None

    def unsaid(self, shown: LogEvidence) -> str | None:
        """Why nothing can be said of the invariant after a log that showed this; none if something can."""
        if self.at_rest is not None and not shown.rests:
            return "the log stops before a session is at rest"
        return None if self.silent is None else self.silent(shown)


@dataclass(frozen=True, slots=True)
class NotShown:
    """Why no log shows whether an invariant holds."""

    reason: str


def still_open(shown: LogEvidence) -> str | None:
    """For what becomes of prompts: those that are open where the log stops leave it unsaid."""
    return f"{shown.open:,} prompts are open where the log stops" if shown.open else None
