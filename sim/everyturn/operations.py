"""Operations as data, and the ports that turn a dispatcher's accesses into them.

Awaiting a port yields one :class:`Operation` to whoever resumes the coroutine, an engine, and continues with the result
that the engine sends back. The same agent code therefore runs under every engine.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Generic, NamedTuple, TypeVar, TypeVarTuple

from everyturn.errors import AgentFault
from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation, Stream, StreamResult
from everyturn_impl.errors import error_of
from everyturn_impl.ports import Ports

V = TypeVar("V")
R = TypeVar("R")
Arguments = TypeVarTuple("Arguments")

OWN: Final = "own."
"""How the names of a dispatcher's own shared objects begin in operations."""
WAIT: Final = "wait_"
"""How the methods of operations begin that may have to wait, on such an object."""


class Operation(NamedTuple):
    """One access to a shared object: its name, the method and the arguments, all comparable by value."""

    object: str
    method: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.object}.{self.method}"


_operation: Final = tuple.__new__
"""Makes a named tuple without looking at its arguments one by one: this happens at every access of every run."""


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


class _Port:
    """A port of one shared object."""

    __slots__ = ("gate",)
    object: str

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    @types.coroutine
    def _do(self, method: str, *arguments: Any) -> Generator[Operation, Any, Any]:
        """Yield the operation and return its result; raise what it raised."""
        gate = self.gate
        if gate.closing:
            raise GeneratorExit
        try:
            result = yield _operation(Operation, (self.object, method, arguments))
        except GeneratorExit:
            gate.closing = True
            raise
        if type(result) is Raised:
            raise error_of(result.fault)
        return result


class MutexPort(_Port):
    """:class:`everyturn_impl.ports.Mutex` as operations."""

    object = "mutex"

    def lock(self) -> Coroutine[Any, Any, None]:
        return self._do("lock")

    def unlock(self) -> Coroutine[Any, Any, None]:
        return self._do("unlock")


class ActivePort(_Port):
    """:class:`everyturn_impl.ports.Active` as operations."""

    object = "active"

    def get(self) -> Coroutine[Any, Any, Context | None]:
        return self._do("get")

    def set(self, work: Context) -> Coroutine[Any, Any, None]:
        return self._do("set", work)

    def delete(self, work: Context) -> Coroutine[Any, Any, None]:
        return self._do("delete", work)

    def set_if_idle(self, work: Context) -> Coroutine[Any, Any, bool]:
        return self._do("set_if_idle", work)


class QueuePort(_Port):
    """:class:`everyturn_impl.ports.Queue` as operations."""

    object = "queue"

    def get(self) -> Coroutine[Any, Any, tuple[Call, ...]]:
        return self._do("get")

    def set(self, calls: tuple[Call, ...]) -> Coroutine[Any, Any, None]:
        return self._do("set", calls)

    def delete(self) -> Coroutine[Any, Any, None]:
        return self._do("delete")

    def compare_and_set(self, before: tuple[Call, ...], after: tuple[Call, ...]) -> Coroutine[Any, Any, bool]:
        return self._do("compare_and_set", before, after)


class ReservationsPort(_Port):
    """:class:`everyturn_impl.ports.Reservations` as operations."""

    object = "reservations"

    def begin(self, prompt: str) -> Coroutine[Any, Any, Reservation]:
        return self._do("begin", prompt)

    def close(self, reservation: Reservation, *, clears_mark: bool = True) -> Coroutine[Any, Any, None]:
        return self._do("close", reservation, clears_mark)

    def count(self) -> Coroutine[Any, Any, int]:
        return self._do("count")

    def look(self) -> Coroutine[Any, Any, tuple[int, int]]:
        return self._do("look")


class MarkPort(_Port):
    """:class:`everyturn_impl.ports.CancelMark` as operations."""

    object = "mark"

    def get(self) -> Coroutine[Any, Any, int]:
        return self._do("get")

    def set(self, mark: int) -> Coroutine[Any, Any, None]:
        return self._do("set", mark)

    def delete(self) -> Coroutine[Any, Any, None]:
        return self._do("delete")


class ContextsPort(_Port):
    """:class:`everyturn_impl.ports.Contexts` as operations."""

    object = "contexts"

    def cancel(self, context: Context) -> Coroutine[Any, Any, None]:
        return self._do("cancel", context)

    def done(self, context: Context) -> Coroutine[Any, Any, bool]:
        return self._do("done", context)


class StorePort(_Port):
    """:class:`everyturn_impl.ports.Store` as operations."""

    object = "store"

    def read(self, context: Context, owner: str) -> Coroutine[Any, Any, bool]:
        return self._do("read", context, owner)

    def write_user(
        self, context: Context | None, call: Call, by: str, turn: Context | None
    ) -> Coroutine[Any, Any, None]:
        return self._do("write_user", context, call.prompt, by, turn)

    def create_assistant(self, context: Context | None, turn: Context, number: int) -> Coroutine[Any, Any, str]:
        return self._do("create_assistant", context, turn, number)

    def finish_step(self, turn: Context, message: str, result: StreamResult) -> Coroutine[Any, Any, None]:
        return self._do("finish_step", turn, message)

    def finish_turn(self, turn: Context, message: str, fault: Fault) -> Coroutine[Any, Any, None]:
        return self._do("finish_turn", turn, message)

    def record_cancelled(self, call: Call) -> Coroutine[Any, Any, None]:
        return self._do("record_cancelled", call.prompt)

    def create_summary(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("create_summary", summary)

    def finish_summary(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("finish_summary", summary)

    def save_session(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("save_session", summary)

    def abandon_summary(self, context: Context | None, summary: Context, *, delete: bool) -> Coroutine[Any, Any, None]:
        return self._do("abandon_summary", context, summary, delete)

    def flush(self, owner: str | None) -> Coroutine[Any, Any, None]:
        return self._do("flush")


class ModelPort(_Port):
    """:class:`everyturn_impl.ports.Model` as operations."""

    object = "model"

    def ready(self, owner: str) -> Coroutine[Any, Any, None]:
        return self._do("ready", owner)

    def start(self, context: Context, prompt: str | None, number: int) -> Coroutine[Any, Any, Stream]:
        return self._do("start", context, prompt, number)

    def end(self, stream: Stream) -> Coroutine[Any, Any, StreamResult]:
        return self._do("end", stream)


class TitlesPort(_Port):
    """:class:`everyturn_impl.ports.Titles` as operations."""

    object = "titles"

    def start(self, prompt: str) -> Coroutine[Any, Any, None]:
        return self._do("start", prompt)

    def join(self, prompt: str) -> Coroutine[Any, Any, None]:
        return self._do("join", prompt)

    def end(self, prompt: str) -> Coroutine[Any, Any, None]:
        """The end of the title's own thread; blocks until it was started."""
        return self._do("end", prompt)


class BrokerPort(_Port):
    """:class:`everyturn_impl.ports.Broker` as operations."""

    object = "broker"

    def publish(self, completion: Completion, context: Context | None) -> Coroutine[Any, Any, None]:
        return self._do("publish", completion, context)

    def notify_error(self, call: Call, fault: Fault, *, run_id: bool) -> Coroutine[Any, Any, None]:
        return self._do("notify_error", call.prompt, fault, run_id and call.run_id is not None)


class HooksPort(_Port):
    """:class:`everyturn_impl.ports.Hooks` as operations."""

    object = "hooks"

    def keep(self, hook: str, completion: Completion) -> Coroutine[Any, Any, None]:
        return self._do("keep", hook, completion)

    def take(self, hook: str) -> Coroutine[Any, Any, Completion | None]:
        return self._do("take", hook)


class ThreadsPort(_Port):
    """:class:`everyturn_impl.ports.Threads` as operations."""

    object = "threads"

    def start(self, name: str) -> Coroutine[Any, Any, None]:
        return self._do("start", name)

    def end(self, name: str) -> Coroutine[Any, Any, None]:
        """A server thread counts itself as ended."""
        return self._do("end", name)

    def join_all(self) -> Coroutine[Any, Any, None]:
        return self._do("join_all")


class ClosingPort(_Port):
    """:class:`everyturn_impl.ports.Closing` as operations."""

    object = "closing"

    def get(self) -> Coroutine[Any, Any, bool]:
        return self._do("get")

    def set(self) -> Coroutine[Any, Any, None]:
        return self._do("set")


class SharedPort(_Port, Generic[V]):
    """:class:`everyturn_impl.ports.Shared` as operations; ``first`` is the value that the object begins with."""

    __slots__ = ("first", "object")

    def __init__(self, gate: Gate, name: str, first: V) -> None:
        super().__init__(gate)
        self.object = OWN + name
        self.first = first

    def do(self, step: Callable[[V, *Arguments], tuple[R, V]], *arguments: *Arguments) -> Coroutine[Any, Any, R]:
        return self._do(self._method(step), *arguments)

    def wait(
        self, step: Callable[[V, *Arguments], tuple[R, V] | None], *arguments: *Arguments
    ) -> Coroutine[Any, Any, R]:
        return self._do(WAIT + self._method(step), *arguments)

    def _method(self, step: Callable[..., Any]) -> str:
        kind = type(self.first)
        method: str = getattr(step, "__name__", repr(step))
        if getattr(kind, method, None) is not step:
            raise AgentFault(f"{self.object}: expected a method of {kind.__qualname__}, found {step!r}")
        return method


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
