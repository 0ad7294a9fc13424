"""Operations as data, and the ports that turn a dispatcher's accesses into them.

Awaiting a port yields one :class:`Operation` to whoever resumes the coroutine, an engine, and continues with the result
that the engine sends back. The same agent code therefore runs under every engine.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Coroutine, Generator, Iterable
from itertools import groupby
from types import CodeType, FrameType
from typing import Any, Final, Generic, NamedTuple, TypeVar, TypeVarTuple

from everyturn.errors import AgentFault
from everyturn.identity.encoder import MUTABLE, NoValue
from everyturn.source_location import running_at
from everyturn.world import signatures
from everyturn.world.results import fault_of
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
CALLS: Final = "calls"
"""The object of operations that are the world's own."""


class Operation(NamedTuple):
    """One access to a shared object: its name, the method and the arguments, all comparable by value."""

    object: str
    method: str
    arguments: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.object}.{self.method}"


_operation: Final = tuple.__new__
"""Makes a named tuple without looking at its arguments one by one: this happens at every access of every run."""


def in_short(operations: Iterable[Operation]) -> str:
    """The names of operations that were made one after the other; those that repeat themselves are counted."""
    runs = ((name, len(list(alike))) for name, alike in groupby(map(str, operations)))
    return " ".join(
        name if often == 1 else f"{name} ×{often}" if often > 2 else f"{name} {name}" for name, often in runs
    )


class Note(NamedTuple):
    """A journal entry: what no operation shows."""

    kind: str
    prompt: str
    detail: str = ""


Called = tuple[Operation, CodeType, int]
"""A port's operation that was called and not awaited yet, and the code and the instruction that did."""


class Gate:
    """What the ports of one world share: whether a coroutine is being thrown away, the journal, and what is wrong.

    ``begun``: the work of the thread that goes on has been seen to begin. ``pending``: operations that were called and not
    awaited yet. ``fault``: what code did that it may not, found while it ran; it is told though the code may have handled
    the error that came of it.

    Throwing away a suspended coroutine runs its ``finally`` blocks, which would touch shared data. From the moment on
    one is thrown away until it has ended (``closing``), every access therefore ends the coroutine, and what comes of it is
    nobody's business. The garbage collector may throw one away at any time, even while another one runs.
    """

    __slots__ = ("begun", "closing", "fault", "notes", "pending")

    def __init__(self) -> None:
        self.begun = False
        self.closing = False
        self.fault: str | None = None
        self.pending: list[Called] = []
        self.notes: list[Note] = []

    def thrown_away(self) -> bool:
        """A coroutine has ended: whether it was being thrown away."""
        was, self.closing = self.closing, False
        return was

    def called(self, operation: Operation, frame: FrameType) -> Called:
        """Note that an operation was called, in ``frame``."""
        called = (operation, frame.f_code, frame.f_lasti)
        self.pending.append(called)
        return called

    def forget(self) -> None:
        """Forget what was wrong: code goes on."""
        self.fault = None
        if self.pending:
            self.pending.clear()

    def refuse(self, what: str) -> AgentFault:
        """The error for what code did just now that it may not; it is told, whatever the code makes of it."""
        self.fault = f"{running_at()}: {what}"
        return AgentFault(self.fault)


class _Port:
    """A port of one shared object."""

    __slots__ = ("gate",)
    object: str

    def __init__(self, gate: Gate) -> None:
        self.gate = gate

    def _do(self, method: str, *arguments: Any) -> Coroutine[Any, Any, Any]:
        """The operation with these arguments, to be awaited. Raises :class:`AgentFault` for what it does not take."""
        if arguments:
            self._takes(method, *arguments)
        operation = _operation(Operation, (self.object, method, arguments))
        return _access(self.gate, self.gate.called(operation, sys._getframe(2)), operation)

    def _takes(self, method: str, *arguments: Any) -> None:
        """Raise :class:`AgentFault` for arguments that the port's method does not take."""
        for parameter, argument in zip(signatures.parameters(self.object, method), arguments, strict=False):
            if parameter.fault(argument) is not None:
                raise self.gate.refuse(signatures.wrong(self.object, method, parameter, argument))

    def _made(self, method: str, *arguments: Any) -> Coroutine[Any, Any, Any]:
        """An operation whose arguments are checked, to be awaited."""
        operation = _operation(Operation, (self.object, method, arguments))
        return _access(self.gate, self.gate.called(operation, sys._getframe(2)), operation)


@types.coroutine
def _access(gate: Gate, called: Called, operation: Operation) -> Generator[Operation, Any, Any]:
    """Yield the operation and return its result; raise what it raised."""
    pending = gate.pending
    if pending and pending[-1] is called:
        pending.pop()
    elif called in pending:
        pending.remove(called)
    if gate.closing:
        raise GeneratorExit
    try:
        result = yield operation
    except GeneratorExit:
        gate.closing = True
        raise
    fault = fault_of(result)
    if fault is not None:
        raise error_of(fault)
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
        self._takes("write_user", context, call, by, turn)
        return self._made("write_user", context, call.prompt, by, turn)

    def create_assistant(self, context: Context | None, turn: Context, number: int) -> Coroutine[Any, Any, str]:
        return self._do("create_assistant", context, turn, number)

    def read_usage(self, context: Context, turn: Context, message: str) -> Coroutine[Any, Any, None]:
        return self._do("read_usage", context, turn, message)

    def save_usage(self, context: Context, turn: Context, message: str) -> Coroutine[Any, Any, None]:
        return self._do("save_usage", context, turn, message)

    def finish_step(self, turn: Context, message: str, result: StreamResult) -> Coroutine[Any, Any, None]:
        self._takes("finish_step", turn, message, result)
        return self._made("finish_step", turn, message)

    def read_results(self, turn: Context, message: str) -> Coroutine[Any, Any, None]:
        return self._do("read_results", turn, message)

    def finish_turn(self, turn: Context, message: str, fault: Fault) -> Coroutine[Any, Any, None]:
        self._takes("finish_turn", turn, message, fault)
        return self._made("finish_turn", turn, message)

    def record_cancelled(self, call: Call) -> Coroutine[Any, Any, None]:
        self._takes("record_cancelled", call)
        return self._made("record_cancelled", call.prompt)

    def create_summary(self, summary: Context, context: Context | None = None) -> Coroutine[Any, Any, None]:
        return self._do("create_summary", summary, context)

    def finish_summary(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("finish_summary", summary)

    def save_session(self, summary: Context) -> Coroutine[Any, Any, None]:
        return self._do("save_session", summary)

    def abandon_summary(self, context: Context | None, summary: Context, *, delete: bool) -> Coroutine[Any, Any, None]:
        return self._do("abandon_summary", context, summary, delete)

    def flush(self, owner: str | None) -> Coroutine[Any, Any, None]:
        self._takes("flush", owner)
        return self._made("flush")

    def flush_under(self, context: Context, owner: str | None) -> Coroutine[Any, Any, None]:
        return self._do("flush_under", context)


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
        self._takes("notify_error", call, fault, run_id)
        return self._made("notify_error", call.prompt, fault, run_id and call.run_id is not None)


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


class CallsPort(_Port):
    """What the world does around a dispatcher's code, where that code alone would show nothing of a call."""

    object = CALLS

    def accepted(self, prompt: str) -> Coroutine[Any, Any, None]:
        """A prompt was accepted, and nobody could notice it yet."""
        return self._made("accepted", prompt)

    def returned(self, thread: str) -> Coroutine[Any, Any, None]:
        """A call has returned, and nobody could notice anything of it."""
        return self._made("returned", thread)


class SharedPort(_Port, Generic[V]):
    """:class:`everyturn_impl.ports.Shared` as operations; ``first``: the value that it begins with."""

    __slots__ = ("_steps", "object")

    def __init__(self, gate: Gate, name: str, first: V) -> None:
        super().__init__(gate)
        self.object = OWN + name
        self._steps = signatures.Steps(type(first))

    def do(self, step: Callable[[V, *Arguments], tuple[R, V]], *arguments: *Arguments) -> Coroutine[Any, Any, R]:
        return self._made(self._method(step, arguments), *arguments)

    def wait(
        self, step: Callable[[V, *Arguments], tuple[R, V] | None], *arguments: *Arguments
    ) -> Coroutine[Any, Any, R]:
        return self._made(WAIT + self._method(step, arguments), *arguments)

    def _method(self, step: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
        """The name of a step of this object. Raises :class:`AgentFault` for what is none, or does not take ``arguments``."""
        wrong = self._steps.wrong(step, arguments)
        if wrong is not None:
            raise self.gate.refuse(f"{self.object}: {wrong}")
        for argument in arguments:
            if type(argument) in MUTABLE:
                raise self.gate.refuse(f"{self.object}.{step.__name__} is given a {NoValue(type(argument))}")
        return step.__name__


class JournalPort(_Port):
    """Collects notes in the gate; an entry belongs to the operation made just before it, or to the first one that is seen."""

    __slots__ = ()
    object = "journal"

    def folded(self, call: Call, turn: Context) -> None:
        self._takes("folded", call, turn)
        self.gate.notes.append(Note("folded", call.prompt, turn.name))

    def dropped(self, call: Call, reason: str) -> None:
        self._takes("dropped", call, reason)
        self.gate.notes.append(Note("dropped", call.prompt, reason))

    def emptied(self, reason: str) -> None:
        self._takes("emptied", reason)
        self.gate.notes.append(Note("emptied", "", reason))

    def cancelled_on_entry(self, call: Call) -> None:
        self._takes("cancelled_on_entry", call)
        self.gate.notes.append(Note("cancelled_on_entry", call.prompt))

    def summary_failed(self, turn: Context, fault: Fault) -> None:
        self._takes("summary_failed", turn, fault)
        self.gate.notes.append(Note("summary_failed", turn.name, fault.kind))


def ports_for(gate: Gate) -> Ports:
    """All ports of one world."""
    signatures.prepare()
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
