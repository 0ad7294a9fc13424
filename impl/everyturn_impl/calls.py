"""The values that travel through the dispatcher: calls, completions, contexts. All are immutable and compare by
value."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Outcome(StrEnum):
    """How a turn ended."""

    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Context:
    """Whom a piece of work belongs to, so that it can be cancelled together with all that was started for it.

    A context is a name, not a state: whether it is cancelled is known to the contexts port. ``path`` runs from the
    workspace down; cancelling a context cancels every context whose path continues its own. ``hop`` counts the turns
    that one caller's thread has run, so that each gets a name of its own.
    """

    path: tuple[str, ...] = ()
    prompt: str | None = None
    hop: int = 0

    @property
    def name(self) -> str:
        """The context's unique name within a run; the workspace's own is empty."""
        return "/".join(self.path[1:])

    def child(self, name: str, prompt: str | None = None) -> Context:
        """A context that is cancelled whenever this one is."""
        return Context((*self.path, name), prompt)

    def turn(self, prompt: str) -> Context:
        """The context of the turn that this caller runs next for ``prompt``."""
        return self.child(f"{prompt}.{self.hop}" if self.hop else prompt, prompt)

    def summary(self) -> Context:
        """The context of a summary that this caller makes."""
        return self.child(f"summary.{self.hop}" if self.hop else "summary", self.prompt)

    def above(self) -> Context:
        """The context that this one is a child of; for whom that worked is not known."""
        return Context(self.path[:-1])

    def next_hop(self) -> Context:
        """The same caller, about to run a further turn."""
        return replace(self, hop=self.hop + 1)


@dataclass(frozen=True, slots=True)
class Reservation:
    """The handle of an accept reservation; the reservations port knows whether it is still open."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Call:
    """One submitted prompt on its way through the dispatcher.

    ``prompt`` identifies it, ``text`` is what the user wrote. With a ``run_id`` somebody waits for its completion.
    ``reservation`` is there for calls that take the accepted way; ``sequence`` is the accept sequence that a queued
    call is judged by (0: none, so that any cancel mark covers it). ``hook`` names the coordinator that collects the
    call's completions; none: they go straight to the broker.
    """

    prompt: str
    text: str
    run_id: str | None = None
    reservation: Reservation | None = None
    sequence: int = 0
    hook: str | None = None


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong, as a value: the kind of error and the prompt (or operation) that it befell."""

    kind: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Completion:
    """The terminal event of a prompt: its run id, the assistant message it names, text, error and whether cancelled."""

    prompt: str
    run_id: str | None
    message: str | None = None
    text: str = ""
    fault: Fault | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A step's stream that is under way; ``cancelled``: its context was cancelled before it began."""

    context: Context
    prompt: str | None
    number: int
    cancelled: bool = False


class StepEnd(StrEnum):
    """How one step of a stream ended."""

    FINISHED = "finished"
    TOOL = "tool"
    ERROR = "error"
    UNAUTHORISED = "unauthorised"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class StreamResult:
    """The end of one step: how, the text that was produced, and whether the context window is nearly full."""

    how: StepEnd
    text: str = ""
    full: bool = False
