"""`d1-pending-flag`: a cancel sets one flag for the session, and the first prompt to enter consumes it.

The flag lives where later revisions keep the cancel mark: 1 is set, 0 is not.
"""

from __future__ import annotations

from everyturn_impl.calls import Call, Context
from everyturn_impl.endings import HandOff
from everyturn_impl.errors import error_of
from everyturn_impl.revisions.d2_accept_sequence import AcceptSequence


class PendingFlag(AcceptSequence):
    """Differs from `d2` wherever that asks whether a call is covered."""

    async def release(self, call: Call) -> None:
        """Closing the last reservation leaves the flag alone."""
        if call.reservation is not None:
            await self.ports.reservations.close(call.reservation, clears_mark=False)

    async def cancelled_before_entry(self, call: Call) -> bool:
        """Whether the flag is set; it is consumed."""
        if await self.ports.mark.get() == 0:
            return False
        await self.ports.mark.delete()
        return True

    async def cancel_on_entry(self, call: Call, caller: Context) -> None:
        """Record a call that was cancelled on entry. No completion is published, an error of the record is raised."""
        fault = await self.record_cancel_on_entry(call)
        if fault is not None:
            raise error_of(fault)

    async def raise_mark(self) -> None:
        """If a reservation is open, set the flag."""
        if await self.ports.reservations.count() > 0:
            await self.ports.mark.set(1)

    async def take_in_queue(self, turn: Context) -> None:
        """Fold what was queued, unless the flag was set."""
        for call in await self.take_unless_flagged(turn):
            await self.ports.store.write_user(turn, call, "fold", turn)

    async def take_unless_flagged(self, turn: Context) -> tuple[Call, ...]:
        """Look at the flag, which stays, and take the whole queue under the dispatch mutex; the calls to fold."""
        await self.ports.mutex.lock()
        flagged = await self.ports.mark.get() > 0
        queued = await self.ports.queue.get()
        await self.ports.queue.delete()
        if flagged:
            self.note_drops(queued)
            queued = ()
        self.note_folds(turn, queued)
        await self.ports.mutex.unlock()
        return queued

    async def hand_off(self, call: Call) -> HandOff:
        """With the flag set, flag and queue are deleted unread; otherwise the first queued call is taken and
        accepted."""
        await self.ports.mutex.lock()
        if await self.ports.mark.get() > 0:
            await self.ports.mark.delete()
            await self.ports.queue.delete()
            self.ports.journal.emptied("covered")
            await self.ports.mutex.unlock()
            return HandOff(None)
        queued = await self.ports.queue.get()
        if not queued:
            await self.ports.mark.delete()
            await self.ports.mutex.unlock()
            return HandOff(None)
        return HandOff(await self.take_first(queued))

    async def take_first(self, queued: tuple[Call, ...]) -> Call:
        """Take the first queued call out, open a reservation for it and give the mutex back."""
        await self.ports.queue.set(queued[1:])
        accepted = await self.accept(queued[0])
        await self.ports.mutex.unlock()
        return accepted
