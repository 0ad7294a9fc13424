"""Local states: what each thread's coroutine may be suspended at, found by resuming the real code.

Coroutines cannot be copied. Each local state keeps one live coroutine as long as nobody has resumed it; when it is
needed again, the history that led there is replayed from the start.
"""

from __future__ import annotations

import weakref
from collections.abc import Coroutine, Hashable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from everyturn.engines.coroutines.agent_memory import AgentMemory
from everyturn.engines.coroutines.snapshot import Identities, Identity
from everyturn.errors import AgentFault, ReplayError
from everyturn.source_location import Place, suspended_at
from everyturn.world.encoding import encoder
from everyturn.world.operations import Note, Operation
from everyturn.world.world import World, begins_with

LiveCoroutine = Coroutine[Operation, Any, str]


class Next(NamedTuple):
    """What comes of a result: the local state after it, and the journal entries made on the way there."""

    result: Any
    after: int
    notes: tuple[Note, ...]


@dataclass(slots=True)
class LocalState:
    """One suspended (or finished) thread.

    ``operation`` is what it waits to do, none when it has finished with ``word``; ``deed``: the number of that
    operation by this thread. ``begun``: its work has begun for an
    onlooker; ``notes``: the journal until then. ``parent`` and ``result``: one way to get here. ``coroutine``: a live
    one, if nobody has resumed it.
    """

    thread: int
    operation: Operation | None
    begun: bool
    point: bool
    deed: int = -1
    word: str = ""
    parent: int = -1
    result: Any = None
    notes: tuple[Note, ...] = ()
    place: Place | None = None
    coroutine: LiveCoroutine | None = None
    next: dict[Hashable, Next] = field(default_factory=dict)

    @property
    def waits(self) -> int:
        """0 if it has finished, 1 if it has not and its work has begun for an onlooker, 2 if not even that."""
        return 0 if self.operation is None else 1 if self.begun else 2


class Arrival(NamedTuple):
    """Where a coroutine has got to: the identity of that, and what the local state there is made of.

    ``told``: the journal's entries that are seen of the step; ``kept``: those that wait for a step that is seen.
    """

    key: tuple[Any, ...]
    told: tuple[Note, ...]
    operation: Operation | None
    word: str
    coroutine: LiveCoroutine
    begun: bool
    point: bool
    deed: int = -1
    kept: tuple[Note, ...] = ()


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
        self._numbers: dict[tuple[Any, ...], int] = {}
        self._deeds: dict[tuple[Any, ...], int] = {}
        self._points: dict[tuple[int, int, bool], bool] = {}
        values = encoder(world.known)
        self._memory = AgentMemory(world.agent, values)
        self._identities = Identities(values, keep_dead=keep_dead)
        # The garbage collector would end the frames of one coroutine in any order, those of others in between.
        weakref.finalize(self, _let_go, self.states)
        self.roots = [self._root(thread) for thread in range(len(world.threads))]

    def __getitem__(self, number: int) -> LocalState:
        return self.states[number]

    def __len__(self) -> int:
        return len(self.states)

    @property
    def moved(self) -> int:
        """Counts, as :attr:`~everyturn.identity.encoder.Encoder.moved` does, what can change of what was encoded."""
        return self._identities.values.moved

    def told_apart_by(self, result: Any) -> Hashable:
        """What results are told apart by."""
        return self._identities.values.value(result)

    def advance(self, number: int, result: Any, key: Hashable = None) -> tuple[int, tuple[Note, ...]]:
        """The local state after ``result``, and the journal entries made on the way there.

        ``key``: what :meth:`told_apart_by` says of the result, if it was asked already.
        """
        state = self.states[number]
        if key is None:
            key = self.told_apart_by(result)
        known = state.next.get(key)
        if known is None:
            coroutine = self._take(number)
            arrival = self._arrive(coroutine, result, state)
            known = state.next[key] = Next(result, self._intern(arrival, state.thread, number, result), arrival.told)
            self.advances.append((number, known))
        return known.after, known.notes

    def told(self, number: int) -> str:
        """Where a local state stands, in words."""
        state = self.states[number]
        return f"{self.world.threads[state.thread].name} at {state.operation} ({state.place})"

    def suspended(self, number: int) -> LiveCoroutine | None:
        """A coroutine of its own that stands at a local state, to be looked at and closed; none where it has ended."""
        state = self.states[number]
        return None if state.operation is None else self._replay(state.thread, self._history(number))

    def _root(self, thread: int) -> int:
        coroutine = self.world.start(thread)
        arrival = self._arrive(coroutine, None, LocalState(thread, None, False, True))
        return self._intern(arrival, thread, -1, None)

    def _arrive(self, coroutine: LiveCoroutine, result: Any, state: LocalState) -> Arrival:
        """Resume a coroutine that is suspended at ``state``, or not begun yet: where it gets to."""
        begun = state.begun or (state.operation is not None and begins_with(state.operation, result))
        notes = self.world.gate.notes
        notes.clear()
        operation, word = self._send(coroutine, result, begun, state.place)
        made = (*state.notes, *notes)
        told, kept = (made, ()) if begun else ((), made)
        if operation is None:
            return Arrival((state.thread, word), told, None, word, coroutine, begun, True)
        identity: Identity = self._identities.of(coroutine)
        frozen = self._identities.arguments(coroutine, operation)
        deed = (state.thread, operation.object, operation.method, frozen)
        number = self._deeds.setdefault(deed, len(self._deeds))
        point = self._stops(number, operation, state, begun=begun)
        key = (begun, point, kept, number, identity)
        return Arrival(key, told, operation, "", coroutine, begun, point, number, kept)

    def _stops(self, deed: int, operation: Operation, before: LocalState, *, begun: bool) -> bool:
        """As :meth:`World.stops`, which is asked once for each operation, by its number, after another one."""
        key = (deed, before.deed, begun)
        stops = self._points.get(key)
        if stops is None:
            stops = self._points[key] = self.world.stops(operation, begun=begun, before=before.operation)
        return stops

    def _send(
        self, coroutine: LiveCoroutine, result: Any, begun: bool, stood: Place | None
    ) -> tuple[Operation | None, str]:
        """Resume a coroutine: what it waits to do, or the word it ended with."""
        self.resumes += 1
        operation, word = None, ""
        self._memory.begin()
        try:
            operation = self.world.resume(coroutine, result, begun=begun)
        except StopIteration as end:
            word = end.value
        self._memory.check(stood or "the start of a thread")
        return operation, word

    def _intern(self, arrival: Arrival, thread: int, parent: int, result: Any) -> int:
        """The number of a local state that was got to from ``parent`` with ``result``."""
        number = self._numbers.setdefault(arrival.key, len(self.states))
        if number == len(self.states):
            ended = arrival.operation is None
            place = None if ended else suspended_at(arrival.coroutine)
            begun, point, word, notes = arrival.begun, arrival.point, arrival.word, arrival.kept
            deed = arrival.deed
            self.states.append(
                LocalState(thread, arrival.operation, begun, point, deed, word, parent, result, notes, place)
            )
        else:
            self.merges.append((number, parent, result))
        state = self.states[number]
        if state.operation is not None and state.coroutine is None:
            state.coroutine = arrival.coroutine
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
                found = self.world.resume(coroutine, state.result, begun=state.begun)
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


def _let_go(states: list[LocalState]) -> None:
    """Throw away live coroutines, one after the other, each from its outermost frame inwards."""
    for state in states:
        state.coroutine = None
