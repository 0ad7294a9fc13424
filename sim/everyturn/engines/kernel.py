"""The SimPy engine: an environment in which a strategy decides who goes on.

Each thread of a world is a SimPy process that resumes the real coroutine. An access to shared data is an event: it is
triggered when the strategy lets its thread go on, and its value is the operation's result. SimPy's own heap holds only
what happens at a time (process starts, triggered events), so that choosing costs the same however many threads wait.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy
from simpy.core import EmptySchedule
from simpy.events import Event as SimPyEvent

from everyturn import objects
from everyturn.observer import Step
from everyturn.operations import Operation
from everyturn.run import Run, RunStep
from everyturn.strategies import Strategy
from everyturn.world import World
from everyturn_model.events import Event


class Access(SimPyEvent):
    """A thread's wish to make one access to shared data; its value will be the result."""

    def __init__(self, env: Kernel, thread: int, operation: Operation, *, point: bool) -> None:
        super().__init__(env)
        self.thread = thread
        self.operation = operation
        self.point = point
        env.waiting.append(self)


class Kernel(simpy.Environment):
    """One run of one world under one strategy."""

    def __init__(self, world: World, strategy: Strategy) -> None:
        super().__init__()
        self.world = world
        self.strategy = strategy
        self.values: dict[str, Any] = dict(zip(objects.COLUMNS, world.initial, strict=True))
        self.waiting: list[Access] = []
        self.record = Run(world.revision, str(world.scope), world.granularity)
        self._begun: set[int] = set()
        self._words: dict[int, str] = {}
        self._pending: Step | None = None
        self._opening: tuple[Event, ...] = ()
        for thread in range(len(world.threads)):
            self.process(self._live(thread))

    def simulate(self) -> Run:
        """Run until nothing can move any more; the record of the run, rest included."""
        self.run()
        blocked = tuple(
            self.world.threads[access.thread].name
            for access in sorted(self.waiting, key=lambda access: access.thread)
            if not self.world.threads[access.thread].daemon
        )
        self.record.rest = self.world.rest(self._row(), blocked)
        return self.record

    def step(self) -> None:
        """Process the next event; if none is due, let the strategy decide which access is made."""
        if not self._queue:
            self._decide()
        super().step()

    # threads -----------------------------------------------------------------------------------------------------

    def _live(self, thread: int) -> Generator[Access, Any, None]:
        """A thread as a SimPy process."""
        coroutine = self.world.start(thread)
        result: Any = None
        while True:
            self.world.gate.notes.clear()
            try:
                operation = coroutine.send(result)
            except StopIteration as end:
                self._words[thread] = end.value
                self._finish_step(thread, ended=True)
                return
            self._finish_step(thread, ended=False)
            begins = thread not in self._begun and self.world.threads[thread].begins_with(operation)
            point = self.world.is_scheduling_point(operation) or (begins and self.world.granularity == "await")
            result = yield Access(self, thread, operation, point=point)

    # decisions ---------------------------------------------------------------------------------------------------

    def _decide(self) -> None:
        for access in self.waiting:
            if not access.point:
                self._perform(access, self._outcomes(access))
                return
        enabled = [(access, outcomes) for access in self.waiting if (outcomes := self._outcomes(access))]
        if not enabled:
            raise EmptySchedule
        place = self._ask(len(enabled), self.strategy.pick)
        self.record.steps.append(RunStep(len(self.record.steps), self.now, enabled[place][0].thread, len(enabled)))
        self._perform(*enabled[place])

    def _ask(self, among: int, decide: Any) -> int:
        if among < 2:
            return 0
        decision: int = decide(among)
        self.record.decisions.append(decision)
        return decision

    def _outcomes(self, access: Access) -> objects.Outcomes:
        columns = objects.columns(access.operation)
        values = tuple(self.values[column] for column in columns)
        return objects.apply(access.operation, values, self.world.threads[access.thread].name)

    def _perform(self, access: Access, outcomes: objects.Outcomes) -> None:
        result, after = outcomes[self._ask(len(outcomes), self.strategy.choose)]
        columns = objects.columns(access.operation)
        before = tuple(self.values[column] for column in columns)
        thread = self.world.threads[access.thread]
        begins = access.thread not in self._begun and thread.begins_with(access.operation)
        opening = self.world.begun(thread, self._row()) if begins else ()
        if begins:
            self._begun.add(access.thread)
        self.values.update(zip(columns, after, strict=True))
        self._opening = opening
        self._pending = Step(thread.name, access.operation, result, before, after)
        self.waiting.remove(access)
        access.succeed(result)

    # what was seen -----------------------------------------------------------------------------------------------

    def _finish_step(self, thread: int, *, ended: bool) -> None:
        """The thread has reached its next operation: now the journal of the access before is complete."""
        if self._pending is None:
            return
        step = self._pending
        self._pending = None
        step = step._replace(notes=tuple(self.world.gate.notes))
        seen: tuple[Event, ...] = (*self._opening, *self.world.seen(step))
        if ended:
            seen = (*seen, *self.world.ended(self.world.threads[thread], self._words[thread], self._row()))
        if self.record.steps:
            self.record.steps[-1].operations.append(step)
            self.record.steps[-1].events.extend(seen)

    def _row(self) -> objects.Values:
        return tuple(self.values[column] for column in objects.COLUMNS)


def simulate(world: World, strategy: Strategy, run: int = 0) -> Run:
    """One run of ``world`` through SimPy under ``strategy``."""
    strategy.begin(run)
    return Kernel(world, strategy).simulate()
