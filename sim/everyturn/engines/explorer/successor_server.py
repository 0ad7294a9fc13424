"""The second process: it has the tables of what can follow, and answers until the first one is gone.

It follows the specification, too. Its numbers are those that one process would give, because whoever answers numbers
everything in the order in which it is met.
"""

from __future__ import annotations

import contextlib
import gc
import signal
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.engines.coroutines.exploration import peak, resident
from everyturn.engines.coroutines.transitions import Row, Transitions
from everyturn.engines.explorer import kernels
from everyturn.engines.explorer.beliefs import Beliefs
from everyturn.engines.explorer.numbering import KeyNumbers
from everyturn.engines.explorer.packing import Layout
from everyturn.engines.explorer.shared_slots import (
    AnyArray,
    ArraysSent,
    ChunkAnswered,
    ChunkSent,
    JournalSent,
    get,
    inline,
    put,
)
from everyturn.engines.explorer.successors import Chunk, ChunkSuccessors, SuccessorTables
from everyturn.errors import EveryturnError
from everyturn.verdicts.checker import Judge, JudgeState
from everyturn.world import overrun
from everyturn.world.entering import named, told
from everyturn.world.scope import Scope
from everyturn.world.world import World


class _Told(NamedTuple):
    """How much of each table has been told."""

    journal: int
    events: int
    moves: int
    refusals: int
    believed: int
    ways: list[int]


class _Server:
    """The tables, and what of them has been told."""

    def __init__(self, transitions: Transitions, slots: list[NDArray[np.uint64]]) -> None:
        self._tables = SuccessorTables(transitions)
        self._first = self._tables.first()
        macro_steps = self._tables.macro_steps
        judge = transitions.judge
        self._beliefs = Beliefs(judge, self._first[1].belief, macro_steps.events) if judge.conformance else None
        self._slots = slots
        self._told = _Told(0, 0, 0, 1, 0, [0 for _ in self._tables.ways])
        self._states = 0

    def first(self) -> tuple[Row, JudgeState, ChunkAnswered]:
        """The initial state, its judge, and what the tables have by then."""
        return *self._first, self._grown(inline([]))

    def redo(self, asked: JournalSent) -> ChunkAnswered:
        """Make everything again; what is seen of each rest, and all that the tables have then."""
        seen = self._tables.redo(asked.journal.tolist())
        if self._beliefs is not None:
            self._beliefs.restore(asked.beliefs)
        return self._grown(inline([seen]))

    def may_go_round(self) -> bool:
        """Whether a thread may come back to where it was."""
        return self._tables.may_go_round()

    def answer(self, asked: ChunkSent) -> ChunkAnswered:
        """The answer to a chunk."""
        slot = self._slots[asked.slot]
        words, beliefs = get(slot, asked.arrays)
        self._states += len(words)
        kernels.choose(self._states, grows=True)
        answer = self._tables.answer_to(Chunk(words, Layout(asked.bits), asked.judges, beliefs))
        found = answer.found
        arrays = [found.rests, answer.rests, answer.at_rest, *found.sources, *found.ways]
        for each in self._tables.ways:
            each.catch_up()
        arrays += self._believed(answer, beliefs)
        return self._grown(put(slot, arrays))

    def _believed(self, answer: ChunkSuccessors, beliefs: KeyNumbers) -> list[AnyArray]:
        """The specification's beliefs after each macro step of which something is seen, and in each of the rests; and
        all of its steps that are new. Nothing if it is not judged."""
        if self._beliefs is None:
            return []
        ways, found = self._tables.ways, answer.found
        events = np.concatenate([each.events.take(way) for each, way in zip(ways, found.ways, strict=True)])
        seen = np.flatnonzero(events)
        source = np.concatenate(found.sources)[seen]
        after_macro_steps = self._beliefs.step(beliefs.take(source), events[seen])
        at_rest = self._beliefs.step(beliefs.take(answer.rests), answer.at_rest)
        return [*after_macro_steps, *at_rest, *self._beliefs.steps_from(self._told.believed).values()]

    def _grown(self, arrays: ArraysSent) -> ChunkAnswered:
        """An answer with what the tables have more than when they were told of last."""
        tables, ways, told = self._tables, self._tables.ways, self._told
        refusals = [] if self._beliefs is None else self._beliefs.findings.values
        self._told = _Told(
            len(tables.macro_steps.journal),
            len(tables.events),
            len(tables.moves),
            max(1, len(refusals)),
            0 if self._beliefs is None else len(self._beliefs),
            [len(each.made) for each in ways],
        )
        return ChunkAnswered(
            arrays,
            tables.macro_steps.journal[told.journal :],
            tables.largest(),
            tables.events[told.events :],
            tables.moves[told.moves :],
            [each.made[before:] for each, before in zip(ways, told.ways, strict=True)],
            refusals[told.refusals :],
            tables.locals,
            resident(),
            peak(),
        )


def _said(server: _Server, message: ChunkSent | JournalSent | str) -> Any:
    if isinstance(message, ChunkSent):
        return server.answer(message)
    return server.redo(message) if isinstance(message, JournalSent) else getattr(server, message)()


def serve(
    pipe: Connection[Any, Any],
    slots: list[Any],
    scope: str,
    agent: Any,
    granularity: str,
    judge: Judge,
    keep_dead: bool,
) -> None:
    """Answer what comes through the pipe until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()  # as the explorer does: tables only grow
    server: _Server | None = None
    with contextlib.suppress(EOFError, OSError), overrun.watching():
        while True:
            message = pipe.recv()
            try:
                if server is None:
                    transitions = Transitions(World(Scope.parse(scope), agent, granularity), judge, keep_dead=keep_dead)
                    server = _Server(transitions, [np.frombuffer(slot, np.uint64) for slot in slots])
                said: Any = _said(server, message)
            except BaseException as error:  # noqa: BLE001 # whatever it is, it is raised again where the user sees it
                said = (
                    error if isinstance(error, Exception) else EveryturnError(f"another process: {told(error, named)}")
                )
            pipe.send(said)
