"""The ports for real use on asyncio: one session's shared data as plain values.

An access runs to its end without giving way to another task; only the dispatch mutex waits. What can be slow or can
fail has a module of its own: :mod:`everyturn_impl.asyncio_contexts`, :mod:`everyturn_impl.asyncio_threads`,
:mod:`everyturn_impl.sqlite_store`, :mod:`everyturn_impl.streaming_model`, :mod:`everyturn_impl.broker`.
:mod:`everyturn_impl.workspace` puts them together. Everything belongs to one event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, TypeVarTuple

from everyturn_impl.calls import Call, Completion, Context, Fault, Reservation

T = TypeVar("T")
R = TypeVar("R")
Arguments = TypeVarTuple("Arguments")

JOURNAL_LENGTH: Final = 1000
"""How many entries a journal keeps."""


class WatchedValue(Generic[T]):
    """A value that others can wait for."""

    def __init__(self, value: T) -> None:
        self.value = value
        self._changed = asyncio.Event()

    def put(self, value: T) -> None:
        """Replace the value and wake everybody who waits for one."""
        self.value = value
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, holds: Callable[[T], bool]) -> T:
        """Wait until ``holds(value)``; that value. A state that lasts for a moment only may be missed."""
        while not holds(self.value):
            await self._changed.wait()
        return self.value


class DispatchMutex:
    """The dispatch mutex: first come, first served."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def lock(self) -> None:
        """Take the mutex; waits while another task has it."""
        await self._lock.acquire()

    async def unlock(self) -> None:
        """Give the mutex back. Raises :class:`RuntimeError` when nobody has it."""
        self._lock.release()

    @property
    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._lock.locked()


class ActiveEntry:
    """The active turn's or summary's context; ``entry`` can be waited for."""

    def __init__(self) -> None:
        self.entry: WatchedValue[Context | None] = WatchedValue(None)

    async def get(self) -> Context | None:
        """What is active, or nothing."""
        return self.entry.value

    async def set(self, work: Context) -> None:
        """Make ``work`` the active entry."""
        self.entry.put(work)

    async def delete(self, work: Context) -> None:
        """Remove the entry, whoever it belongs to."""
        self.entry.put(None)

    async def delete_if(self, work: Context) -> bool:
        """Remove the entry if it belongs to ``work``; whether it did."""
        if self.entry.value != work:
            return False
        self.entry.put(None)
        return True

    async def set_if_idle(self, work: Context) -> bool:
        """Make ``work`` the active entry unless there is one; whether it was done."""
        if self.entry.value is not None:
            return False
        self.entry.put(work)
        return True


class CallQueue:
    """The queued calls, oldest first; ``calls`` can be waited for."""

    def __init__(self) -> None:
        self.calls: WatchedValue[tuple[Call, ...]] = WatchedValue(())

    async def get(self) -> tuple[Call, ...]:
        """All queued calls."""
        return self.calls.value

    async def set(self, calls: tuple[Call, ...]) -> None:
        """Replace the queue."""
        self.calls.put(calls)

    async def delete(self) -> None:
        """Empty the queue."""
        self.calls.put(())

    async def compare_and_set(self, before: tuple[Call, ...], after: tuple[Call, ...]) -> bool:
        """Replace the queue by ``after`` if it still is ``before``; whether it was."""
        if self.calls.value != before:
            return False
        self.calls.put(after)
        return True


class SharedValue(Generic[T]):
    """A dispatcher's own shared object; ``cell`` can be waited for."""

    def __init__(self, first: T) -> None:
        self.cell = WatchedValue(first)

    async def do(self, step: Callable[[T, *Arguments], tuple[R, T]], *arguments: *Arguments) -> R:
        """Take a step."""
        result, after = step(self.cell.value, *arguments)
        self.cell.put(after)
        return result

    async def wait(self, step: Callable[[T, *Arguments], tuple[R, T] | None], *arguments: *Arguments) -> R:
        """Take a step as soon as it can be taken."""
        outcome = step(await self.cell.until(lambda value: step(value, *arguments) is not None), *arguments)
        assert outcome is not None
        result, after = outcome
        self.cell.put(after)
        return result


class Mark:
    """The cancel mark; 0 is none."""

    def __init__(self) -> None:
        self._mark = 0

    async def get(self) -> int:
        """The mark."""
        return self._mark

    async def set(self, mark: int) -> None:
        """Replace the mark."""
        self._mark = mark

    async def delete(self) -> None:
        """Remove the mark."""
        self._mark = 0


class AcceptCounter:
    """The accept sequence, one for the whole workspace; ``last`` is the last number handed out."""

    def __init__(self) -> None:
        self.last = 0

    def advance(self) -> int:
        """The next number."""
        self.last += 1
        return self.last


class OpenReservations:
    """One session's open reservations, with a sequence that it shares with the other sessions."""

    def __init__(self, sequence: AcceptCounter, mark: Mark) -> None:
        self._sequence = sequence
        self._mark = mark
        self._open: set[int] = set()

    async def begin(self, prompt: str) -> Reservation:
        """Open a reservation with the next sequence."""
        reservation = Reservation(self._sequence.advance())
        self._open.add(reservation.sequence)
        return reservation

    async def close(self, reservation: Reservation, *, clears_mark: bool = True) -> None:
        """Close ``reservation``, first time only; with the last one the cancel mark goes, if ``clears_mark``."""
        if reservation.sequence not in self._open:
            return
        self._open.remove(reservation.sequence)
        if clears_mark and not self._open:
            await self._mark.delete()

    async def count(self) -> int:
        """How many are open."""
        return len(self._open)

    async def look(self) -> tuple[int, int]:
        """How many are open, and the last sequence handed out."""
        return len(self._open), self._sequence.last


class KeptCompletions:
    """The completion hooks: the latest completion that each was given."""

    def __init__(self) -> None:
        self._kept: dict[str, Completion] = {}

    async def keep(self, hook: str, completion: Completion) -> None:
        """Keep ``completion``, and no earlier one."""
        self._kept[hook] = completion

    async def take(self, hook: str) -> Completion | None:
        """What ``hook`` kept; it keeps nothing afterwards."""
        return self._kept.pop(hook, None)


class ClosingFlag:
    """Whether the workspace is closing. Belongs to the workspace."""

    def __init__(self) -> None:
        self._closing = False

    async def get(self) -> bool:
        """Read the flag."""
        return self._closing

    async def set(self) -> None:
        """Set the flag."""
        self._closing = True


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of a journal: what happened to which prompt, and where or why."""

    what: str
    prompt: str | None
    detail: str = ""


class JournalList:
    """The journal in memory: the latest entries, oldest first."""

    def __init__(self, length: int = JOURNAL_LENGTH) -> None:
        self.entries: deque[JournalEntry] = deque(maxlen=length)

    def folded(self, call: Call, turn: Context) -> None:
        """``call`` was folded into ``turn``."""
        self.entries.append(JournalEntry("folded", call.prompt, turn.name))

    def dropped(self, call: Call, reason: str) -> None:
        """``call`` was removed from the queue."""
        self.entries.append(JournalEntry("dropped", call.prompt, reason))

    def emptied(self, reason: str) -> None:
        """Every call was removed from the queue."""
        self.entries.append(JournalEntry("emptied", None, reason))

    def cancelled_on_entry(self, call: Call) -> None:
        """``call`` was cancelled on entry."""
        self.entries.append(JournalEntry("cancelled on entry", call.prompt))

    def summary_failed(self, turn: Context, fault: Fault) -> None:
        """The summary of ``turn`` failed."""
        self.entries.append(JournalEntry("summary failed", turn.prompt, fault.kind))
