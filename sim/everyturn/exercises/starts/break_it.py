"""Exercise 5: lose a Cancel. This is what a Cancel does in an agent that loses none; leave something out."""

from everyturn import Call, revisions


class Mine(revisions.Hardened):
    """The agent that loses no Cancel, until you have changed it."""

    async def cancel_locked(self) -> tuple[Call, ...]:
        """Cancel the active turn, cover who is accepted and on his way, empty the queue."""
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.raise_mark()
        return await self.empty_queue()
