"""`d3-locked-drain`, the seed's parent: the drain folds every uncovered call, and nobody is told of drops."""

from __future__ import annotations

from everyturn_impl.calls import Call
from everyturn_impl.revisions.d4_independent import Independent


class LockedDrain(Independent):
    """Differs from `d4` in what a drain folds and in what is published."""

    def stays_queued(self, call: Call) -> bool:
        """Nothing waits for a turn of its own: run id or not, it is folded."""
        return False

    def owes_completion(self, call: Call, queued: tuple[Call, ...]) -> bool:
        """A turn that hands off publishes nothing."""
        return False

    async def publish_drops(self, dropped: tuple[Call, ...]) -> None:
        """Drops and clears publish nothing."""

    async def clear(self) -> None:
        """Delete the queue, without reading it again."""
        await self.ports.queue.delete()
