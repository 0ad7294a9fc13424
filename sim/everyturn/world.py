"""A world: the threads of a scope, run by one agent against shared objects. The same for every engine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Final

from everyturn import objects, resumption
from everyturn.agents import accepted_call, defined, find_revision, make, own_of, revision_name, shares_of
from everyturn.errors import UsageError
from everyturn.observer import Step, observe, shared_data
from everyturn.operations import OWN, Gate, Operation, SharedPort, ThreadsPort, TitlesPort, ports_for
from everyturn.privacy import Privacy
from everyturn.scope import Scope
from everyturn_impl.calls import Call, Context
from everyturn_impl.dispatcher import Attended, Dispatcher
from everyturn_impl.errors import AgentError, CallerError
from everyturn_model import events as ev

__all__ = ["GRANULARITIES", "WORKSPACE", "Body", "Thread", "World", "find_revision", "revision_name"]

WORKSPACE: Final = Context(("w",))
GRANULARITIES: Final = ("access", "await")

Body = Callable[[Dispatcher], Coroutine[Operation, Any, str]]


@dataclass(frozen=True, slots=True)
class Thread:
    """One thread of a world. ``body`` returns a word that says how it ended.

    A ``daemon`` may wait for ever; one that is ``counted`` says when it has ended, so that a shutdown can wait for it.
    """

    name: str
    kind: str
    body: Body
    daemon: bool = False
    counted: bool = False

    def begins_with(self, operation: Operation) -> bool:
        """Whether ``operation``, as the first such of the thread, is where its work begins for an onlooker.

        Asking whether a model is configured, or whether the workspace is closing, is no work yet.
        """
        return operation.object not in ("model", "closing")


def with_few_steps(agent: type[Dispatcher]) -> type[Dispatcher]:
    """The same dispatcher, which numbers the steps of a turn 1, 2, 3, 2, 3, … so that endless turns have finitely many
    states: any two steps in a row are told apart, and the first one from all others."""

    def next_step(self: Dispatcher, number: int) -> int:
        return number + 1 if number < 3 else 2

    return type(agent.__name__, (agent,), {"next_step": next_step, "__module__": agent.__module__})


class World:
    """The threads, the agent and the shared objects of one scope, revision and granularity."""

    def __init__(self, scope: Scope, revision: str | type[Dispatcher], granularity: str = "access") -> None:
        if granularity not in GRANULARITIES:
            raise UsageError(f"granularity {granularity!r}: expected {' or '.join(GRANULARITIES)}")
        self.scope = scope
        self.revision = revision_name(revision)
        self.asked = revision
        self.granularity = granularity
        self.gate = Gate()
        ports = ports_for(self.gate)
        found = find_revision(revision)
        self._shares = shares_of(found)
        self._privacy = Privacy()
        owned = own_of(found)
        for name, first in owned.items():
            objects.own.check(f"{defined(found)}: {OWN}{name}", first)
        resumption.watch()
        own = {name: SharedPort(self.gate, name, first) for name, first in owned.items()}
        self.agent = make(with_few_steps(found) if scope.endless else found, scope, ports, own)
        if self.gate.fault is not None or self.gate.pending:
            resumption.check_done(self.gate)
        self.ports = (ports, *(getattr(ports, field.name) for field in fields(ports)), *own.values())
        self._counter = next(port for port in self.ports if isinstance(port, ThreadsPort))
        self.threads = tuple(_threads(scope, self.agent, self.ports))
        self.initial = objects.initial(scope, owned)
        self.tables: dict[type, Any] = {}
        """What engines have worked out of this world and keep between runs, by the type of the table."""

    @property
    def known(self) -> tuple[object, ...]:
        """Objects that are what they are: compared by identity, whatever is inside them."""
        return (self.agent, self.gate, self, *self.ports)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The names of all prompts."""
        return tuple(thread.name for thread in self.threads if thread.kind in "AaIi")

    def start(self, thread: int) -> Coroutine[Operation, Any, str]:
        """The coroutine of a thread of the scope, not yet begun."""
        return self.body(self.threads[thread])

    def body(self, thread: Thread) -> Coroutine[Operation, Any, str]:
        """The coroutine of any thread, also of one that came later than the scope's, not yet begun."""
        body = thread.body(self.agent)
        return _shell(self.gate, _counted(body, thread.name, self._counter) if thread.counted else body)

    def resume(self, coroutine: Coroutine[Operation, Any, str], result: Any) -> Operation:
        """What a thread waits to do after ``result``.

        Raises :class:`StopIteration` with a word when the thread ends, and :class:`AgentFault` when it ends in an error
        that nobody handles or waits for something that is no port.
        """
        return resumption.go_on(self.gate, coroutine, result)

    def is_scheduling_point(self, operation: Operation) -> bool:
        """Whether other threads may run just before ``operation``."""
        return objects.is_scheduling_point(operation, self.scope, self.granularity, self._shares)

    def stops(self, thread: Thread, operation: Operation, *, begun: bool, first: bool) -> bool:
        """Whether ``thread``, whose work has ``begun`` or not, lets others run before ``operation``, its ``first`` one or not.

        It does at a scheduling point. On an event loop it also begins its work when it is its turn, not before.
        """
        if self.is_scheduling_point(operation):
            return True
        if self.granularity == "access":
            return False
        begins = not begun and thread.begins_with(operation)
        return begins or (first and objects.is_scheduling_point(operation, self.scope, "access", self._shares))

    def begun(self, thread: Thread, before: objects.Values) -> tuple[ev.Event, ...]:
        """What an onlooker sees when the thread's work begins."""
        match thread.kind:
            case "A" | "a" | "I" | "i":
                return (ev.Submitted(thread.name, thread.kind.isupper(), thread.kind in "Aa"),)
            case "c":
                return (ev.CancelCalled(thread.name, shared_data(before)),)
            case "q":
                return (ev.ClearCalled(thread.name),)
            case "s":
                return (ev.SummariseCalled(thread.name),)
        return ()

    def ended(self, thread: Thread, word: str, after: objects.Values) -> tuple[ev.Event, ...]:
        """What an onlooker sees when the thread has ended; ``word`` is what its body returned."""
        match thread.kind:
            case "A" | "a" | "I" | "i" if word == "refused":
                return (ev.Refused(thread.name),)
            case "A" | "a" | "I" | "i":
                return (ev.Returned(thread.name, failed=word == "failed"),)
            case "c":
                return (ev.CancelReturned(thread.name, shared_data(after)),)
            case "q":
                return (ev.ClearReturned(thread.name),)
            case "s":
                return (ev.SummariseReturned(thread.name),)
        return ()

    def watches_shared_data(self, thread: Thread) -> bool:
        """Whether what is seen of the thread's begin and end depends on the whole of the shared data."""
        return thread.kind == "c"

    def seen(self, step: Step) -> tuple[ev.Event, ...]:
        """What an onlooker sees of one step."""
        return observe(step)

    def check_privacy(self, step: Step) -> None:
        """Raise :class:`AgentFault` if others can notice what was taken to be a thread's own business."""
        if self.granularity == "access":
            self._privacy.check(step.thread, step.operation, point=self.is_scheduling_point(step.operation))

    def rest(self, values: objects.Values, blocked: tuple[str, ...]) -> ev.Rest:
        """The event of rest: nothing can move any more, and ``blocked`` threads still wait."""
        return ev.Rest(shared_data(values), blocked)


def prompt_thread(number: int, kind: str, *, counted: bool = False) -> Thread:
    """The thread of the prompt with this number; ``kind`` is its letter in a scope.

    ``counted``: it counts itself as ended, so that a shutdown can wait for it.
    """
    call = Call(f"p{number}", f"p{number}", f"r{number}" if kind.isupper() else None)
    return Thread(
        call.prompt, kind, partial(_prompt, _accepted if kind in "Aa" else _in_process, call), counted=counted
    )


def operation_thread(number: int, kind: str) -> Thread:
    """The thread of a Cancel (``c``), ClearQueue (``q``), Summarise (``s``) or shutdown (``x``) with this number."""
    name, operation = _OPERATIONS[kind]
    return Thread(f"{name}{number}", kind, partial(operation, f"{name}{number}"))


def _threads(scope: Scope, agent: Dispatcher, ports: tuple[object, ...]) -> list[Thread]:
    counted = bool(scope.shutdown)
    threads = [prompt_thread(number, kind, counted=counted) for number, kind in enumerate(scope.prompts, start=1)]
    for kind, often in (("c", scope.cancels), ("q", scope.clears), ("s", scope.summaries), ("x", scope.shutdown)):
        threads += [operation_thread(number, kind) for number in range(1, often + 1)]
    if scope.new_session:
        titles = next(port for port in ports if isinstance(port, TitlesPort))
        prompts = [thread.name for thread in threads if thread.kind in "AaIi"]
        threads += [Thread(f"title:{name}", "n", partial(_title, titles, name), daemon=True) for name in prompts]
    if isinstance(agent, Attended):
        threads.append(Thread("attended", "o", _attended, daemon=True))
    return threads


async def _shell(gate: Gate, body: Coroutine[Operation, Any, str]) -> str:
    """The outermost frame of a thread: when it is thrown away, this is the last of it."""
    try:
        return await body
    finally:
        gate.closing = False


async def _counted(body: Coroutine[Operation, Any, str], name: str, counter: ThreadsPort) -> str:
    word = await body
    if word != "refused" and name:
        await counter.end(name)
    return word


async def _prompt(body: Callable[..., Any], call: Call, agent: Dispatcher) -> str:
    word: str = await body(agent, call, WORKSPACE.child(call.prompt))
    return word


async def _accepted(agent: Dispatcher, call: Call, caller: Context) -> str:
    try:
        accepted = accepted_call(await agent.submit(call), call, agent)
    except CallerError:
        return "refused"
    await agent.serve(accepted, caller)
    return "returned"


async def _in_process(agent: Dispatcher, call: Call, caller: Context) -> str:
    try:
        await agent.run_local(call, caller)
    except AgentError as error:
        return "failed" if error.owner == call.prompt else "returned"
    return "returned"


async def _cancel(name: str, agent: Dispatcher) -> str:
    await agent.cancel()
    return "returned"


async def _clear(name: str, agent: Dispatcher) -> str:
    await agent.clear_queue()
    return "returned"


async def _summarise(name: str, agent: Dispatcher) -> str:
    try:
        await agent.coordinate_summary(WORKSPACE.child(name))
    except AgentError:
        return "failed"
    return "returned"


async def _shut_down(name: str, agent: Dispatcher) -> str:
    await agent.shut_down(WORKSPACE)
    return "returned"


_OPERATIONS: Final[dict[str, tuple[str, Callable[[str, Dispatcher], Coroutine[Operation, Any, str]]]]] = {
    "c": ("cancel", _cancel),
    "q": ("clear", _clear),
    "s": ("summarise", _summarise),
    "x": ("shutdown", _shut_down),
}
"""Letter of a scope → the name of such threads, and what one does."""


async def _attended(agent: Dispatcher) -> str:
    assert isinstance(agent, Attended)
    await agent.attend()
    return "returned"


async def _title(titles: TitlesPort, prompt: str, agent: Dispatcher) -> str:
    while True:
        await titles.end(prompt)
