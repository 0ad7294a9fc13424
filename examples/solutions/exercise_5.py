"""Without the mark a Cancel finds nobody in the moment between accepted and active."""

from everyturn import Call, revisions


class Mine(revisions.Hardened):
    async def cancel_locked(self) -> tuple[Call, ...]:
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        return await self.empty_queue()
