"""`d2-accept-sequence`: the drain asks whether a call is covered only after it has given the mutex back."""

from __future__ import annotations

from everyturn_impl.calls import Call, Context
from everyturn_impl.revisions.d3_locked_drain import LockedDrain


class AcceptSequence(LockedDrain):
    """Differs from `d3` in the prepare step, and in error notifications that name no run."""

    error_names_run = False

    async def take_in_queue(self, turn: Context) -> None:
        """Take the whole queue under the mutex; then, without it, look at each call and fold it."""
        for call in await self.take_queue():
            if await self.covered(call.sequence):
                self.note_drops((call,))
            else:
                self.note_folds(turn, (call,))
                await self.ports.store.write_user(turn, call, "fold", turn)

    async def take_queue(self) -> tuple[Call, ...]:
        """Read and delete the queue under the dispatch mutex."""
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        await self.ports.queue.delete()
        await self.ports.mutex.unlock()
        return queued
