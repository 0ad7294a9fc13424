"""Our own dispatchers, recorded as the real agent was: a world whose threads write the lines of
``crush-dispatch-trace/1``.

A line is one more atomic step of the thread that writes it (:meth:`LogObject.line`), in front of or behind the step
that it tells of, as ``recordings/README.md`` says for the real recorder:

* in front: the calls, the start of a stream, a completion, a delivery, an agent-error notification;
* behind: the returns, a user message, a write that the store refused, the end of a stream.

So other threads may run between a line and its step, in our runs as in recorded ones. What our dispatchers do not model
(text of requests, say) their lines do not tell, and :meth:`~everyturn.logs.transcript.TranscriptLine.fits` does not
compare.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from everyturn.logs.transcript import OTHER, SUMMARY, TranscriptLine, WrittenLine, line
from everyturn.runs.run import Run
from everyturn.world.agents import find_revision, revision_name
from everyturn.world.objects.calls import CallsPort
from everyturn.world.operations import OWN
from everyturn.world.scope import Scope
from everyturn.world.world import REQUESTS, Body, Thread, World
from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation, Stream, StreamResult
from everyturn_impl.endings import CANCELLED
from everyturn_impl.errors import AgentError, error_of
from everyturn_impl.ports import Broker, Hooks, Model, Ports, Shared, Store, WrittenBy
from everyturn_impl.server import Server

OBJECT: Final = OWN + "log"
"""The name of the log in operations."""


@dataclass(frozen=True, slots=True)
class LogObject:
    """What all threads write to. It keeps nothing: whoever runs the world sees the lines as operations."""

    def line(self, told: TranscriptLine) -> tuple[None, LogObject]:
        """Write one line."""
        return None, self


LogPort = Shared[LogObject]


class RecordedWorld(World):
    """A world of ``scope`` whose dispatcher and clients write what they do into a log."""

    def __init__(self, scope: Scope, revision: str | type[Server], granularity: str = "access") -> None:
        found = find_revision(revision)
        super().__init__(scope, type(found.__name__, (_Recorded, found), {"own": {"log": LogObject()}}), granularity)
        self.revision = revision_name(revision)
        log = next(port for port in self.ports if getattr(port, "object", None) == OBJECT)
        self.threads = tuple(_client(thread, log) for thread in self.threads)


def _client(thread: Thread, log: Any) -> Thread:
    """A client of an operation writes its call and its return."""
    told = _CLIENTS.get(thread.kind)
    return thread if told is None else replace(thread, body=partial(_operate, told, thread.body, thread.name, log))


_CLIENTS: Final = {"c": "cancel", "q": "clear", "s": "summarize"}


async def _operate(what: str, body: Body, name: str, log: LogPort, agent: Server, calls: CallsPort) -> str:
    await log.do(LogObject.line, line(f"{what}_call"))
    if what != "summarize":
        word = await body(agent, calls)
        await log.do(LogObject.line, line(f"{what}_return"))
        return word
    fault: Fault | None = None
    try:
        await agent.coordinate_summary(REQUESTS.child(name))
    except AgentError as error:
        fault = error.fault
    await log.do(LogObject.line, line("summarize_return", outcome=_outcome(fault, "ok")))
    return "returned" if fault is None else "failed"


def _outcome(fault: Fault | None, good: str) -> str:
    """What a return tells; ``good`` if nothing was raised."""
    if fault is None:
        return good
    return fault.kind if fault.kind == CANCELLED else "refused-busy" if fault.kind == "busy" else "error"


class _Recorded(Server):
    """Put in front of a revision: writes what happens at the door, and hands it ports that write what happens
    within."""

    def __init__(self, ports: Ports, *, direct: bool, log: LogPort) -> None:
        super().__init__(recorded(ports, log, direct=direct), direct=direct)
        self.log = log

    async def submit(self, call: Call) -> Call:
        await self.log.do(LogObject.line, line("accept_call", prompt=call.prompt))
        accepted = await super().submit(call)
        await self.log.do(LogObject.line, line("accept_return", prompt=call.prompt, **_sequence(accepted.reservation)))
        return accepted

    async def run(self, call: Call, caller: Context) -> None:
        if caller.hop:
            await super().run(call, caller)  # type: ignore[safe-super]
            return
        await self.log.do(LogObject.line, line("run_call", prompt=call.prompt))
        fault: Fault | None = None
        try:
            await super().run(call, caller)  # type: ignore[safe-super]
        except AgentError as error:
            fault = error.fault
        await self.log.do(LogObject.line, line("run_return", prompt=call.prompt, outcome=_outcome(fault, "returned")))
        if fault is not None:
            raise error_of(fault)


def _sequence(reservation: Reservation | None) -> dict[str, int]:
    return {} if reservation is None else {"accept_seq": reservation.sequence}


# the ports -----------------------------------------------------------------------------------------------------------


def recorded(ports: Ports, log: LogPort, *, direct: bool) -> Ports:
    """The same ports, which write lines besides. ``direct``: no coordinator delivers what a hook kept."""
    return replace(
        ports,
        store=_Store(ports.store, log),
        model=_Model(ports.model, log),
        hooks=_Hooks(ports.hooks, log),
        broker=_Broker(ports.broker, log, direct),
    )


@dataclass(frozen=True)
class _Store:
    """Writes a line behind each user message, stored or refused."""

    store: Store
    log: LogPort

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    async def write_user(self, context: Context | None, call: Call, by: WrittenBy, turn: Context | None) -> None:
        fault: Fault | None = None
        try:
            await self.store.write_user(context, call, by, turn)
        except AgentError as error:
            fault = error.fault
        host = None if turn is None or by != "fold" else turn.prompt
        if fault is None:
            await self.log.do(LogObject.line, line("user_message", prompt=call.prompt, by=by, turn=host))
            return
        await self.log.do(LogObject.line, line("store_failed", prompt=call.prompt, by=by))
        raise error_of(fault)


@dataclass(frozen=True)
class _Model:
    """Writes a line in front of the start of a stream, and one behind its end."""

    model: Model
    log: LogPort

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    async def start(self, context: Context, prompt: str | None, number: int) -> Stream:
        await self.log.do(LogObject.line, line("stream_start", turn=prompt or SUMMARY, step=number))
        return await self.model.start(context, prompt, number)

    async def end(self, stream: Stream) -> StreamResult:
        result = await self.model.end(stream)
        told = line("stream_end", turn=stream.prompt or SUMMARY, step=stream.number, how=result.how.value)
        await self.log.do(LogObject.line, told)
        return result


@dataclass(frozen=True)
class _Hooks:
    """Writes a line in front of a completion that a hook keeps."""

    hooks: Hooks
    log: LogPort

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hooks, name)

    async def keep(self, hook: str, completion: Completion) -> None:
        await self.log.do(LogObject.line, _completion(completion, "hook"))
        await self.hooks.keep(hook, completion)


@dataclass(frozen=True)
class _Broker:
    """Writes a line in front of each completion, delivery and notification."""

    broker: Broker
    log: LogPort
    direct: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.broker, name)

    async def publish(self, completion: Completion, context: Context | None) -> None:
        """The context of a coordinator's delivery is that of its own caller; turns that were queued run under a later
        hop."""
        delivers = context is not None and context.hop == 0 and not self.direct
        await self.log.do(LogObject.line, _delivery(completion) if delivers else _completion(completion, "broker"))
        await self.broker.publish(completion, context)

    async def notify_error(self, call: Call, fault: Fault, *, run_id: bool) -> None:
        named = run_id and call.run_id is not None
        await self.log.do(LogObject.line, line("agent_error", prompt=call.prompt, named=named, error=_error(fault)))
        await self.broker.notify_error(call, fault, run_id=run_id)


def _completion(completion: Completion, via: str) -> TranscriptLine:
    return line(
        "completion",
        prompt=completion.prompt if completion.run_id is not None else None,
        via=via,
        cancelled=completion.cancelled,
        error=_error(completion.fault),
        has_message=completion.message is not None,
        text=completion.text or None,
    )


def _delivery(completion: Completion) -> TranscriptLine:
    prompt = completion.prompt if completion.run_id is not None else None
    return line("delivery", prompt=prompt, cancelled=completion.cancelled, text=completion.text or None)


def _error(fault: Fault | None) -> str | None:
    return None if fault is None else fault.kind if fault.kind in (CANCELLED, "provider") else OTHER


def lines_of(run: Run) -> tuple[WrittenLine, ...]:
    """The lines that a run of a recorded world through SimPy wrote."""
    made = ((effect.node.name, effect.node.operation) for effect in run.log.effects)
    return tuple(
        WrittenLine(name, each.arguments[0]) for name, each in made if each is not None and each.object == OBJECT
    )
