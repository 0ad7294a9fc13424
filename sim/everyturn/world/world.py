"""A world: the threads of a scope, run by one agent against shared objects. The same for every engine."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, fields, replace
from functools import partial
from importlib import import_module
from typing import Any, Final

from everyturn.errors import EndlessRun, UsageError
from everyturn.identity.trust import module_of
from everyturn.world import objects, resumption
from everyturn.world.agents import (
    accepted_call,
    defined,
    find_revision,
    make,
    own_of,
    promises_of,
    revision_name,
    shares_of,
)
from everyturn.world.encoding import TRUSTED
from everyturn.world.gate import Gate
from everyturn.world.objects.calls import CallsPort
from everyturn.world.objects.own import SharedPort
from everyturn.world.objects.threads import ThreadsPort
from everyturn.world.objects.titles import TitlesPort
from everyturn.world.observer import Step, changed, observe, shared_data
from everyturn.world.operations import OWN, Operation
from everyturn.world.ports import ports_for
from everyturn.world.results import fault_of
from everyturn.world.scope import Scope
from everyturn.world.thread_locality import ThreadLocality
from everyturn_impl.calls import Call, Context
from everyturn_impl.dispatcher import Attended, Dispatcher
from everyturn_impl.errors import AgentError, CallerError
from everyturn_impl.revisions import REVISIONS
from everyturn_model import events as ev

__all__ = ["GRANULARITIES", "WORKSPACE", "Body", "Thread", "World", "find_revision", "revision_name"]

WORKSPACE: Final = Context(("w",))
REQUESTS: Final = Context(("r",))
"""The context of a user's requests: closing the workspace does not cancel them."""
GRANULARITIES: Final = ("access", "await")
ALONE: Final = 64
"""After so many accesses in a row that only the thread itself can notice, others may run all the same: it may do so for
ever."""
LONGEST_ALONE: Final = 2_000
"""As many accesses between two that wait are taken to be endless on an event loop."""

Body = Callable[[Dispatcher, CallsPort], Coroutine[Operation, Any, str]]


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


def begins_with(operation: Operation, result: Any) -> bool:
    """Whether an onlooker sees a thread's work begin with ``operation``, at the latest, if it came to this ``result``.

    Nobody notices a mere look at what is not the session's: whether a model is configured, the workspace is closing, a
    context is cancelled. If it fails, that is seen.
    """
    return objects.declared(operation).begins or fault_of(result) is not None


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
        self.is_revision = found in REVISIONS.values()
        """Whether the agent is one of the project's own, which are known to do the same after the same results."""
        self._shares = shares_of(found)
        self.promises = promises_of(found)
        self._thread_locality = ThreadLocality()
        owned = own_of(found)
        for name, first in owned.items():
            objects.own.check(f"{defined(found)}: {OWN}{name}", first)
        if str(module_of(found)).partition(".")[0] not in TRUSTED:
            import_module("asyncio")  # ahead of all steps, as one may import it; ours do not
        resumption.watch()
        own = {name: SharedPort(self.gate, name, first) for name, first in owned.items()}
        self.agent = make(with_few_steps(found) if scope.endless else found, scope, ports, own)
        if self.gate.fault is not None or self.gate.pending:
            resumption.check_done(self.gate)
        self.ports = (ports, *(getattr(ports, field.name) for field in fields(ports)), *own.values())
        self._calls = CallsPort(self.gate)
        self.ports = (*self.ports, self._calls)
        self._counter = next(port for port in self.ports if isinstance(port, ThreadsPort))
        self.threads = tuple(_threads(scope, self.agent, self.ports))
        self._watched = frozenset(thread.name for thread in self.threads if thread.kind in "co")
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
        body = thread.body(self.agent, self._calls)
        if thread.counted:
            body = _counted(body, thread.name, self._counter)
        return _shell(self.gate, _called(body, thread.name, self._calls))

    def resume(self, coroutine: Coroutine[Operation, Any, str], result: Any, *, begun: bool) -> Operation:
        """What a thread waits to do after ``result``; ``begun``: an onlooker has seen its work begin.

        Raises :class:`StopIteration` with a word when the thread ends, and :class:`AgentFault` when it ends in an error
        that nobody handles or waits for something that is no port.
        """
        self.gate.begun = begun
        return resumption.go_on(self.gate, coroutine, result)

    def is_scheduling_point(self, operation: Operation) -> bool:
        """Whether other threads may run just before ``operation``."""
        return objects.is_scheduling_point(operation, self.scope, self.granularity, self._shares)

    def stops(self, operation: Operation, *, begun: bool, before: Operation | None) -> bool:
        """Whether a thread, whose work was seen to have ``begun`` or not, lets others run ahead of ``operation``.

        It does at a scheduling point, and where its work can be seen to begin. ``before``: its last operation, none
        ahead of its first, with which on an event loop it begins when it is its turn, not earlier. That a prompt is
        accepted and that its thread starts is one step.
        """
        if before is not None and str(before) == "calls.accepted" and str(operation) == "threads.start":
            return False
        if self.is_scheduling_point(operation) or not (begun or not objects.declared(operation).begins):
            return True
        return (
            self.granularity == "await"
            and before is None
            and objects.is_scheduling_point(operation, self.scope, "access", self._shares)
        )

    def pauses(self, made: int, where: Callable[[], object]) -> bool:
        """Whether a thread that has ``made`` so many accesses since it let others run last, and stands at ``where``,
        lets them now.

        Its last accesses could be noticed by itself alone. Between threads it may be passed by at any time, so that it
        loses nothing by it; on an event loop nobody runs while it does not wait. Raises :class:`EndlessRun` if it never
        does.
        """
        if self.granularity == "access":
            return made >= ALONE
        if made < LONGEST_ALONE:
            return False
        raise EndlessRun(
            f"{where()}: {made:,} accesses in a row and none that waits: on an event loop nobody else runs meanwhile: "
            f"expected "
            "every loop to end, or to await something that waits"
        )

    def begun(self, thread: Thread, before: objects.Values) -> tuple[ev.Event, ...]:
        """What an onlooker sees when the thread's work begins."""
        match thread.kind:
            case "A" | "a" | "I" | "i":
                return (ev.Submitted(thread.name, thread.kind.isupper(), thread.kind in "Aa"),)
            case "c":
                return (ev.CancelCalled(thread.name, shared_data(before), self.promises.cancel),)
            case "q":
                return (ev.ClearCalled(thread.name),)
            case "s":
                return (ev.SummariseCalled(thread.name),)
            case "x":
                return (ev.ShutdownBegan(),)
        return ()

    def ended(self, thread: Thread, word: str, after: objects.Values) -> tuple[ev.Event, ...]:
        """What an onlooker sees when the thread has ended; ``word`` is what its body returned."""
        match thread.kind:
            case "A" | "a" | "I" | "i" if word == "refused":
                return (ev.Refused(thread.name, busy=self.promises.busy == "refuse"),)
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
        """What an onlooker sees of one step. Where there are Cancels, also what they change, and whoever works for
        them."""
        seen = observe(step)
        if self.scope.cancels and step.thread in self._watched:
            seen = (*seen, *changed(step))
        if not self.promises.folds:
            seen = tuple(replace(event, broken=True) if isinstance(event, ev.Folded) else event for event in seen)
        return seen

    def check_thread_locality(self, step: Step) -> None:
        """Raise :class:`AgentFault` if others can notice what was taken to be a thread's own business."""
        if self.granularity == "access":
            self._thread_locality.check(step.thread, step.operation, point=self.is_scheduling_point(step.operation))

    def rest(
        self, values: objects.Values, blocked: tuple[str, ...], unseen: tuple[Thread, ...] = ()
    ) -> tuple[ev.Event, ...]:
        """What is seen when nothing can move any more, and ``blocked`` threads still wait.

        Those of them whose work nobody has seen begin yet were called all the same.
        """
        called = (event for thread in unseen for event in self.begun(thread, values))
        return (*called, ev.Rest(shared_data(values), blocked))


def prompt_thread(number: int, kind: str, *, counted: bool = False) -> Thread:
    """The thread of the prompt with this number; ``kind`` is its letter in a scope.

    ``counted``: it counts itself as ended, so that a shutdown can wait for it.
    """
    call = Call(f"p{number}", f"p{number}", f"r{number}" if kind.isupper() else None)
    return Thread(call.prompt, kind, partial(_accepted if kind in "Aa" else _in_process, call), counted=counted)


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
        word = await body
    except BaseException:
        if gate.thrown_away():
            raise GeneratorExit from None
        raise
    gate.thrown_away()
    return word


async def _called(body: Coroutine[Operation, Any, str], name: str, calls: CallsPort) -> str:
    word = await body
    if not calls.gate.begun:
        await calls.returned(name)
    return word


async def _counted(body: Coroutine[Operation, Any, str], name: str, counter: ThreadsPort) -> str:
    word = await body
    if word != "refused" and name:
        await counter.end(name)
    return word


async def _accepted(call: Call, agent: Dispatcher, calls: CallsPort) -> str:
    try:
        accepted = accepted_call(await agent.submit(call), call, agent)
    except CallerError:
        return "refused"
    if not calls.gate.begun:
        await calls.accepted(call.prompt)
    await agent.serve(accepted, WORKSPACE.child(call.prompt))
    return "returned"


async def _in_process(call: Call, agent: Dispatcher, calls: CallsPort) -> str:
    try:
        await agent.run_local(call, WORKSPACE.child(call.prompt))
    except AgentError as error:
        return "failed" if error.owner == call.prompt else "returned"
    return "returned"


async def _cancel(name: str, agent: Dispatcher, calls: CallsPort) -> str:
    await agent.cancel()
    return "returned"


async def _clear(name: str, agent: Dispatcher, calls: CallsPort) -> str:
    await agent.clear_queue()
    return "returned"


async def _summarise(name: str, agent: Dispatcher, calls: CallsPort) -> str:
    try:
        await agent.coordinate_summary(REQUESTS.child(name))
    except AgentError:
        return "failed"
    return "returned"


async def _shut_down(name: str, agent: Dispatcher, calls: CallsPort) -> str:
    await agent.shut_down(WORKSPACE)
    return "returned"


_OPERATIONS: Final[dict[str, tuple[str, Callable[[str, Dispatcher, CallsPort], Coroutine[Operation, Any, str]]]]] = {
    "c": ("cancel", _cancel),
    "q": ("clear", _clear),
    "s": ("summarise", _summarise),
    "x": ("shutdown", _shut_down),
}
"""Letter of a scope → the name of such threads, and what one does."""


async def _attended(agent: Dispatcher, calls: CallsPort) -> str:
    assert isinstance(agent, Attended)
    await agent.attend()
    return "returned"


async def _title(titles: TitlesPort, prompt: str, agent: Dispatcher, calls: CallsPort) -> str:
    while True:
        await titles.end(prompt)
