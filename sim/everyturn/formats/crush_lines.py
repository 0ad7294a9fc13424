"""The vocabulary of ``crush-dispatch-trace/1``: one class for each kind of line, as ``recordings/README.md``
describes."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from msgspec import UNSET, Meta, Struct, UnsetType

Count = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
CrushStepEnd = Literal["finish", "tool", "error", "cancelled"]
CrushOutcome = Literal["ok", "cancelled", "error", "busy-queued", "cancel-on-entry", "nil", "refused-busy"]


class CrushHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a log."""

    schema: Literal["crush-dispatch-trace/1"]
    revision: Name
    commit: str
    source: str
    go: str
    gomaxprocs: Count
    deps: str


class CrushLine(Struct, frozen=True, forbid_unknown_fields=True, tag_field="ev", kw_only=True):
    """What every other line has: the run, its place in the run, and nanoseconds since the run began."""

    run: Count
    seq: Count
    t: Count


class ScenarioPrompt(Struct, frozen=True, forbid_unknown_fields=True):
    """One prompt of a scenario: accepted or in-process, with or without run id, and how each of its steps ends."""

    id: Name
    kind: Literal["A", "a", "I", "i"]
    script: tuple[Literal["finish", "tool", "error"], ...]

    @property
    def waits(self) -> bool:
        """Whether it carries a run id."""
        return self.kind.isupper()

    @property
    def accepted(self) -> bool:
        """Whether it was submitted through the server, with a reservation."""
        return self.kind in "Aa"


class CrushScenario(Struct, frozen=True, forbid_unknown_fields=True):
    """What the clients of a run do. Random runs have a seed, steered ones say how they were steered."""

    prompts: tuple[ScenarioPrompt, ...]
    hook: bool
    cancels: Count
    clears: Count
    errors: Count
    summarize: Count
    seed: int | UnsetType = UNSET
    steer: str | UnsetType = UNSET
    how: str | UnsetType = UNSET


class Begin(CrushLine, frozen=True, tag="begin"):
    """A run begins."""

    session: Name
    scenario: CrushScenario


class AcceptCall(CrushLine, frozen=True, tag="accept_call"):
    """The server is about to take a reservation."""

    prompt: Name
    run_id: Name | None = None


class AcceptReturn(CrushLine, frozen=True, tag="accept_return"):
    """The server has taken a reservation."""

    prompt: Name
    accept_seq: Count
    run_id: Name | None = None


class RunCall(CrushLine, frozen=True, tag="run_call"):
    """``Run`` is called on the prompt's own thread."""

    prompt: Name
    mode: Literal["accepted", "in_process"]
    run_id: Name | None = None


class RunReturn(CrushLine, frozen=True, tag="run_return"):
    """``Run`` has returned; ``turns`` are the prompts whose turns ran on this thread, in order."""

    prompt: Name
    mode: Literal["accepted", "in_process"]
    outcome: CrushOutcome
    run_id: Name | None = None
    error: str | None = None
    turns: str = ""


class OperationLine(CrushLine, frozen=True):
    """The call or return of a Cancel, ClearQueue or Summarise by a user, which ``op`` names."""

    op: Name


class CancelCall(OperationLine, frozen=True, tag="cancel_call"):
    """A Cancel is called."""


class CancelReturn(OperationLine, frozen=True, tag="cancel_return"):
    """A Cancel has returned."""


class ClearCall(OperationLine, frozen=True, tag="clear_call"):
    """A ClearQueue is called."""


class ClearReturn(OperationLine, frozen=True, tag="clear_return"):
    """A ClearQueue has returned."""


class SummarizeCall(OperationLine, frozen=True, tag="summarize_call"):
    """A Summarise is called."""


class SummarizeReturn(OperationLine, frozen=True, tag="summarize_return"):
    """A Summarise has returned; ``turns`` are those that ran on its thread after the summary."""

    outcome: CrushOutcome
    error: str | None = None
    turns: str = ""


class UserMessage(CrushLine, frozen=True, tag="user_message"):
    """A user message was written; a folded one into ``turn``."""

    prompt: Name
    thread: Name
    by: Literal["turn", "fold", "cancel_on_entry"]
    turn: Name | None = None


class StreamStartLine(CrushLine, frozen=True, tag="stream_start"):
    """The model was called for a step of ``turn``: a prompt, or ``summary:`` and the operation."""

    thread: Name
    turn: Name
    step: Count
    prompts: tuple[str, ...]
    request: str


class StreamEndLine(CrushLine, frozen=True, tag="stream_end"):
    """A step's stream has ended."""

    thread: Name
    turn: Name
    step: Count
    how: CrushStepEnd


class CompletionLine(CrushLine, frozen=True, tag="completion"):
    """A completion is about to be handed to a coordinator's hook or to the broker."""

    by: Literal["turn_end", "handoff", "cancel", "clear", "cancel_on_entry", "step_drop", "handoff_drop"]
    via: Literal["hook", "broker"]
    thread: Name
    cancelled: bool
    has_message: bool
    run_id: Name | None = None
    text: str | None = None
    owner: str | None = None
    error: str | None = None


class Delivery(CrushLine, frozen=True, tag="delivery"):
    """A coordinator is about to give the completion that its hook kept to the broker."""

    prompt: Name
    cancelled: bool
    run_id: Name | None = None
    text: str | None = None


class AgentErrorLine(CrushLine, frozen=True, tag="agent_error"):
    """The server tells that the run of the prompt that it submitted returned an error."""

    prompt: Name
    error: str
    run_id: Name | None = None


class StoreFailed(CrushLine, frozen=True, tag="store_failed"):
    """A write to the message store failed."""

    op: Name
    prompt: Name
    thread: Name
    by: str | None = None
    turn: Name | None = None


class EndLine(CrushLine, frozen=True, tag="end"):
    """The run is at rest: a snapshot of the shared data, of the waiters and of the store."""

    busy: bool
    queued: tuple[Name, ...]
    waiting: tuple[Name, ...]
    twice: tuple[Name, ...]
    notified_error: tuple[str, ...]
    accepted: Count
    mark: Count
    returned: bool
    store: tuple[str, ...]


CrushEvent = (
    Begin
    | AcceptCall
    | AcceptReturn
    | RunCall
    | RunReturn
    | CancelCall
    | CancelReturn
    | ClearCall
    | ClearReturn
    | SummarizeCall
    | SummarizeReturn
    | UserMessage
    | StreamStartLine
    | StreamEndLine
    | CompletionLine
    | Delivery
    | AgentErrorLine
    | StoreFailed
    | EndLine
)
KINDS: Final[tuple[str, ...]] = tuple(str(each.__struct_config__.tag) for each in get_args(CrushEvent))
"""The names of all kinds of line but the header's."""
