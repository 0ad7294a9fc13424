"""What can follow, worked out in a process of its own, beside the one that numbers states and judges.

The other process (:mod:`everyturn.engines.explorer.successor_server`) runs the agent's code and follows the
specification; this one runs the monitors and numbers the states, meanwhile. Rows and numbers go to and fro through
shared memory, one slot for each chunk under way; new observations, refusals and moves, of which there are few, through
a pipe. Chunks are answered in the order in which they are asked for, and whoever answers numbers everything in the
order in which it is met: so all that is found is what one process finds.
"""

from __future__ import annotations

import signal
import weakref
from collections import deque
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any, Final

import numpy as np

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import Row, Transitions
from everyturn.engines.explorer.judge_tables import Believed
from everyturn.engines.explorer.macro_outcomes import MacroOutcomes
from everyturn.engines.explorer.macro_steps import FoundSteps
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.shared_slots import ChunkAnswered, ChunkSent, get, put
from everyturn.engines.explorer.successor_server import serve
from everyturn.engines.explorer.successors import Chunk, ChunkSuccessors, SuccessorTables
from everyturn.errors import EveryturnError, UsageError
from everyturn.verdicts.checker import JudgeState
from everyturn.world import overrun
from everyturn_model.events import Event

SLOTS: Final = 8
"""How many chunks may be under way at once."""
PATIENCE: Final = 2.0
"""Seconds that an answer may take when time is up or somebody asked for the end."""
_ROOM: Final = 1 << 20
"""Eight-byte numbers in a slot; what needs more goes through the pipe."""


class SuccessorWorker:
    """Successors worked out in a process of its own, which :meth:`close` ends.

    ``findings``: those of the judge's tables, in which refusals get their numbers. Raises
    :class:`~everyturn.errors.UsageError` if a world cannot be taken to another process.
    """

    ahead = SLOTS
    believes = True

    def __init__(self, transitions: Transitions, events: Interned, findings: Interned) -> None:
        self.resident = self.peak = self.locals = 0
        self.moves: list[tuple[int, int]] = []
        self._transitions = transitions
        self._tables: SuccessorTables | None = None
        self._events = events
        self._findings = findings
        self._refusals = np.zeros(1, np.int64)
        self._largest: list[int] = []
        self.ways = [MacroOutcomes(thread) for thread in range(len(transitions.world.threads))]
        self._asked: deque[int] = deque()
        self._free = deque(range(SLOTS))
        world, judge = transitions.world, transitions.judge
        context = get_context("spawn")
        slots = [context.RawArray("Q", _ROOM) for _ in range(SLOTS)]
        self._slots = [np.frombuffer(slot, np.uint64) for slot in slots]
        self._pipe, theirs = context.Pipe()
        name = str(world.scope), world.asked, world.granularity, judge, transitions.keeps_dead
        self._process: BaseProcess = context.Process(target=serve, args=(theirs, slots, *name), daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        except Exception as error:
            raise UsageError(f"two processes: expected an agent that another process can import; {error}") from error
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self._close = weakref.finalize(self, self._pipe.close)

    @property
    def events(self) -> list[tuple[Event, ...]]:
        """As :attr:`~everyturn.engines.explorer.successors.Successors.events`."""
        return self._events.values

    def first(self) -> tuple[Row, JudgeState]:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.first`."""
        row, judge, self._largest = self._call("first")
        return row, judge

    def largest(self) -> list[int]:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.largest`."""
        return list(self._largest)

    def ask(self, chunk: Chunk) -> None:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.ask`; what was answered before is gone then."""
        slot = self._free.popleft()
        arrays = put(self._slots[slot], [chunk.words, chunk.beliefs])
        self._asked.append(slot)
        self._send(ChunkSent(slot, arrays, chunk.layout.bits, chunk.judges))

    def answer(self) -> ChunkSuccessors:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.answer`."""
        said: ChunkAnswered = self._receive()
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
        rests, news, at_rest, *arrays = get(self._slots[slot], said.arrays)
        threads = len(self.ways)
        found = FoundSteps(arrays[:threads], arrays[threads : 2 * threads], rests)
        believed = arrays[2 * threads :]
        steps, at_rests = (self._known(*believed[:2]), self._known(*believed[2:])) if believed else (None, None)
        return ChunkSuccessors(found, news, at_rest, steps, at_rests)

    def _known(self, after: KeyNumbers, found: KeyNumbers) -> Believed:
        return Believed(after, self._refusals[found])

    def tables(self) -> SuccessorTables:
        """The same tables in this process, made again in the same order, apart from what was followed here
        meanwhile."""
        if self._tables is None:
            journal, moves = self._call("made")
            known = self._transitions
            self._tables = SuccessorTables(Transitions(known.world, known.judge, keep_dead=known.keeps_dead))
            self._tables.first()
            self._tables.redo(journal)
            self._tables.macro_steps.moves.restore(moves)
        return self._tables

    def may_go_round(self) -> bool:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.may_go_round`."""
        may: bool = self._call("may_go_round")
        return may

    def close(self) -> None:
        """End the other process."""
        self._close()

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

    def _send(self, message: ChunkSent | str) -> None:
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
