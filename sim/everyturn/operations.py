"""Operations as data, and the ports that turn a dispatcher's accesses into them.

Awaiting a port yields one :class:`Operation` to whoever resumes the coroutine, an engine, and continues with the result
that the engine sends back. The same agent code therefore runs under every engine.
"""

from __future__ import annotations

import types
from collections.abc import Generator
from typing import Any, NamedTuple

from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation, Stream, StreamResult
from everyturn_impl.errors import error_of
from everyturn_impl.ports import Ports


class Operation(NamedTuple):
    """One access to a shared object: its name, the method and the arguments, all comparable by value."""

    object: str
    method: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.object}.{self.method}"


class Raised(NamedTuple):
    """The result of an operation that failed: the port raises the error that ``fault`` is the value of."""

    fault: Fault


class Note(NamedTuple):
    """A journal entry: what no operation shows."""

    kind: str
    prompt: str
    detail: str = ""


class Gate:
    """What the ports of one world share: whether a coroutine is being thrown away, and the journal.

    Throwing away a suspended coroutine runs its ``finally`` blocks, which would touch shared data. From the moment on
    one is thrown away until it has ended (the world resets ``closing`` then), every access therefore ends the coroutine. The garbage
    collector may throw one away at any time, even while another one runs.
    """

    __slots__ = ("closing", "notes")

    def __init__(self) -> None:
        self.closing = False
        self.notes: list[Note] = []

    @types.coroutine
    def perform(self, operation: Operation) -> Generator[Operation, Any, Any]:
        """Yield ``operation`` and return its result; raise what it raised."""
        if self.closing:
            raise GeneratorExit
        try:
            result = yield operation
        except GeneratorExit:
            self.closing = True
            raise
        if type(result) is Raised:
            raise error_of(result.fault)
        return result


class _Port:
    """A port of one shared object."""

    __slots__ = ("gate",)
    object: str

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def _do(self, method: str, *arguments: Any) -> Any:
        return self.gate.perform(Operation(self.object, method, arguments))


class MutexPort(_Port):
    """:class:`everyturn_impl.ports.Mutex` as operations."""

    object = "mutex"

    async def lock(self) -> None:
        await self._do("lock")

    async def unlock(self) -> None:
        await self._do("unlock")


class ActivePort(_Port):
    """:class:`everyturn_impl.ports.Active` as operations."""

    object = "active"

    async def get(self) -> Context | None:
        found: Context | None = await self._do("get")
        return found

    async def set(self, work: Context) -> None:
        await self._do("set", work)

    async def delete(self, work: Context) -> None:
        await self._do("delete", work)

    async def set_if_idle(self, work: Context) -> bool:
        done: bool = await self._do("set_if_idle", work)
        return done


class QueuePort(_Port):
    """:class:`everyturn_impl.ports.Queue` as operations."""

    object = "queue"

    async def get(self) -> tuple[Call, ...]:
        calls: tuple[Call, ...] = await self._do("get")
        return calls

    async def set(self, calls: tuple[Call, ...]) -> None:
        await self._do("set", calls)

    async def delete(self) -> None:
        await self._do("delete")


class ReservationsPort(_Port):
    """:class:`everyturn_impl.ports.Reservations` as operations."""

    object = "reservations"

    async def begin(self, prompt: str) -> Reservation:
        reservation: Reservation = await self._do("begin", prompt)
        return reservation

    async def close(self, reservation: Reservation, *, clears_mark: bool = True) -> None:
        await self._do("close", reservation, clears_mark)

    async def count(self) -> int:
        count: int = await self._do("count")
        return count

    async def look(self) -> tuple[int, int]:
        seen: tuple[int, int] = await self._do("look")
        return seen


class MarkPort(_Port):
    """:class:`everyturn_impl.ports.CancelMark` as operations."""

    object = "mark"

    async def get(self) -> int:
        mark: int = await self._do("get")
        return mark

    async def set(self, mark: int) -> None:
        await self._do("set", mark)

    async def delete(self) -> None:
        await self._do("delete")


class ContextsPort(_Port):
    """:class:`everyturn_impl.ports.Contexts` as operations."""

    object = "contexts"

    async def cancel(self, context: Context) -> None:
        await self._do("cancel", context)

    async def done(self, context: Context) -> bool:
        done: bool = await self._do("done", context)
        return done


class StorePort(_Port):
    """:class:`everyturn_impl.ports.Store` as operations."""

    object = "store"

    async def read(self, context: Context, owner: str) -> bool:
        any_messages: bool = await self._do("read", context, owner)
        return any_messages

    async def write_user(self, context: Context | None, call: Call, by: str, turn: Context | None) -> None:
        await self._do("write_user", context, call.prompt, by, turn)

    async def create_assistant(self, context: Context | None, turn: Context, number: int) -> str:
        message: str = await self._do("create_assistant", context, turn, number)
        return message

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        await self._do("finish_step", turn, message)

    async def finish_turn(self, turn: Context, message: str, fault: Fault) -> None:
        await self._do("finish_turn", turn, message)

    async def record_cancelled(self, call: Call) -> None:
        await self._do("record_cancelled", call.prompt)

    async def create_summary(self, summary: Context) -> None:
        await self._do("create_summary", summary)

    async def finish_summary(self, summary: Context) -> None:
        await self._do("finish_summary", summary)

    async def save_session(self, summary: Context) -> None:
        await self._do("save_session", summary)

    async def abandon_summary(self, context: Context | None, summary: Context, *, delete: bool) -> None:
        await self._do("abandon_summary", context, summary, delete)

    async def flush(self, owner: str | None) -> None:
        await self._do("flush")


class ModelPort(_Port):
    """:class:`everyturn_impl.ports.Model` as operations."""

    object = "model"

    async def ready(self, owner: str) -> None:
        await self._do("ready", owner)

    async def start(self, context: Context, prompt: str | None, number: int) -> Stream:
        stream: Stream = await self._do("start", context, prompt, number)
        return stream

    async def end(self, stream: Stream) -> StreamResult:
        result: StreamResult = await self._do("end", stream)
        return result


class TitlesPort(_Port):
    """:class:`everyturn_impl.ports.Titles` as operations."""

    object = "titles"

    async def start(self, prompt: str) -> None:
        await self._do("start", prompt)

    async def join(self, prompt: str) -> None:
        await self._do("join", prompt)

    async def end(self, prompt: str) -> None:
        """The end of the title's own thread; blocks until it was started."""
        await self._do("end", prompt)


class BrokerPort(_Port):
    """:class:`everyturn_impl.ports.Broker` as operations."""

    object = "broker"

    async def publish(self, completion: Completion, context: Context | None) -> None:
        await self._do("publish", completion, context)

    async def notify_error(self, call: Call, fault: Fault, *, run_id: bool) -> None:
        await self._do("notify_error", call.prompt, fault, run_id and call.run_id is not None)


class HooksPort(_Port):
    """:class:`everyturn_impl.ports.Hooks` as operations."""

    object = "hooks"

    async def keep(self, hook: str, completion: Completion) -> None:
        await self._do("keep", hook, completion)

    async def take(self, hook: str) -> Completion | None:
        kept: Completion | None = await self._do("take", hook)
        return kept


class ThreadsPort(_Port):
    """:class:`everyturn_impl.ports.Threads` as operations."""

    object = "threads"

    async def start(self, name: str) -> None:
        await self._do("start", name)

    async def end(self, name: str) -> None:
        """A server thread counts itself as ended."""
        await self._do("end", name)

    async def join_all(self) -> None:
        await self._do("join_all")


class ClosingPort(_Port):
    """:class:`everyturn_impl.ports.Closing` as operations."""

    object = "closing"

    async def get(self) -> bool:
        closing: bool = await self._do("get")
        return closing

    async def set(self) -> None:
        await self._do("set")


class JournalPort:
    """Collects notes in the gate; an entry belongs to the operation made just before it."""

    __slots__ = ("gate",)

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def folded(self, call: Call, turn: Context) -> None:
        self.gate.notes.append(Note("folded", call.prompt, turn.name))

    def dropped(self, call: Call, reason: str) -> None:
        self.gate.notes.append(Note("dropped", call.prompt, reason))

    def cancelled_on_entry(self, call: Call) -> None:
        self.gate.notes.append(Note("cancelled_on_entry", call.prompt))

    def summary_failed(self, turn: Context, fault: Fault) -> None:
        self.gate.notes.append(Note("summary_failed", turn.name, fault.kind))


def ports_for(gate: Gate) -> Ports:
    """All ports of one world."""
    return Ports(
        mutex=MutexPort(gate),
        active=ActivePort(gate),
        queue=QueuePort(gate),
        reservations=ReservationsPort(gate),
        mark=MarkPort(gate),
        contexts=ContextsPort(gate),
        store=StorePort(gate),
        model=ModelPort(gate),
        titles=TitlesPort(gate),
        broker=BrokerPort(gate),
        hooks=HooksPort(gate),
        threads=ThreadsPort(gate),
        closing=ClosingPort(gate),
        journal=JournalPort(gate),
    )
