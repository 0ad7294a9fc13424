"""Local states: what each thread's coroutine may be suspended at, found by resuming the real code.

Coroutines cannot be copied. Each local state keeps one live coroutine as long as nobody has resumed it; when it is
needed again, the history that led there is replayed from the start.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

from everyturn.engines.frames.snapshot import Identities, Identity
from everyturn.operations import Note, Operation
from everyturn.world import World

LiveCoroutine = Coroutine[Operation, Any, str]


@dataclass(slots=True)
class LocalState:
    """One suspended (or finished) thread.

    ``operation`` is what it waits to do, none when it has finished with ``word``. ``begun``: its work has begun for an
    onlooker. ``parent`` and ``result``: one way to get here. ``coroutine``: a live one, if nobody has resumed it.
    """

    thread: int
    operation: Operation | None
    begun: bool
    point: bool
    word: str = ""
    parent: int = -1
    result: Any = None
    coroutine: LiveCoroutine | None = None
    next: dict[tuple[type, Any], tuple[int, tuple[Note, ...]]] = field(default_factory=dict)


class Locals:
    """All local states of a world that have been reached so far, by number."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.states: list[LocalState] = []
        self.resumes = 0
        self.replays = 0
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._identities = Identities((world.agent, world.agent.ports, world.gate, world, *world.ports))
        self.roots = [self._root(thread) for thread in range(len(world.threads))]

    def __getitem__(self, number: int) -> LocalState:
        return self.states[number]

    def __len__(self) -> int:
        return len(self.states)

    def advance(self, number: int, result: Any) -> tuple[int, tuple[Note, ...]]:
        """The local state after ``result``, and the journal entries made on the way there."""
        state = self.states[number]
        key = (type(result), result)
        known = state.next.get(key)
        if known is None:
            coroutine = self._take(number)
            self.world.gate.notes.clear()
            begun = state.begun or self._begins(state)
            after = self._resume(coroutine, result, state.thread, begun, number)
            known = state.next[key] = (after, tuple(self.world.gate.notes))
        return known

    def _begins(self, state: LocalState) -> bool:
        thread = self.world.threads[state.thread]
        return state.operation is not None and thread.begins_with(state.operation)

    def _root(self, thread: int) -> int:
        self.world.gate.notes.clear()
        coroutine = self.world.start(thread)
        return self._resume(coroutine, None, thread, False, -1)

    def _resume(self, coroutine: LiveCoroutine, result: Any, thread: int, begun: bool, parent: int) -> int:
        self.resumes += 1
        try:
            operation = coroutine.send(result)
        except StopIteration as end:
            return self._intern(
                (thread, None, end.value), LocalState(thread, None, True, True, end.value, parent, result)
            )
        identity: Identity = self._identities.of(coroutine)
        frozen = tuple(self._identities.freeze(each) for each in operation.arguments)
        key = (thread, begun, operation.object, operation.method, frozen, identity)
        enters = not begun and self.world.threads[thread].begins_with(operation)
        point = self.world.is_scheduling_point(operation) or (enters and self.world.granularity == "await")
        state = LocalState(thread, operation, begun, point, "", parent, result)
        number = self._intern(key, state)
        kept = self.states[number]
        if kept.coroutine is None:
            kept.coroutine = coroutine
        return number

    def _intern(self, key: tuple[Any, ...], state: LocalState) -> int:
        number = self._numbers.setdefault(key, len(self.states))
        if number == len(self.states):
            self.states.append(state)
        return number

    def _take(self, number: int) -> LiveCoroutine:
        """A coroutine suspended at local state ``number``: the live one, or one replayed from the start."""
        state = self.states[number]
        if state.coroutine is not None:
            coroutine, state.coroutine = state.coroutine, None
            return coroutine
        self.replays += 1
        results: list[Any] = []
        current = state
        while current.parent >= 0:
            results.append(current.result)
            current = self.states[current.parent]
        coroutine = self.world.start(state.thread)
        coroutine.send(None)
        for result in reversed(results):
            coroutine.send(result)
        return coroutine
