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
from multiprocessing import get_context, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, Final

import numpy as np

from everyturn.engines.coroutines.interned import Interned
from everyturn.engines.coroutines.transitions import Row, Transitions
from everyturn.engines.explorer.beliefs import Believed
from everyturn.engines.explorer.judge_parts import STEPS, Arrays
from everyturn.engines.explorer.macro_outcomes import MacroOutcomes
from everyturn.engines.explorer.macro_steps import FoundSteps, LearningJournal
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.shared_slots import ChunkAnswered, ChunkSent, JournalSent, get, put
from everyturn.engines.explorer.successor_server import serve
from everyturn.engines.explorer.successors import Chunk, ChunkSuccessors, Learnt, SuccessorTables
from everyturn.errors import EveryturnError, UsageError
from everyturn.verdicts.checker import Finding, JudgeState
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
        self._journal: LearningJournal = []
        self._transitions = transitions
        self._tables: SuccessorTables | None = None
        self._events = events
        self._findings = findings
        self._refused: list[Finding | None] = [None]
        self._refusals = np.zeros(0, np.int64)
        self._believed: list[Arrays] = []
        self._largest: list[int] = []
        self.ways = [MacroOutcomes(thread) for thread in range(len(transitions.world.threads))]
        self._asked: deque[int] = deque()
        self._answers: deque[ChunkAnswered] = deque()
        self._free = deque(range(SLOTS))
        world, judge = transitions.world, transitions.judge
        context = get_context("spawn")
        slots = [context.RawArray("Q", _ROOM) for _ in range(SLOTS)]
        self._slots = [np.frombuffer(slot, np.uint64) for slot in slots]
        self._pipe, theirs = context.Pipe()
        name = str(world.scope), world.asked, world.granularity, judge, transitions.keeps_dead
        self._process: BaseProcess = context.Process(target=serve, args=(theirs, slots, *name), daemon=True)
        resource_tracker.ensure_running()  # which would let Ctrl-C through again where it is kept from the new process
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
        row, judge, said = self._call("first")
        self._take_up(said)
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

    def wait(self) -> None:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.wait`."""
        if not self._answers:
            self._answers.append(self._receive())

    def answer(self) -> ChunkSuccessors:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.answer`."""
        self.wait()
        said = self._answers.popleft()
        slot = self._asked.popleft()
        self._free.append(slot)
        self._take_up(said)
        self._number_refusals()
        rests, news, at_rest, *arrays = get(self._slots[slot], said.arrays)
        threads = len(self.ways)
        found = FoundSteps(arrays[:threads], arrays[threads : 2 * threads], rests)
        believed = arrays[2 * threads :]
        if not believed:
            return ChunkSuccessors(found, news, at_rest)
        *steps, keys, reached, refused = believed
        self._believed.append(dict(zip(STEPS, (keys.copy(), reached.copy(), self._refusals[refused]), strict=True)))
        return ChunkSuccessors(found, news, at_rest, self._known(*steps[:2]), self._known(*steps[2:]))

    def _take_up(self, said: ChunkAnswered) -> None:
        """Have what the other process's tables have."""
        self._journal += said.journal
        for each in said.events:
            self._events.number(each)
        self.moves += said.moves
        for ways, more in zip(self.ways, said.ways, strict=True):
            ways.made += more
        self._refused += said.refusals
        self._largest, self.locals = said.largest, said.locals
        self.resident, self.peak = said.resident, said.peak

    def _number_refusals(self) -> None:
        """Give refusals that are new their numbers among the findings of the judge's tables."""
        fresh = [self._findings.number(finding) for finding in self._refused[len(self._refusals) :]]
        self._refusals = np.concatenate((self._refusals, np.array(fresh, np.int64)))

    def _known(self, after: KeyNumbers, found: KeyNumbers) -> Believed:
        return Believed(after, self._refusals[found])

    def redo(self, journal: list[list[int]], beliefs: Arrays) -> KeyNumbers:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.redo`."""
        said: ChunkAnswered = self._call(JournalSent(np.array(journal, np.int64), beliefs))
        self._take_up(said)
        self._believed = [{name: beliefs[name] for name in STEPS}] if beliefs else []
        (seen,) = get(self._slots[0], said.arrays)
        return seen

    def learnt(self) -> Learnt:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.learnt`."""
        return Learnt(self._journal, self.events, self.moves, self.largest(), self.locals)

    def beliefs(self) -> Arrays:
        """As :meth:`~everyturn.engines.explorer.successors.Successors.beliefs`."""
        parts = self._believed
        return {name: np.concatenate([each[name] for each in parts]) for name in (STEPS if parts else ())}

    def tables(self) -> SuccessorTables:
        """The same tables in this process, made again in the same order, apart from what was followed here
        meanwhile."""
        if self._tables is None:
            known = self._transitions
            self._tables = SuccessorTables(Transitions(known.world, known.judge, keep_dead=known.keeps_dead))
            self._tables.first()
            self._tables.redo([list(each) for each in self._journal])
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

    def _call(self, what: str | JournalSent) -> Any:
        if self._asked:
            name = what if isinstance(what, str) else "a journal"
            raise EveryturnError(f"expected no chunk under way, found {len(self._asked)}, before {name!r}")
        self._send(what)
        return self._receive()

    def _send(self, message: ChunkSent | JournalSent | str) -> None:
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
