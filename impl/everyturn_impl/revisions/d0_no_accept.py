"""`d0-no-accept`: no reservations, and nobody holds the dispatch mutex."""

from __future__ import annotations

from everyturn_impl.calls import Call, Context
from everyturn_impl.endings import HandOff
from everyturn_impl.revisions.d1_pending_flag import PendingFlag


class NoAccept(PendingFlag):
    """Differs from `d1` in that every prompt goes the in-process way, and in that nothing is locked."""

    async def accept(self, call: Call) -> Call:
        """There are no reservations to open."""
        return call

    async def take_in_queue(self, turn: Context) -> None:
        """Read and delete the queue, without the mutex, and fold all of it."""
        queued = await self.ports.queue.get()
        await self.ports.queue.delete()
        self.note_folds(turn, queued)
        for call in queued:
            await self.ports.store.write_user(turn, call, "fold", turn)

    async def hand_off(self, call: Call) -> HandOff:
        """Take the first queued call, in two accesses and without the mutex."""
        queued = await self.ports.queue.get()
        if not queued:
            return HandOff(None)
        await self.ports.queue.set(queued[1:])
        return HandOff(queued[0])

    async def cancel(self) -> None:
        """Reach the active turn and the queue; hold no mutex."""
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.drop_queue()

    async def record_early_cancel(self, call: Call) -> None:
        """A turn that is cancelled before its first assistant message stores nothing."""
