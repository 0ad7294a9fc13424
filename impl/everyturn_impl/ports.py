"""What the dispatcher needs from its surroundings: every access to shared data is an awaited call on a port.

One port call is one atomic step; between two of them anything may happen. What a port does about time, threads and
storage is its own business: :mod:`everyturn_impl.asyncio_ports` runs for real, the simulator's ports hand the access
to a scheduler. Ports belong to one session, except where it says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, TypeVar, TypeVarTuple

from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation, Stream, StreamResult

V = TypeVar("V")
R = TypeVar("R")
Arguments = TypeVarTuple("Arguments")
WrittenBy: TypeAlias = Literal["turn", "fold", "cancel_on_entry"]
"""For whose sake a user message is written: its own turn, a turn that it is folded into, nobody's any more."""
DropReason: TypeAlias = Literal["covered", "cleared"]
"""Why a call gets no turn: a Cancel covers it, or a ClearQueue took it out."""


class Mutex(Protocol):
    """The dispatch mutex."""

    async def lock(self) -> None:
        """Take the mutex; blocks while another thread has it."""

    async def unlock(self) -> None:
        """Give the mutex back."""


class Active(Protocol):
    """The entry of what is active: a turn's or a summary's context, or nothing. Each access is atomic by itself."""

    async def get(self) -> Context | None:
        """The context of the active turn or summary, or nothing: the session is idle."""
        ...

    async def set(self, work: Context) -> None:
        """Make ``work`` the active entry, whatever was there."""

    async def delete(self, work: Context) -> None:
        """Remove the entry on behalf of ``work``, *whoever it belongs to*."""

    async def delete_if(self, work: Context) -> bool:
        """Remove the entry on behalf of ``work`` if it belongs to it; whether it did. One atomic step."""
        ...

    async def set_if_idle(self, work: Context) -> bool:
        """Make ``work`` the active entry unless there is one; whether it was done. One atomic step."""
        ...


class Queue(Protocol):
    """The queued calls, oldest first. Appending is a get and a set: two accesses."""

    async def get(self) -> tuple[Call, ...]:
        """All queued calls; none queued is the empty tuple."""
        ...

    async def set(self, calls: tuple[Call, ...]) -> None:
        """Replace the queue."""

    async def delete(self) -> None:
        """Empty the queue."""

    async def compare_and_set(self, before: tuple[Call, ...], after: tuple[Call, ...]) -> bool:
        """Replace the queue by ``after`` if it still is ``before``; whether it was. One atomic step."""
        ...


class Reservations(Protocol):
    """Accept reservations, their sequence and the session's cancel mark's fate. Guarded by a mutex of its own."""

    async def begin(self, prompt: str) -> Reservation:
        """Open a reservation: count + 1 and the next sequence of the whole agent, in one step."""
        ...

    async def close(self, reservation: Reservation, *, clears_mark: bool = True) -> None:
        """Close it, first time only: count - 1; at 0 the cancel mark goes as well. One step."""

    async def count(self) -> int:
        """How many reservations are open."""
        ...

    async def look(self) -> tuple[int, int]:
        """The number of open reservations and the last sequence handed out, in one step."""
        ...


class CancelMark(Protocol):
    """The highest accept sequence that a cancel covers; 0 is none."""

    async def get(self) -> int:
        """The mark."""
        ...

    async def set(self, mark: int) -> None:
        """Replace the mark."""

    async def delete(self) -> None:
        """Remove the mark."""


class Contexts(Protocol):
    """Which contexts are cancelled."""

    async def cancel(self, context: Context) -> None:
        """Cancel ``context`` and everything below it. Does not wait for anybody to notice."""

    async def done(self, context: Context) -> bool:
        """Whether ``context`` or one above it is cancelled."""
        ...


class Store(Protocol):
    """The message store: a database that can be slow and can fail.

    Each write takes the context it runs under and raises :class:`~everyturn_impl.errors.Cancelled` when that is
    cancelled, :class:`~everyturn_impl.errors.StoreError` when it fails otherwise. Without a context it is detached:
    no cancellation reaches it. A write that failed may have been made all the same; if it is an update, it also stays
    buffered until a flush.
    """

    async def read(self, context: Context, owner: str) -> bool:
        """Read the session and its messages for ``owner``; whether there are any messages."""
        ...

    async def write_user(self, context: Context | None, call: Call, by: WrittenBy, turn: Context | None) -> None:
        """Write a prompt's user message."""

    async def create_assistant(self, context: Context | None, turn: Context, number: int) -> str:
        """Create the assistant message of the turn's step ``number``; its identifier."""
        ...

    async def read_usage(self, context: Context, turn: Context, message: str) -> None:
        """Read what the session has used so far, before the state of ``message`` is stored."""

    async def save_usage(self, context: Context, turn: Context, message: str) -> None:
        """Save the session with what the step of ``message`` used."""

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        """Store the state of a message whose step has ended."""

    async def read_results(self, turn: Context, message: str) -> None:
        """Read, detached, which tool calls of ``message`` have no result, before it is stored how its turn ended."""

    async def finish_turn(self, turn: Context, message: str, fault: Fault) -> None:
        """Store, detached, how a turn ended that did not finish. Its failure takes the place of the turn's error."""

    async def record_cancelled(self, call: Call) -> None:
        """Write, detached, an assistant message that is finished as cancelled, for a prompt without a turn."""

    async def create_summary(self, summary: Context, context: Context | None = None) -> None:
        """Create the summary's message, under ``context``."""

    async def finish_summary(self, summary: Context) -> None:
        """Store the finished summary."""

    async def save_session(self, summary: Context) -> None:
        """Save the session with its summary."""

    async def abandon_summary(self, context: Context | None, summary: Context, *, delete: bool) -> None:
        """Delete the summary's message (after a cancellation), or store it as failed."""

    async def flush(self, owner: str | None) -> None:
        """Write out what is buffered. Detached."""

    async def flush_under(self, context: Context, owner: str | None) -> None:
        """Write out what is buffered, unless ``context`` is cancelled. Raises nothing."""


class Model(Protocol):
    """The language model, and the credentials for it."""

    async def ready(self, owner: str) -> None:
        """Raise :class:`~everyturn_impl.errors.NotConfigured` when no model can be asked."""

    async def start(self, context: Context, prompt: str | None, number: int) -> Stream:
        """Begin the stream of a step; ``prompt`` is none for a summary."""
        ...

    async def end(self, stream: Stream) -> StreamResult:
        """Wait until the stream ends."""
        ...


class Titles(Protocol):
    """The title of a new session, generated on a thread of its own."""

    async def start(self, prompt: str) -> None:
        """Start generating a title."""

    async def join(self, prompt: str) -> None:
        """Wait for the title that was started for ``prompt``."""


class Broker(Protocol):
    """Tells waiters."""

    async def publish(self, completion: Completion, context: Context | None) -> None:
        """Fan a completion out, must-deliver: wait at most 50 ms for each full subscriber, count a loss, go on.

        When ``context`` ends, return at once and skip the remaining subscribers. Without one it is detached.
        """

    async def notify_error(self, call: Call, fault: Fault, *, run_id: bool) -> None:
        """Publish an agent-error notification about ``call``; ``run_id``: it carries the call's run id.

        Nobody waits for room: where a buffer is full the notification is lost.
        """


class Hooks(Protocol):
    """The completion hooks of coordinators: each keeps the latest completion that it was given."""

    async def keep(self, hook: str, completion: Completion) -> None:
        """Give ``completion`` to ``hook``."""

    async def take(self, hook: str) -> Completion | None:
        """What ``hook`` kept, if anything; it keeps nothing afterwards."""
        ...


class Threads(Protocol):
    """The server's threads. Belongs to the workspace."""

    async def start(self, name: str) -> None:
        """The thread ``name`` begins to run."""

    async def join_all(self) -> None:
        """Wait until every server thread has ended."""


class Closing(Protocol):
    """Whether the workspace is closing. Belongs to the workspace."""

    async def get(self) -> bool:
        """Read the flag."""
        ...

    async def set(self) -> None:
        """Set the flag."""


class Shared(Protocol[V]):
    """A dispatcher's own shared object, declared in its ``own``: an immutable value and steps that replace it.

    A *step* is a method of the value's class: a pure function of the value and hashable arguments which returns what
    the caller gets and the next value. One call here is one atomic step::

        @dataclass(frozen=True, slots=True)
        class Counter:
            count: int = 0

            def next(self) -> tuple[int, Counter]:
                return self.count + 1, Counter(self.count + 1)


        number = await self.counter.do(Counter.next)
    """

    async def do(self, step: Callable[[V, *Arguments], tuple[R, V]], *arguments: *Arguments) -> R:
        """Take a step that never waits."""
        ...

    async def wait(self, step: Callable[[V, *Arguments], tuple[R, V] | None], *arguments: *Arguments) -> R:
        """Take a step as soon as it can be taken; until then it returns none."""
        ...


class Journal(Protocol):
    """What no operation shows. Takes no step: an entry belongs to the access made just before it."""

    def folded(self, call: Call, turn: Context) -> None:
        """A drain decided to fold ``call`` into ``turn``."""

    def dropped(self, call: Call, reason: DropReason) -> None:
        """``call`` was removed from the queue and gets no turn: ``covered`` by a cancel, or ``cleared``."""

    def emptied(self, reason: str) -> None:
        """The calls that were in the queue when it was emptied, unread, get no turn: ``covered``, or ``cleared``."""

    def cancelled_on_entry(self, call: Call) -> None:
        """``call`` was covered by a cancel when it entered its run."""

    def summary_failed(self, turn: Context, fault: Fault) -> None:
        """The turn's own summary failed, and the turn ends with its error."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that one session's agent needs."""

    mutex: Mutex
    active: Active
    queue: Queue
    reservations: Reservations
    mark: CancelMark
    contexts: Contexts
    store: Store
    model: Model
    titles: Titles
    broker: Broker
    hooks: Hooks
    threads: Threads
    closing: Closing
    journal: Journal
