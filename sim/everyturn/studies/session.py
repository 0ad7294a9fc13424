"""A session on SimPy's clock: the real dispatcher's coroutines as processes of a stock :class:`simpy.Environment`.

A thread's coroutine yields an operation. The process waits as long as the operation takes, looks up what it does, and
goes on to the next one (:mod:`everyturn.studies.histories`). An operation that is blocked waits until a column that it
touches has changed. Where the choosing kernel (:mod:`everyturn.engines.simpy.kernel`) asks a strategy, time decides
here, and among equal times the order of SimPy's events: first in, first out. Where nobody else has anything to do until
an operation takes effect, the time goes by without an event.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, Final, Protocol

import simpy
from simpy.events import URGENT

from everyturn.studies.histories import BUDGET, INDEX, ThreadPlace, ThreadRun, TimedHistories, WayOn
from everyturn.studies.surroundings import KIND, Passes, Surroundings
from everyturn.world import objects
from everyturn.world.objects.contexts import is_done
from everyturn.world.operations import Operation
from everyturn.world.world import WORKSPACE, Thread
from everyturn_impl.calls import Completion, Stream
from everyturn_model.events import Event

WaitingProcess = Generator[simpy.Event, Any, Any]

ACTIVE: Final = INDEX["active"]
ACCEPTING: Final = INDEX["accepting"]
CONTEXTS: Final = INDEX["contexts"]
HOOKS: Final = INDEX["hooks"]
QUEUE: Final = INDEX["queue"]


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
    """One session: its shared data, its agent, and its threads.

    ``begins_anew``: asked when nothing is left of all that has happened but the number of accepted prompts; if it says
    yes, names and accept sequence begin anew, so that the same histories come again.
    """

    def __init__(
        self,
        env: simpy.Environment,
        histories: TimedHistories,
        surroundings: Surroundings,
        onlooker: Onlooker,
        publisher: Publisher | None = None,
    ) -> None:
        self.env = env
        self.histories = histories
        self.world = histories.world
        self.surroundings = surroundings
        self.onlooker = onlooker
        self.publisher = publisher
        self.begins_anew: Callable[[], bool] = lambda: False
        self.live = 0
        self._row = histories.first.copy()
        self._moving = 0
        self._blocked: dict[int, list[ColumnChange]] = {}
        self._streams: dict[simpy.Process, Stream] = {}

    @property
    def values(self) -> dict[str, Any]:
        """What each column holds, by its name."""
        return {name: held.value for name, held in zip(objects.COLUMNS, self._row, strict=True)}

    def start(self, thread: Thread) -> simpy.Process:
        """Start a thread."""
        self.live += 1
        self._moving += 1
        return self.env.process(self._live(thread))

    # threads -----------------------------------------------------------------------------------------------------

    def _live(self, thread: Thread) -> WaitingProcess:
        """A thread as a process."""
        run = ThreadRun(self.histories, thread)
        watched = self.world.watches_shared_data(thread)
        row = self._row
        place = run.begin()
        alone = True
        while place.operation is not None:
            mood, shortened = KIND, False
            if place.passes is Passes.NONE:
                if alone and not self._goes_by(
                    0.0
                ):  # whoever starts at the same time comes to its own first access meanwhile
                    yield self._urgently()
            elif place.passes is Passes.OUTSIDE:
                mood, shortened = yield from self._outside(place.operation)
                alone = False
            else:
                seconds = self.surroundings.seconds[place.passes]()
                if not self._goes_by(seconds):
                    yield self.env.timeout(seconds)
                if place.passes is Passes.STORE:
                    mood = self.surroundings.mood(place.operation)
                alone = False
            ways = place.ways.get(place.key(row)) if mood is KIND else None
            while not (ways := ways or self._ways(place, mood, thread)):
                yield self._change_of(place)
            way = ways[0] if len(ways) == 1 else ways[_fallen(ways, mood, shortened=shortened)]
            before = row.copy() if watched else row
            if way.changes:
                self._write(way)
            place = way.after if way.after is not None and run.coroutine is None else run.go_on(way)
            seen = way.seen
            if watched and way.edge:
                seen = self.histories.framed(thread, way, place.word if place.operation is None else None, before, row)
            if seen:
                self.onlooker.saw(seen)
        self._end(thread)

    def _end(self, thread: Thread) -> None:
        """The thread has ended; forget what only it could ask for, and see whether the session is idle."""
        if self._row[CONTEXTS].value:
            self._forget(WORKSPACE.child(thread.name).path)
        self.live -= 1
        self._rest_if_idle()

    def _forget(self, above: tuple[str, ...]) -> None:
        """Forget the cancelled contexts from ``above`` down, whose threads have ended; not what ``active`` still
        names."""
        cancelled: frozenset[tuple[str, ...]] = self._row[CONTEXTS].value
        if cancelled:
            active = self._row[ACTIVE].value
            named = () if active is None else active.path
            left = frozenset(path for path in cancelled if path[: len(above)] != above or path == named[: len(path)])
            self._row[CONTEXTS] = self.histories.hold(CONTEXTS, left)

    def _rest_if_idle(self) -> None:
        self._moving -= 1
        if self._moving:
            return
        if not self.live:
            self._forget(())
            self._row[HOOKS] = self.histories.hold(HOOKS, ())
        self.onlooker.idle(frozenset([call.prompt for call in self._row[QUEUE].value]), ended=not self.live)
        if not self.live and self.histories.keeps and self._is_as_new() and self.begins_anew():
            self._row[:] = self.histories.first

    def _is_as_new(self) -> bool:
        """Whether nothing is left of all that has happened but the number of accepted prompts."""
        accepting: objects.Accepting = self._row[ACCEPTING].value
        return not (accepting.open or accepting.mark) and all(
            held is first
            for column, (held, first) in enumerate(zip(self._row, self.histories.first, strict=True))
            if column != ACCEPTING
        )

    # operations --------------------------------------------------------------------------------------------------

    def _goes_by(self, seconds: float) -> bool:
        """Whether so much time goes by at once, as nobody else has anything to do until then, then included."""
        env = self.env
        due, then = env._queue, env._now + seconds
        if due and due[0][0] <= then:
            return False
        env._now = then
        return True

    def _ways(self, place: ThreadPlace, mood: objects.Budget, thread: Thread) -> tuple[WayOn, ...]:
        """The outcomes of the place's operation; the budget is the world's mood at this moment."""
        row = self._row
        if mood is KIND:
            return place.ways.get(place.key(row)) or self.histories.ways(place, row, thread)
        row[BUDGET] = self.histories.hold(BUDGET, mood)
        ways = place.ways.get(place.key(row)) or self.histories.ways(place, row, thread)
        row[BUDGET] = self.histories.first[BUDGET]
        return ways

    def _write(self, way: WayOn) -> None:
        for column, held in way.changes:
            self._row[column] = held
            if column == CONTEXTS or column in self._blocked:
                self._changed(column)

    def _changed(self, column: int) -> None:
        waiting = self._blocked.pop(column, ())
        self._moving += len(waiting)
        for change in waiting:
            change.happen()
        if column == CONTEXTS and self._streams:
            cancelled = self._row[CONTEXTS].value
            for process, stream in list(self._streams.items()):
                if is_done(cancelled, stream.context):
                    del self._streams[process]
                    process.interrupt()

    def _urgently(self) -> ColumnChange:
        """An event that happens before anything else at this time."""
        change = ColumnChange(self.env)
        change.happen()
        return change

    def _change_of(self, place: ThreadPlace) -> ColumnChange:
        """The next change of the column that blocks a place's operation. Such an operation touches one column."""
        (column,) = place.columns
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
        seconds = self.surroundings.seconds[Passes.ACCESS]()
        if not self._goes_by(seconds):
            yield self.env.timeout(seconds)
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
        if is_done(self._row[CONTEXTS].value, stream.context):
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


def _fallen(outcomes: tuple[WayOn, ...], mood: objects.Budget, *, shortened: bool) -> int:
    """Which outcome it is: the last if a stream was cut short, the second if the world is unkind, or else the first."""
    if shortened:
        return len(outcomes) - 1
    if mood is KIND:
        return 0
    return int(any(mood._replace(nearly_full=0)))
