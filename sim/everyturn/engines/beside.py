"""The judge in a process of its own, beside the one that explores.

The explorer asks for a batch of steps and goes on making leaps while they are judged. Numbers of the judge's states and
of observations go to and fro through shared memory, one slot for each batch under way; new observations, findings and
ledgers, of which there are few, through a pipe. Batches are judged in the order in which they are asked for, so that
all numbers are those that one process would have given.
"""

from __future__ import annotations

import contextlib
import signal
import weakref
from collections import deque
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from everyturn.checker import Finding, Judge, JudgeState
from everyturn.engines.exploration import resident
from everyturn.engines.interned import Interned
from everyturn.engines.judged import Answer, Batch, JudgeTables
from everyturn.engines.numbering import Numbers
from everyturn.errors import EveryturnError

_SLOTS: Final = 2
_ROOM: Final = 1 << 19
"""How many steps a slot has room for; a batch that has more goes through the pipe."""


class _Asked(NamedTuple):
    """A batch on its way: its slot, or its steps; what was observed since the last one; its rests."""

    slot: int | None
    size: int
    steps: NDArray[np.uint32] | None
    events: list[Any]
    resting: Numbers
    seen_at_rest: Numbers


class _Call(NamedTuple):
    """A method of the tables to be called, and what was observed since the last message."""

    name: str
    arguments: tuple[Any, ...]
    events: list[Any]


class _Said(NamedTuple):
    """What comes back: the result, and how the tables have grown."""

    result: Any
    states: int
    violated: list[tuple[Finding, ...]]
    ledgers: dict[int, Any]
    nbytes: int
    resident: int


class JudgeBeside:
    """As :class:`~everyturn.engines.judged.JudgeTables`, in a process of its own. :meth:`close` ends it."""

    def __init__(self, judge: Judge, events: Interned) -> None:
        self.judge = judge
        self.nbytes = self.resident = 0
        self._events = events
        self._told = 0
        self._states = 1
        self._violated: list[tuple[Finding, ...]] = []
        self._ledgers: dict[int, Any] = {}
        self._asked: deque[int | None] = deque()
        self._free = deque(range(_SLOTS))
        context = get_context("spawn")
        slots = [context.RawArray("I", 2 * _ROOM) for _ in range(_SLOTS)]
        self._slots = [_array(slot) for slot in slots]
        self._pipe, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, judge, slots), daemon=True)
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self.close = weakref.finalize(self, self._pipe.close)

    def __len__(self) -> int:
        return self._states

    def number(self, state: JudgeState) -> int:
        """The number of a state."""
        return int(self._call("number", state))

    def state(self, number: int) -> JudgeState:
        """The state with this number."""
        state: JudgeState = self._call("state", number)
        return state

    def violated(self, number: int) -> tuple[Finding, ...]:
        """What a step with this *found* number violated."""
        return self._violated[number]

    def ledger(self, number: int) -> Any:
        """The ledger with this number, which an answer has named."""
        return self._ledgers[number]

    def saved(self) -> dict[str, NDArray[Any]]:
        """The tables as arrays of integers."""
        arrays: dict[str, NDArray[Any]] = self._call("saved")
        return arrays

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over saved tables; the events that they speak of must be there already."""
        self._call("restore", arrays)

    def step(self, judged: Numbers, events: Numbers) -> tuple[Numbers, Numbers]:
        """The numbers of the states after a batch of steps, and of what each violated (see :meth:`violated`)."""
        result: tuple[Numbers, Numbers] = self._call("step", judged, events)
        return result

    def ask(self, batch: Batch) -> None:
        """Ask for :meth:`answer`."""
        count = len(batch.judged)
        slot, steps = None, None
        if count <= _ROOM and self._free:
            slot = self._free.popleft()
            steps = self._slots[slot][:, :count]
        room = np.empty((2, count), np.uint32) if steps is None else steps
        room[0], room[1] = batch.judged, batch.events
        self._asked.append(slot)
        inline = room if slot is None else None
        self._send(_Asked(slot, count, inline, self._fresh(), batch.resting, batch.seen_at_rest))

    def answer(self) -> Answer:
        """The answer to the oldest batch that was asked and not answered yet."""
        judged, places, numbers, rests = self._receive()
        slot = self._asked.popleft()
        if slot is not None:
            judged = self._slots[slot][0, :judged]
            self._free.append(slot)
        found = np.zeros(len(judged), np.int64)
        found[places] = numbers
        return Answer(judged.astype(np.int64), found, rests)

    # talking -----------------------------------------------------------------------------------------------------

    def _fresh(self) -> list[Any]:
        fresh: list[Any] = self._events.values[self._told :]
        self._told += len(fresh)
        return fresh

    def _call(self, name: str, *arguments: Any) -> Any:
        if self._asked:
            raise EveryturnError(f"expected no batches under way, found {len(self._asked)}, before {name!r}")
        self._send(_Call(name, arguments, self._fresh()))
        return self._receive()

    def _send(self, message: _Asked | _Call) -> None:
        try:
            self._pipe.send(message)
        except OSError as error:
            raise self._gone() from error

    def _receive(self) -> Any:
        try:
            said = self._pipe.recv()
        except (EOFError, OSError) as error:
            raise self._gone() from error
        if isinstance(said, BaseException):
            raise said
        self._states, self.nbytes, self.resident = said.states, said.nbytes, said.resident
        self._violated += said.violated
        self._ledgers.update(said.ledgers)
        return said.result

    def _gone(self) -> EveryturnError:
        self._process.join(1)
        return EveryturnError(f"the judge's process ended with exit code {self._process.exitcode}: expected an answer")


def _array(slot: Any) -> NDArray[np.uint32]:
    return np.frombuffer(slot, np.uint32).reshape(2, _ROOM)


class _Tables:
    """The other side: the tables, and what of them has been told."""

    def __init__(self, judge: Judge, slots: list[NDArray[np.uint32]]) -> None:
        self._events = Interned()
        self._tables = JudgeTables(judge, self._events)
        self._slots = slots
        self._violated = 0
        self._ledgers: set[int] = set()

    def said(self, message: _Asked | _Call) -> _Said:
        """What there is to say to a message."""
        for each in message.events:
            self._events.number(each)
        ledgers: set[int] = set()
        if isinstance(message, _Call):
            result = getattr(self._tables, message.name)(*message.arguments)
        else:
            result = self._judged(message, ledgers)
        tables = self._tables
        violated = tables.all_violated[self._violated :]
        self._violated += len(violated)
        fresh = {number: tables.ledger(number) for number in sorted(ledgers - self._ledgers)}
        self._ledgers |= ledgers
        return _Said(result, len(tables), violated, fresh, tables.nbytes, resident())

    def _judged(self, asked: _Asked, ledgers: set[int]) -> Any:
        room = asked.steps if asked.slot is None else self._slots[asked.slot][:, : asked.size]
        assert room is not None
        judged, events = room.astype(np.int64)
        self._tables.ask(Batch(judged, events, asked.resting, asked.seen_at_rest))
        answer = self._tables.answer()
        ledgers.update(ledger for _, ledger in answer.rests)
        room[0] = answer.judged
        places = np.flatnonzero(answer.found)
        return (room[0] if asked.slot is None else asked.size), places, answer.found[places], answer.rests


def _serve(pipe: Connection[Any, Any], judge: Judge, slots: list[Any]) -> None:
    """Answer until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tables = _Tables(judge, [_array(slot) for slot in slots])
    with contextlib.suppress(EOFError, OSError):
        while True:
            message = pipe.recv()
            try:
                said: Any = tables.said(message)
            except Exception as error:  # noqa: BLE001 # whatever it is, it is raised again where the user sees it
                said = error
            pipe.send(said)
