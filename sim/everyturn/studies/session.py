"""A session on SimPy's clock: the real dispatcher's coroutines as processes of a stock :class:`simpy.Environment`.

A thread's coroutine yields an operation. The process waits as long as the operation takes, asks
:func:`everyturn.world.objects.apply` what it does, and resumes the coroutine with the result. An operation that is
blocked waits until a column that it touches has changed. Where the choosing kernel
(:mod:`everyturn.engines.simpy.kernel`) asks a strategy, time decides here, and among equal times the order of SimPy's
events: first in, first out.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Protocol

import simpy
from simpy.events import URGENT

from everyturn.errors import AgentFault
from everyturn.studies.surroundings import KIND, Surroundings
from everyturn.world import objects
from everyturn.world.objects.contexts import is_done
from everyturn.world.observer import Step
from everyturn.world.operations import Note, Operation
from everyturn.world.world import WORKSPACE, Thread, World, begins_with
from everyturn_impl.calls import Completion, Stream
from everyturn_model.events import Event

WaitingProcess = Generator[simpy.Event, Any, Any]


class Onlooker(Protocol):
    """Who watches a session."""

    def saw(self, events: tuple[Event, ...]) -> None:
        """What one step showed."""

    def idle(self, queued: frozenset[str], *, ended: bool) -> None:
        """No thread can move until somebody comes; ``queued`` prompts are in the queue. ``ended``: no thread is
        left."""


class Publisher(Protocol):
    """Who delivers completions."""

    def has_room(self) -> bool:
        """Whether a notification, for which nobody waits, would reach the session's client."""
        ...

    def publish(self, completion: Completion, *, detached: bool) -> Generator[simpy.Event, Any, bool]:
        """Deliver; whether the session's client got it."""
        ...


class ColumnChange(simpy.Event):
    """A column has changed: whoever waits for it looks again before anything else happens at this time.

    Urgent, so that of two threads the one that asked first is served first, as everywhere.
    """

    def happen(self) -> None:
        """Trigger the event."""
        self._ok = True
        self._value = None
        self.env.schedule(self, priority=URGENT)


class SimulatedSession:
    """One session: its shared data, its agent, and its threads."""

    def __init__(
        self,
        env: simpy.Environment,
        world: World,
        surroundings: Surroundings,
        onlooker: Onlooker,
        publisher: Publisher | None = None,
    ) -> None:
        self.env = env
        self.world = world
        self.surroundings = surroundings
        self.onlooker = onlooker
        self.publisher = publisher
        self.values: dict[str, Any] = dict(zip(objects.COLUMNS, world.initial, strict=True))
        self.live = 0
        self._moving = 0
        self._blocked: dict[str, list[ColumnChange]] = {}
        self._streams: dict[simpy.Process, Stream] = {}

    def start(self, thread: Thread) -> simpy.Process:
        """Start a thread."""
        self.live += 1
        self._moving += 1
        return self.env.process(self._live(thread))

    # threads -----------------------------------------------------------------------------------------------------

    def _resumed(self, coroutine: Coroutine[Operation, Any, str], result: Any, *, begun: bool) -> Operation:
        """As :meth:`World.resume`; that the stack is too small for a chain of turns is no fault of the agent's."""
        try:
            return self.world.resume(coroutine, result, begun=begun)
        except AgentFault as error:
            if isinstance(error.__cause__, RecursionError):
                raise error.__cause__ from None
            raise

    def _live(self, thread: Thread) -> WaitingProcess:
        """A thread as a process."""
        coroutine = self.world.body(thread)
        notes = self.world.gate.notes
        step: Step | None = None
        opening: tuple[Event, ...] = ()
        kept: tuple[Note, ...] = ()
        begun, alone = False, True
        while True:
            notes.clear()
            try:
                operation = self._resumed(coroutine, None if step is None else step.result, begun=begun)
            except StopIteration as end:
                self._show(step, opening, kept, self.world.ended(thread, end.value, self._row(thread)))
                break
            if begun:
                self._show(step, opening, kept, ())
            kept = () if begun else (*kept, *notes)
            mood, shortened = KIND, False
            if not self.world.stops(operation, begun=begun, before=None if step is None else step.operation):
                if alone:  # whoever starts at the same time comes to its own first access meanwhile
                    yield self._urgently()
            elif operation.object in ("model", "broker"):
                mood, shortened = yield from self._outside(operation)
                alone = False
            else:
                yield self.env.timeout(self.surroundings.seconds(operation))
                mood = self.surroundings.mood(operation)
                alone = False
            before = self._look(operation, mood)
            while not (outcomes := objects.apply(operation, before, thread.name)):
                yield self._change_of(operation)
                before = self._look(operation, mood)
            result, after = outcomes[_fallen(outcomes, mood, shortened=shortened)]
            opening = ()
            if not begun and begins_with(operation, result):
                opening, begun = self.world.begun(thread, self._row(thread)), True
            self._write(operation, before, after)
            step = Step(thread.name, operation, result, before, after)
        self._end(thread)

    def _show(
        self, step: Step | None, opening: tuple[Event, ...], kept: tuple[Note, ...], closing: tuple[Event, ...]
    ) -> None:
        """The thread has reached its next operation, so that the journal of the last one is complete."""
        if step is None:
            return
        notes = (*kept, *self.world.gate.notes)
        seen = self.world.seen(step._replace(notes=notes) if notes else step)
        if opening or seen or closing:
            self.onlooker.saw((*opening, *seen, *closing))

    def _row(self, thread: Thread) -> objects.Values:
        """All columns, for those threads of which more is seen than their own steps."""
        return tuple(self.values.values()) if self.world.watches_shared_data(thread) else ()

    def _end(self, thread: Thread) -> None:
        """The thread has ended; forget what only it could ask for, and see whether the session is idle."""
        self._forget(WORKSPACE.child(thread.name).path)
        self.live -= 1
        self._rest_if_idle()

    def _forget(self, above: tuple[str, ...]) -> None:
        """Forget the cancelled contexts from ``above`` down, whose threads have ended; not what ``active`` still
        names."""
        cancelled: frozenset[tuple[str, ...]] = self.values["contexts"]
        if cancelled:
            named = () if self.values["active"] is None else self.values["active"].path
            self.values["contexts"] = frozenset(
                path for path in cancelled if path[: len(above)] != above or path == named[: len(path)]
            )

    def _rest_if_idle(self) -> None:
        self._moving -= 1
        if self._moving:
            return
        if not self.live:
            self._forget(())
            self.values["hooks"] = ()
        self.onlooker.idle(frozenset(call.prompt for call in self.values["queue"]), ended=not self.live)

    # operations --------------------------------------------------------------------------------------------------

    def _look(self, operation: Operation, mood: objects.Budget) -> objects.Values:
        """The columns that ``operation`` touches; the budget is the world's mood at this moment."""
        values = self.values
        return tuple([mood if column == "budget" else values[column] for column in objects.columns(operation)])

    def _write(self, operation: Operation, before: objects.Values, after: objects.Values) -> None:
        if after is before:
            return
        for column, old, new in zip(objects.columns(operation), before, after, strict=True):
            if new is not old and column != "budget":
                self.values[column] = new
                self._changed(column)

    def _changed(self, column: str) -> None:
        waiting = self._blocked.pop(column, ())
        self._moving += len(waiting)
        for change in waiting:
            change.happen()
        if column == "contexts" and self._streams:
            cancelled = self.values["contexts"]
            for process, stream in list(self._streams.items()):
                if is_done(cancelled, stream.context):
                    del self._streams[process]
                    process.interrupt()

    def _urgently(self) -> ColumnChange:
        """An event that happens before anything else at this time."""
        change = ColumnChange(self.env)
        change.happen()
        return change

    def _change_of(self, operation: Operation) -> ColumnChange:
        """The next change of the column that blocks ``operation``. Such an operation touches one column."""
        (column,) = objects.columns(operation)
        change = ColumnChange(self.env)
        self._blocked.setdefault(column, []).append(change)
        self._rest_if_idle()
        return change

    # time --------------------------------------------------------------------------------------------------------

    def _outside(self, operation: Operation) -> Generator[simpy.Event, Any, tuple[objects.Budget, bool]]:
        """Let the time of a model's or broker's operation pass: the mood at its end, and whether a stream was cut
        short."""
        if operation.method == "end":
            cancelled = yield from self._stream(operation.arguments[0])
            return (KIND if cancelled else self.surroundings.mood(operation)), cancelled
        yield self.env.timeout(self.surroundings.seconds(operation))
        if self.publisher is not None and operation.method == "publish":
            completion, context = operation.arguments
            delivered = yield from self.publisher.publish(completion, detached=context is None)
            return objects.Budget(losses=0 if delivered else 1), False
        if self.publisher is not None and operation.method == "notify_error" and not self.publisher.has_room():
            return objects.Budget(notices=1), False
        return KIND, False

    def _stream(self, stream: Stream) -> Generator[simpy.Event, Any, bool]:
        """Let a stream run; whether it was cancelled and noticed that before its natural end."""
        notice = self.surroundings.notice
        if stream.cancelled:
            yield self.env.timeout(notice())
            return True
        length = self.surroundings.stream()
        if is_done(self.values["contexts"], stream.context):
            noticed = notice()
            yield self.env.timeout(min(noticed, length))
            return noticed < length
        end = self.env.timeout(length)
        ends_at = self.env.now + length
        process = self.env.active_process
        assert process is not None
        self._streams[process] = stream
        try:
            yield end
        except simpy.Interrupt:
            noticed = notice()
            if self.env.now + noticed < ends_at:
                yield self.env.timeout(noticed)
                return True
            yield end
        self._streams.pop(process, None)
        return False


def _fallen(outcomes: objects.Outcomes, mood: objects.Budget, *, shortened: bool) -> int:
    """Which outcome it is: the last if a stream was cut short, the second if the world is unkind, or else the first."""
    if shortened:
        return len(outcomes) - 1
    if len(outcomes) == 1 or mood is KIND:
        return 0
    return int(any(mood._replace(nearly_full=0)))
