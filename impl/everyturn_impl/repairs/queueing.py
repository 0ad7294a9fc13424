"""Repairs of who reads and writes the queue: under the mutex, and on every way out."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context, Fault
from everyturn_impl.errors import AgentError, SessionBusy, error_of


class LooksAfterError(SessionAgent):
    """A turn that ends in an error or a cancellation hands off, too."""

    async def run(self, call: Call, caller: Context) -> None:
        """Run ``call``; after an error, run what was queued meanwhile, and raise the error then."""
        fault: Fault | None = None
        try:
            await super().run(call, caller)
        except AgentError as error:
            fault = error.fault
        if fault is None:
            return
        hand_off = await self.hand_off(call)
        if hand_off.first is not None:
            try:  # noqa: SIM105 - a context manager that lives across an await has no value to compare by
                await self.run(hand_off.first, caller.child("after"))
            except AgentError:
                pass
        raise error_of(fault)


class LooksAfterSummary(SessionAgent):
    """A summary that fails or is cancelled looks at the queue; so does one that has looked already."""

    async def summarise(self, caller: Context) -> None:
        """Summarise; unless somebody else is active, run what was queued meanwhile, however that ended."""
        fault: Fault | None = None
        try:
            await super().summarise(caller)
        except AgentError as error:
            fault = error.fault
        if fault is None or fault.kind != SessionBusy.kind:
            hand_off = await self.hand_off(Call(caller.name, ""))
            if hand_off.first is not None:
                await self.run(hand_off.first, caller.child("after"))
        if fault is not None:
            raise error_of(fault)


class SummaryHandsOffUnderMutex(SessionAgent):
    """What was queued during a summary is taken out as in a hand-off: under the mutex, with a reservation."""

    async def take_after_summary(self) -> Call | None:
        """The first queued call that no cancel covers."""
        return (await self.hand_off(Call("", ""))).first


class ContinuationUnderMutex(SessionAgent):
    """The rest of a summarised turn's work is appended under the mutex."""

    async def queue_continuation(self, continuation: Call) -> None:
        """Append in one critical section."""
        await self.ports.mutex.lock()
        await super().queue_continuation(continuation)
        await self.ports.mutex.unlock()


class ClearsUnderMutex(SessionAgent):
    """ClearQueue takes the queue out under the mutex and tells the waiters after it (2cf75f868, on a branch of the
    original)."""

    async def clear_queue(self) -> None:
        """Remove every queued call in one critical section."""
        await self.ports.mutex.lock()
        queued = await self.ports.queue.get()
        if queued:
            await self.ports.queue.delete()
        await self.ports.mutex.unlock()
        await self.publish_drops(queued)


class FoldsIntoTheLiving(SessionAgent):
    """Nobody is folded into a turn that is cancelled already."""

    async def takes_in(self, turn: Context) -> bool:
        """Whether ``turn`` goes on; the mutex is held, so that no Cancel comes in between."""
        return not await self.ports.contexts.done(turn)
