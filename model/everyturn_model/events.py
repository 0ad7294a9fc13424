"""What can be observed of a dispatcher: the closed vocabulary that every run is told in.

A run of the reference implementation, a simulated run and the log of a real agent are all sequences of these events.
An event tells of one atomic step and names its subjects by identifiers:

* ``prompt``: the identifier of a submitted prompt (``"p1"``); its run id, if it has one, is a property of the prompt.
* ``turn``: the identifier of one execution of a prompt, unique within the run. A retried or continued prompt has
  several turns.
* ``summary``: the identifier of one summary.
* ``operation``: the identifier of one Cancel, ClearQueue or Summarise (``"cancel1"``).
* ``thread``: the identifier of the thread that made the step.

Events are frozen and compare by value; :data:`EVENT_TYPES` lists them by name, for readers and writers of traces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from everyturn_model.endings import DropReason as DropReason  # noqa: PLC0414 - read from here, too
from everyturn_model.endings import FailureCause as FailureCause  # noqa: PLC0414 - read from here, too
from everyturn_model.endings import Outcome as Outcome  # noqa: PLC0414 - read from here, too
from everyturn_model.endings import StreamEnd as StreamEnd  # noqa: PLC0414 - read from here, too
from everyturn_model.endings import Writer as Writer  # noqa: PLC0414 - read from here, too
from everyturn_model.shared_data import SharedData as SharedData  # noqa: PLC0414 - read from here, too


@dataclass(frozen=True, slots=True)
class Event:
    """The parent of every event."""


# Prompts ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submitted(Event):
    """A prompt was given to the agent, whatever becomes of it: seen at the latest when something of it can be
    noticed."""

    prompt: str
    run_id: bool
    accepted: bool


@dataclass(frozen=True, slots=True)
class Refused(Event):
    """A submitted prompt was turned away: nothing of it may happen afterwards.

    ``busy``: the session does not promise that prompts wait while it is busy.
    """

    prompt: str
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """A prompt's call appeared in the queue."""

    prompt: str


@dataclass(frozen=True, slots=True)
class TakenOut(Event):
    """A prompt's call left the queue, whether it was taken, dropped or overwritten."""

    prompt: str


@dataclass(frozen=True, slots=True)
class Folded(Event):
    """A drain decided to append the prompt to the running turn as a user message.

    ``broken``: the session promises that nobody is folded.
    """

    prompt: str
    turn: str
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Dropped(Event):
    """A queued prompt was removed from the queue and shall get no turn."""

    prompt: str
    reason: DropReason


@dataclass(frozen=True, slots=True)
class CancelledOnEntry(Event):
    """An accepted prompt found itself covered by a cancel and shall get no turn."""

    prompt: str


@dataclass(frozen=True, slots=True)
class FailedBeforeTurn(Event):
    """A prompt's own run returned an error before a turn of it began."""

    prompt: str


@dataclass(frozen=True, slots=True)
class MessageWritten(Event):
    """The prompt's user message was stored; ``turn`` is the turn it belongs to, none for a cancel on entry."""

    prompt: str
    by: Writer
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class MessageFailed(Event):
    """The write of the prompt's user message failed. ``stored``: the message is in the store all the same."""

    prompt: str
    by: Writer
    cause: FailureCause
    turn: str | None = None
    stored: bool = False


@dataclass(frozen=True, slots=True)
class ReadFailed(Event):
    """The session could not be read on behalf of the prompt, before its user message was written."""

    prompt: str
    cause: FailureCause


@dataclass(frozen=True, slots=True)
class Returned(Event):
    """The thread that submitted the prompt has ended; ``failed`` when it returned the prompt's own error."""

    prompt: str
    failed: bool = False


# Turns and summaries ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TurnStarted(Event):
    """``active`` was set for a turn of ``prompt``."""

    turn: str
    prompt: str
    thread: str


@dataclass(frozen=True, slots=True)
class StepPrepared(Event):
    """The assistant message of a step was created."""

    turn: str
    message: str


@dataclass(frozen=True, slots=True)
class StepFailed(Event):
    """The preparation of a step failed: the assistant message could not be created."""

    turn: str
    cause: FailureCause


@dataclass(frozen=True, slots=True)
class StreamStarted(Event):
    """A step's stream began. ``cancelled``: the turn's context was cancelled before."""

    turn: str
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class StreamEnded(Event):
    """A step's stream ended. ``full``: the context window is nearly full, so the turn stops here to be summarised."""

    turn: str
    how: StreamEnd
    full: bool = False


@dataclass(frozen=True, slots=True)
class FinalStored(Event):
    """The state of an assistant message after its step, or after the turn's end, is stored."""

    turn: str
    message: str


@dataclass(frozen=True, slots=True)
class FinalFailed(Event):
    """The write of an assistant message's state failed; it stays buffered until the next flush.

    ``decides``: it is the write after a turn's end, whose failure some agents take for the turn's own error. How the
    turn ended is not changed by that.
    """

    turn: str
    message: str
    cause: FailureCause
    decides: bool


@dataclass(frozen=True, slots=True)
class TurnReleased(Event):
    """``active`` was deleted on behalf of a turn. The first of these ends the turn; a frame may delete again later."""

    turn: str


@dataclass(frozen=True, slots=True)
class SummaryStarted(Event):
    """``active`` was set for a summary; ``turn`` is the turn that is summarised from within, none for a user's."""

    summary: str
    thread: str
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryStreamStarted(Event):
    """The summary's stream began; ``turn`` is the turn that it is made within, none for a user's.

    Some agents make the summary of a turn under the turn's own entry: then this is all that is seen of its beginning.
    """

    summary: str
    thread: str
    turn: str | None = None


@dataclass(frozen=True, slots=True)
class SummaryStreamEnded(Event):
    """The summary's stream ended."""

    summary: str
    how: StreamEnd


@dataclass(frozen=True, slots=True)
class SummaryReleased(Event):
    """``active`` was deleted on behalf of a summary. The first of these ends the summary."""

    summary: str


@dataclass(frozen=True, slots=True)
class SummaryFailed(Event):
    """The in-turn summary of ``turn`` failed, and the turn ends with its error."""

    turn: str
    cancelled: bool


@dataclass(frozen=True, slots=True)
class ContextCancelled(Event):
    """The context with this name was cancelled, and with it every turn and summary whose name continues it.

    A turn's or a summary's own, its caller's, or the workspace's, whose name is empty.
    """

    context: str

    def reaches(self, work: str) -> bool:
        """Whether the turn or summary ``work`` was cancelled with it."""
        return not self.context or work == self.context or work.startswith(f"{self.context}/")


# Notices ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Completed(Event):
    """A completion for ``prompt`` was handed over.

    ``run_id``: it carries that prompt's run id, without which no waiter takes notice of it.
    ``delivered``: it went to the broker, where waiters see it; otherwise to a coordinator's hook, which keeps it.
    ``lost``: the broker gave it up because a subscriber's buffer stayed full.
    ``message`` and ``owner``: the assistant message it names and the prompt whose answer its text is.
    ``error_owner``: the prompt whose turn or thread the error belongs to.
    """

    prompt: str
    run_id: bool
    delivered: bool
    cancelled: bool
    error: bool
    thread: str
    message: str | None = None
    owner: str | None = None
    error_owner: str | None = None
    lost: bool = False

    @property
    def tells(self) -> Outcome:
        """How the turn ended, as a waiter reads it."""
        if self.cancelled:
            return Outcome.CANCELLED
        return Outcome.FAILED if self.error else Outcome.FINISHED


@dataclass(frozen=True, slots=True)
class ErrorNotified(Event):
    """An agent-error notification about ``prompt`` was published; ``owner`` is the prompt whose error it tells.

    ``lost``: a buffer was full on its way, where nobody waits for room.
    """

    prompt: str
    run_id: bool
    owner: str | None
    lost: bool = False


# Operations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CancelCalled(Event):
    """A Cancel began. ``promise``: what the session promises of it (:data:`everyturn_model.promises.CANCELS`)."""

    operation: str
    shared: SharedData
    promise: str = "turn, queue and accepted"


@dataclass(frozen=True, slots=True)
class CancelReturned(Event):
    """A Cancel returned."""

    operation: str
    shared: SharedData


_AS_IT_IS: Final = SharedData()


@dataclass(frozen=True, slots=True)
class DataChanged(Event):
    """A thread of a Cancel, or the dispatcher's own, changed what threads share, by one step.

    ``before`` and ``after``: the shared data that it changed; the rest is left as it is by default. ``own``: the
    objects of the dispatcher's own that it changed.
    """

    thread: str
    before: SharedData = _AS_IT_IS
    after: SharedData = _AS_IT_IS
    own: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClearCalled(Event):
    """A ClearQueue began."""

    operation: str


@dataclass(frozen=True, slots=True)
class ClearReturned(Event):
    """A ClearQueue returned."""

    operation: str


@dataclass(frozen=True, slots=True)
class SummariseCalled(Event):
    """A Summarise by a user began."""

    operation: str


@dataclass(frozen=True, slots=True)
class SummariseReturned(Event):
    """A Summarise by a user returned."""

    operation: str


@dataclass(frozen=True, slots=True)
class ShutdownBegan(Event):
    """A shutdown of the workspace began."""


@dataclass(frozen=True, slots=True)
class Rest(Event):
    """Nothing can move any more. ``blocked`` lists the threads that still wait."""

    shared: SharedData
    blocked: tuple[str, ...] = ()


EVENT_TYPES: Final[dict[str, type[Event]]] = {cls.__name__: cls for cls in Event.__subclasses__()}
"""Every kind of event by its name."""
