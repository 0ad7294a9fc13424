"""`d7-serial-in-process` (2026-07-17, ae9257b9c): in-process calls enter under the dispatch mutex."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Context
from everyturn_impl.revisions.d6_retry_in_stream import RetryInStream


class EntersUnderMutex(SessionAgent):
    """Calls with and without a reservation enter the same way."""

    async def run_in_process(self, call: Call, caller: Context) -> None:
        """Step 1: the decision is made under the dispatch mutex, as for a call with a reservation."""
        await self.run_accepted(call, caller)

    async def cancelled_before_entry(self, call: Call) -> bool:
        """Whether a cancel came between acceptance and entry; for a call without a reservation none did."""
        return call.reservation is not None and await super().cancelled_before_entry(call)


class SerialInProcess(EntersUnderMutex, RetryInStream):
    """Differs from `d6` in how an in-process call enters."""
