"""Repairs of how a turn or a summary becomes active, and of who deletes its entry."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context
from everyturn_impl.errors import SessionBusy


class SummaryEntersUnderMutex(SessionAgent):
    """Whether the session is idle is looked at once more, and set, under the dispatch mutex."""

    async def enter_summary(self, caller: Context, summary: Context, owner: str) -> bool:
        """Read first; then look and set in one critical section."""
        if not await self.ports.store.read(caller, owner):
            return False
        await self.ports.mutex.lock()
        busy = await self.ports.active.get() is not None
        if not busy:
            await self.ports.active.set(summary)
        await self.ports.mutex.unlock()
        if busy:
            raise SessionBusy(owner)
        return True


class LeavesOwnEntry(SessionAgent):
    """No turn and no summary deletes an entry that is not its own, ahead of a hand-off either."""

    async def leave(self, work: Context) -> None:
        """Step 6, for the entry of ``work`` alone."""
        await self.ports.active.delete_if(work)
        await self.ports.contexts.cancel(work)

    async def step_aside(self, turn: Context) -> None:
        """Ahead of a turn's own summary, likewise."""
        await self.ports.active.delete_if(turn)


class ClosesUnderMutex(SessionAgent):
    """A server thread closes its reservation under the dispatch mutex, lest a Cancel that has just seen it raises the
    mark for nobody."""

    async def close(self, call: Call) -> None:
        """Close the reservation; the mutex is held."""
        await super().release(call)

    async def release(self, call: Call) -> None:
        """Close the reservation under the mutex."""
        if call.reservation is not None:
            await self.ports.mutex.lock()
            await super().release(call)
            await self.ports.mutex.unlock()
