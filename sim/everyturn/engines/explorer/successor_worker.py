"""What can follow, worked out in a process of its own, beside the one that numbers states and judges.

The other process runs the agent's code and follows the specification; this one runs the monitors and numbers the states,
meanwhile. Rows and numbers go to and fro through shared memory, one slot for each chunk under way; new observations,
refusals and moves, of which there are few, through a pipe. Chunks are answered in the order in which they are asked for,
and whoever answers numbers everything in the order in which it is met: so all that is found is what one process finds.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import weakref
from collections import deque
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.exploration import peak, resident
from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import Row, Transitions
from everyturn.engines.explorer.judge_tables import Beliefs, Believed
from everyturn.engines.explorer.macro_steps import Found, Leaps, Way, Ways
from everyturn.engines.explorer.numbering import Numbers
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.successors import Chunk, Followed, Following
from everyturn.errors import EveryturnError, UsageError
from everyturn.verdicts.checker import Finding, Judge, JudgeState
from everyturn.world import overrun
from everyturn.world.entering import named, told
from everyturn.world.scope import Scope
from everyturn.world.world import World
from everyturn_model.events import Event

SLOTS: Final = 8
"""How many chunks may be under way at once."""
PATIENCE: Final = 2.0
"""Seconds that an answer may take when time is up or somebody asked for the end."""
_ROOM: Final = 1 << 20
"""Eight-byte numbers in a slot; what needs more goes through the pipe."""

_Array = NDArray[Any]


class _Sent(NamedTuple):
    """Arrays on their way: their shapes and types, and themselves, if the slot has no room for them."""

    kinds: list[tuple[tuple[int, ...], str]]
    inline: list[_Array] | None


class _Asked(NamedTuple):
    """A chunk: its slot, its arrays, its layout, the largest number of a judge's state."""

    slot: int
    arrays: _Sent
    bits: tuple[int, ...]
    judges: int


class _Answered(NamedTuple):
    """What follows on a chunk, and how the tables have grown meanwhile: ``ways`` by thread, with the numbers of their moves."""

    arrays: _Sent
    largest: list[int]
    events: list[tuple[Event, ...]]
    moves: list[tuple[int, int]]
    ways: list[list[tuple[Way, int]]]
    refusals: list[Finding]
    locals: int
    resident: int
    peak: int


class FollowingBeside:
    """As :class:`~everyturn.engines.explorer.successors.Following`, in a process of its own, which :meth:`close` ends.

    ``findings``: those of the judge's tables, in which refusals get their numbers. Raises
    :class:`~everyturn.errors.UsageError` if a world cannot be taken to another process.
    """

    def __init__(self, transitions: Transitions, events: Interned, findings: Interned) -> None:
        self.resident = self.peak = self.locals = 0
        self.moves: list[tuple[int, int]] = []
        self._transitions = transitions
        self._home: Following | None = None
        self._events = events
        self._findings = findings
        self._refusals = np.zeros(1, np.int64)
        self._largest: list[int] = []
        self.ways = [Ways(thread) for thread in range(len(transitions.world.threads))]
        self._asked: deque[int] = deque()
        self._free = deque(range(SLOTS))
        world, judge = transitions.world, transitions.judge
        context = get_context("spawn")
        slots = [context.RawArray("Q", _ROOM) for _ in range(SLOTS)]
        self._slots = [np.frombuffer(slot, np.uint64) for slot in slots]
        self._pipe, theirs = context.Pipe()
        name = str(world.scope), world.asked, world.granularity, judge, transitions.keeps_dead
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, slots, *name), daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        except Exception as error:
            raise UsageError(f"two processes: expected an agent that another process can import; {error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self.close = weakref.finalize(self, self._pipe.close)

    @property
    def events(self) -> list[tuple[Event, ...]]:
        """Everything that can be seen of a step, by number."""
        return self._events.values

    def first(self) -> tuple[Row, JudgeState]:
        """The initial state, but that its judge has no number yet, and its judge."""
        row, judge, self._largest = self._call("first")
        return row, judge

    def largest(self) -> list[int]:
        """The largest number of each column so far, the judge's left 0."""
        return list(self._largest)

    def ask(self, chunk: Chunk) -> None:
        """Ask for :meth:`answer`; what was answered before is gone then."""
        slot = self._free.popleft()
        arrays = _put(self._slots[slot], [chunk.words, chunk.beliefs])
        self._asked.append(slot)
        self._send(_Asked(slot, arrays, chunk.layout.bits, chunk.judges))

    def answer(self) -> Followed:
        """What follows on the oldest chunk that was asked for and not answered yet."""
        said: _Answered = self._receive()
        slot = self._asked.popleft()
        self._free.append(slot)
        for each in said.events:
            self._events.number(each)
        self.moves += said.moves
        for ways, more in zip(self.ways, said.ways, strict=True):
            ways.made += more
        fresh = [self._findings.number(finding) for finding in said.refusals]
        self._refusals = np.concatenate((self._refusals, np.array(fresh, np.int64)))
        self._largest, self.locals = said.largest, said.locals
        self.resident, self.peak = said.resident, said.peak
        rests, news, at_rest, *arrays = _get(self._slots[slot], said.arrays)
        threads = len(self.ways)
        found = Found(arrays[:threads], arrays[threads : 2 * threads], rests)
        believed = arrays[2 * threads :]
        steps, at_rests = (self._known(*believed[:2]), self._known(*believed[2:])) if believed else (None, None)
        return Followed(found, news, at_rest, steps, at_rests)

    def _known(self, after: Numbers, found: Numbers) -> Believed:
        return Believed(after, self._refusals[found])

    def home(self) -> Following:
        """The same tables in this process, made again in the same order, apart from what was followed here meanwhile."""
        if self._home is None:
            journal, moves = self._call("made")
            known = self._transitions
            self._home = Following(Transitions(known.world, known.judge, keep_dead=known.keeps_dead))
            self._home.first()
            self._home.redo(journal)
            self._home.leaps.moves.restore(moves)
        return self._home

    def may_go_round(self) -> bool:
        """Whether a thread may come back to where it was."""
        may: bool = self._call("may_go_round")
        return may

    def kill(self) -> None:
        """End the other process at once, whatever it does."""
        self._process.kill()
        self._process.join()

    # talking -----------------------------------------------------------------------------------------------------

    def _call(self, name: str) -> Any:
        if self._asked:
            raise EveryturnError(f"expected no chunk under way, found {len(self._asked)}, before {name!r}")
        self._send(name)
        return self._receive()

    def _send(self, message: _Asked | str) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._gone() from error

    def _receive(self) -> Any:
        try:
            while not self._pipe.poll(PATIENCE):
                overrun.check(PATIENCE)
            said = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if isinstance(said, BaseException):
            raise said
        return said

    def _gone(self) -> EveryturnError:
        self._process.join(1)
        ended = f"the second process ended with exit code {self._process.exitcode}"
        if self._largest:
            return EveryturnError(f"{ended}: expected an answer")
        return UsageError(
            f"two processes: {ended} before it began: expected an agent that it can import, and a script that does its "
            'work under if __name__ == "__main__"'
        )


def _put(slot: NDArray[np.uint64], arrays: list[_Array]) -> _Sent:
    """Lay arrays into a slot, one after the other, if there is room."""
    kinds = [(array.shape, array.dtype.str) for array in arrays]
    if sum(array.size for array in arrays) > len(slot):
        return _Sent(kinds, arrays)
    place = 0
    for array in arrays:
        slot[place : place + array.size].view(array.dtype).reshape(array.shape)[...] = array
        place += array.size
    return _Sent(kinds, None)


def _get(slot: NDArray[np.uint64], sent: _Sent) -> list[_Array]:
    """The arrays that :func:`_put` laid there, as views."""
    if sent.inline is not None:
        return sent.inline
    arrays: list[_Array] = []
    place = 0
    for shape, kind in sent.kinds:
        size = int(np.prod(shape))
        arrays.append(slot[place : place + size].view(kind).reshape(shape))
        place += size
    return arrays


class _Tables:
    """The other side: the tables, and what of them has been told."""

    def __init__(self, transitions: Transitions, slots: list[NDArray[np.uint64]]) -> None:
        self._following = Following(transitions)
        self._first = self._following.first()
        leaps = self._following.leaps
        judge = transitions.judge
        self._beliefs = Beliefs(judge, self._first[1].belief, leaps.events) if judge.conformance else None
        self._slots = slots
        self._told = 0, 0, 1, [0 for _ in self._following.ways]

    def first(self) -> tuple[Row, JudgeState, list[int]]:
        """The initial state, its judge, and the largest numbers."""
        return *self._first, self._following.largest()

    def made(self) -> tuple[list[tuple[int, ...]], list[tuple[int, int]]]:
        """How to make the same tables again: the journal, and the moves by number."""
        leaps: Leaps = self._following.leaps
        return leaps.journal, leaps.moves.values

    def may_go_round(self) -> bool:
        """Whether a thread may come back to where it was."""
        return self._following.may_go_round()

    def followed(self, asked: _Asked) -> _Answered:
        """The answer to a chunk."""
        slot = self._slots[asked.slot]
        words, beliefs = _get(slot, asked.arrays)
        followed = self._following.follow(Chunk(words, Layout(asked.bits), asked.judges, beliefs))
        found = followed.found
        arrays = [found.rests, followed.rests, followed.at_rest, *found.sources, *found.ways]
        ways = self._following.ways
        for each in ways:
            each.catch_up()
        if self._beliefs is not None:
            events = np.concatenate([each.events.take(way) for each, way in zip(ways, found.ways, strict=True)])
            seen = np.flatnonzero(events)
            source = np.concatenate(found.sources)[seen]
            arrays += self._beliefs.step(beliefs.take(source), events[seen])
            arrays += self._beliefs.step(beliefs.take(followed.rests), followed.at_rest)
        following = self._following
        refusals = [] if self._beliefs is None else self._beliefs.findings.values
        seen_before, moves, refused, told = self._told
        self._told = (
            len(following.events),
            len(following.moves),
            max(1, len(refusals)),
            [len(each.made) for each in ways],
        )
        return _Answered(
            _put(slot, arrays),
            following.largest(),
            following.events[seen_before:],
            following.moves[moves:],
            [each.made[before:] for each, before in zip(ways, told, strict=True)],
            refusals[refused:],
            following.locals,
            resident(),
            peak(),
        )


def _serve(
    pipe: Connection[Any, Any],
    slots: list[Any],
    scope: str,
    agent: Any,
    granularity: str,
    judge: Judge,
    keep_dead: bool,
) -> None:
    """Answer until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # as the explorer does: tables only grow
    tables: _Tables | None = None
    with contextlib.suppress(EOFError, OSError), overrun.watching():
        while True:
            message = pipe.recv()
            try:
                if tables is None:
                    transitions = Transitions(World(Scope.parse(scope), agent, granularity), judge, keep_dead=keep_dead)
                    tables = _Tables(transitions, [np.frombuffer(slot, np.uint64) for slot in slots])
                said: Any = getattr(tables, message)() if isinstance(message, str) else tables.followed(message)
            except BaseException as error:  # noqa: BLE001 # whatever it is, it is raised again where the user sees it
                said = (
                    error if isinstance(error, Exception) else EveryturnError(f"another process: {told(error, named)}")
                )
            pipe.send(said)
