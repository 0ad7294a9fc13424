"""Local states: what each thread's coroutine may be suspended at, found by resuming the real code.

Coroutines cannot be copied. Each local state keeps one live coroutine as long as nobody has resumed it; when it is
needed again, the history that led there is replayed from the start.
"""

from __future__ import annotations

import weakref
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from everyturn.engines.frames.memory import Memory
from everyturn.engines.frames.snapshot import Identities, Identity
from everyturn.errors import AgentFault, ReplayError
from everyturn.operations import Note, Operation
from everyturn.places import Place, suspended_at
from everyturn.world import World

LiveCoroutine = Coroutine[Operation, Any, str]


class Next(NamedTuple):
    """What comes of a result: the local state after it, and the journal entries made on the way there."""

    result: Any
    after: int
    notes: tuple[Note, ...]


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
    place: Place | None = None
    coroutine: LiveCoroutine | None = None
    next: dict[Hashable, Next] = field(default_factory=dict)


class Locals:
    """All local states of a world that have been reached so far, by number."""

    def __init__(self, world: World, *, keep_dead: bool = False) -> None:
        self.world = world
        self.states: list[LocalState] = []
        self.resumes = 0
        self.replays = 0
        self.merges: list[tuple[int, int, Any]] = []
        self.advances: list[tuple[int, Next]] = []
        """All that was found out: from which local state, and what came of it."""
        self._keys: list[tuple[Any, ...]] = []
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._identities = Identities(world.known, keep_dead=keep_dead)
        self._memory = Memory(world.agent, world.known)
        # The garbage collector would end the frames of one coroutine in any order, those of others in between.
        weakref.finalize(self, _let_go, self.states)
        self.roots = [self._root(thread) for thread in range(len(world.threads))]

    def __getitem__(self, number: int) -> LocalState:
        return self.states[number]

    def __len__(self) -> int:
        return len(self.states)

    def advance(self, number: int, result: Any) -> tuple[int, tuple[Note, ...]]:
        """The local state after ``result``, and the journal entries made on the way there."""
        state = self.states[number]
        key = self._identities.values.freeze(result)
        known = state.next.get(key)
        if known is None:
            coroutine = self._take(number)
            self.world.gate.notes.clear()
            begun = state.begun or self._begins(state)
            after = self._resume(coroutine, result, state.thread, begun, number)
            known = state.next[key] = Next(result, after, tuple(self.world.gate.notes))
            self.advances.append((number, known))
        return known.after, known.notes

    def told(self, number: int) -> str:
        """Where a local state stands, in words."""
        state = self.states[number]
        return f"{self.world.threads[state.thread].name} at {state.operation} ({state.place})"

    def _begins(self, state: LocalState) -> bool:
        thread = self.world.threads[state.thread]
        return state.operation is not None and thread.begins_with(state.operation)

    def _root(self, thread: int) -> int:
        self.world.gate.notes.clear()
        coroutine = self.world.start(thread)
        return self._resume(coroutine, None, thread, False, -1)

    def _resume(self, coroutine: LiveCoroutine, result: Any, thread: int, begun: bool, parent: int) -> int:
        stood = self.states[parent].place if parent >= 0 else None
        key, operation, word = self._send(coroutine, result, thread, begun, stood)
        if operation is None:
            return self._intern(key, LocalState(thread, None, True, True, word, parent, result))
        point = self.world.stops(self.world.threads[thread], operation, begun=begun, first=parent < 0)
        place = None if key in self._numbers else suspended_at(coroutine)
        number = self._intern(key, LocalState(thread, operation, begun, point, "", parent, result, place))
        if self.states[number].coroutine is None:
            self.states[number].coroutine = coroutine
        return number

    def _send(
        self, coroutine: LiveCoroutine, result: Any, thread: int, begun: bool, stood: Place | None
    ) -> tuple[tuple[Any, ...], Operation | None, str]:
        """Resume a coroutine: the identity of where it is then, what it waits to do, or the word it ended with."""
        self.resumes += 1
        before = self._memory.picture()
        operation, word = None, ""
        try:
            operation = self.world.resume(coroutine, result)
        except StopIteration as end:
            word = end.value
        self._memory.check(before, stood or "the start of a thread")
        if operation is None:
            return (thread, None, word), None, word
        identity: Identity = self._identities.of(coroutine)
        frozen = self._identities.arguments(coroutine, operation)
        return (thread, begun, operation.object, operation.method, frozen, identity), operation, ""

    def _intern(self, key: tuple[Any, ...], state: LocalState) -> int:
        number = self._numbers.setdefault(key, len(self.states))
        if number == len(self.states):
            self.states.append(state)
            self._keys.append(key)
        else:
            self.merges.append((number, state.parent, state.result))
        return number

    def _take(self, number: int) -> LiveCoroutine:
        """A coroutine suspended at local state ``number``: the live one, or one replayed from the start."""
        state = self.states[number]
        if state.coroutine is not None:
            coroutine, state.coroutine = state.coroutine, None
            return coroutine
        self.replays += 1
        return self._replay(state.thread, self._history(number))

    def _history(self, number: int) -> list[LocalState]:
        """The local states that lead a thread from its start to local state ``number``, which is the last of them."""
        passed: list[LocalState] = []
        while number >= 0:
            passed.append(self.states[number])
            number = passed[-1].parent
        return passed[::-1]

    def _replay(self, thread: int, history: list[LocalState]) -> LiveCoroutine:
        """A coroutine that goes through ``history``. Raises :class:`ReplayError` if it no longer does."""
        coroutine = self.world.start(thread)
        for state in history:
            try:
                found = self.world.resume(coroutine, state.result)
            except StopIteration as end:
                raise self._different(state, f"its end ({end.value})") from None
            except AgentFault as error:
                raise self._different(state, f"an error ({error})") from error
            if found != state.operation:
                raise self._different(state, f"{found}{found.arguments}")
        return coroutine

    def _different(self, state: LocalState, found: str) -> ReplayError:
        expected = state.operation
        arguments = () if expected is None else expected.arguments
        return ReplayError(
            f"thread {self.world.threads[state.thread].name} came to {expected}{arguments} before, and with the same "
            f"results to {found} now: expected code that does the same each time, without clock, random numbers or a "
            "memory outside of its local variables"
        )

    def audit(self) -> int:
        """Reach every merged local state by its other histories too, and compare what it does next.

        Returns how many resumptions were compared. Raises :class:`ReplayError` if two histories that were taken for
        one local state go on differently: then nothing that was proved on top of them is worth anything.
        """
        compared = 0
        for number, parent, result in self.merges:
            state = self.states[number]
            other = replace(state, parent=parent, result=result)
            for then, after, notes in state.next.values():
                coroutine = self._replay(state.thread, [*self._history(parent), other])
                self.world.gate.notes.clear()
                begun = state.begun or self._begins(state)
                key, _, _ = self._send(coroutine, then, state.thread, begun, state.place)
                if (key, tuple(self.world.gate.notes)) != (self._keys[after], notes):
                    raise ReplayError(
                        f"audit: two histories of thread {self.world.threads[state.thread].name} were taken for one "
                        f"local state at {state.operation} and go on differently with the result {then!r}"
                    )
                compared += 1
        return compared


def _let_go(states: list[LocalState]) -> None:
    """Throw away live coroutines, one after the other, each from its outermost frame inwards."""
    for state in states:
        state.coroutine = None
