"""`d8-compare-delete` (2026-07-21, fbf59341b): the deferred delete of ``active`` removes its own entry only."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Context
from everyturn_impl.revisions.d7_serial_in_process import SerialInProcess


class ComparesOnReturn(SessionAgent):
    """What returns deletes no other's entry."""

    async def on_return(self, work: Context) -> None:
        """Delete the entry in one step, if it is that of ``work``."""
        await self.ports.active.delete_if(work)
        await self.ports.contexts.cancel(work)


class CompareDelete(ComparesOnReturn, SerialInProcess):
    """Differs from `d7` in what a turn or a summary does when it returns. The deletes ahead of a hand-off, of a turn's
    own summary and of what ran into a summary still remove whatever is there."""
