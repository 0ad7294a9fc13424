"""The stepper: one run of a world through its real coroutines, and nothing else.

Every other engine keeps something: numbers for values, tables of what a step does, local states that stand for many
histories. Here coroutines are resumed, operations are applied to the values that were really given, and nothing is
compared, merged or looked up. It is slow and believes nobody, which makes it the witness against the others.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from everyturn.errors import AgentFault
from everyturn.source_location import suspended_at
from everyturn.world import objects
from everyturn.world.objects.mutex import NotHeld
from everyturn.world.observer import Step
from everyturn.world.operations import Note, Operation
from everyturn.world.world import World, begins_with
from everyturn_model.events import Event

ChooseOutcome = Callable[[int], int]
"""Which of so many outcomes an operation has."""


class MadeStep(NamedTuple):
    """One step: its operations, each with its result, and what was seen."""

    operations: tuple[tuple[Operation, Any], ...]
    events: tuple[Event, ...]


class _Thread:
    """A thread's coroutine, what it waits to do (none: it has ended, with ``word``), and whether its work was seen to
    begin.

    ``last``: what it did last; ``notes``: its journal, as long as nothing is seen of it.
    """

    __slots__ = ("begun", "coroutine", "last", "notes", "operation", "word")

    def __init__(self, coroutine: Coroutine[Operation, Any, str]) -> None:
        self.coroutine = coroutine
        self.operation: Operation | None = None
        self.last: Operation | None = None
        self.notes: tuple[Note, ...] = ()
        self.word = ""
        self.begun = False


class Stepper:
    """One run of ``world``, which nothing else may have used: begun, and every thread before its first scheduling
    point.

    ``first``: what was seen until then.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.values = dict(zip(objects.COLUMNS, world.initial, strict=True))
        self._threads = [_Thread(world.start(number)) for number in range(len(world.threads))]
        for number in range(len(self._threads)):
            self._resume(number, None)
        seen: list[Event] = []
        for number, thread in enumerate(self._threads):
            if thread.operation is not None and not self._stops(number):
                seen += self.step(number, _only).events
        self.first = tuple(seen)

    def operation(self, thread: int) -> Operation | None:
        """What a thread waits to do; none when it has ended."""
        return self._threads[thread].operation

    def enabled(self) -> list[int]:
        """The threads that can go on."""
        return [number for number in range(len(self._threads)) if self.outcomes(number)]

    def outcomes(self, thread: int) -> objects.Outcomes:
        """Every result that the thread's operation can have now, with the values after it; none: it is blocked or has
        ended."""
        operation = self._threads[thread].operation
        if operation is None:
            return []
        before = tuple(self.values[name] for name in objects.columns(operation))
        try:
            return objects.apply(operation, before, self.world.threads[thread].name)
        except NotHeld as error:
            raise AgentFault(f"{suspended_at(self._threads[thread].coroutine)}: {error}") from None

    def step(self, thread: int, choose: ChooseOutcome) -> MadeStep:
        """Let a thread go on to its next scheduling point, or its end."""
        made: list[tuple[Operation, Any]] = []
        seen: list[Event] = []
        here = self._threads[thread]
        while True:
            assert here.operation is not None
            outcomes = tuple(self.outcomes(thread))
            result, after = outcomes[choose(len(outcomes)) if len(outcomes) > 1 else 0]
            made.append((here.operation, result))
            seen += self._perform(thread, here.operation, result, after)
            if here.operation is None or self._stops(thread, len(made)):
                return MadeStep(tuple(made), tuple(seen))

    def rest(self) -> tuple[Event, ...]:
        """What is seen of rest, when nobody can go on."""
        pairs = zip(self.world.threads, self._threads, strict=True)
        still = [(which, here.begun) for which, here in pairs if here.operation is not None and not which.daemon]
        blocked = tuple(which.name for which, _ in still)
        return self.world.rest(
            tuple(self.values.values()), blocked, tuple(which for which, begun in still if not begun)
        )

    # one operation -----------------------------------------------------------------------------------------------

    def _perform(self, thread: int, operation: Operation, result: Any, after: objects.Values) -> tuple[Event, ...]:
        here, which = self._threads[thread], self.world.threads[thread]
        touched = objects.columns(operation)
        whole = tuple(self.values.values())
        before = tuple(self.values[name] for name in touched)
        begins = not here.begun and begins_with(operation, result)
        self.values.update(zip(touched, after, strict=True))
        here.begun |= begins
        here.last = operation
        self._resume(thread, result)
        told, here.notes = (here.notes, ()) if here.begun else ((), here.notes)
        step = Step(which.name, operation, result, before, after, told)
        self.world.check_thread_locality(step)
        seen = self.world.seen(step)
        if begins:
            seen = (*self.world.begun(which, whole), *seen)
        if here.operation is None:
            seen = (*seen, *self.world.ended(which, here.word, tuple(self.values.values())))
        return seen

    def _resume(self, thread: int, result: Any) -> None:
        here = self._threads[thread]
        self.world.gate.notes.clear()
        try:
            here.operation = self.world.resume(here.coroutine, result, begun=here.begun)
        except StopIteration as end:
            here.operation, here.word = None, end.value
        here.notes += tuple(self.world.gate.notes)

    def _stops(self, thread: int, made: int = 0) -> bool:
        """Whether a thread lets others run now, after so many accesses of its step."""
        here = self._threads[thread]
        assert here.operation is not None
        if self.world.stops(here.operation, begun=here.begun, before=here.last):
            return True
        return self.world.pauses(made, lambda: f"{self.world.threads[thread].name} at {here.operation}")


def _only(outcomes: int) -> int:
    """Before the first scheduling point nothing has several outcomes: an operation that does is one."""
    raise AssertionError(f"expected one outcome, found {outcomes}")
