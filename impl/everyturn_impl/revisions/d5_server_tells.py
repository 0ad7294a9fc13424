"""`d5-server-tells` (2026-06-01, d411ab5ed): an accepted prompt that failed untold is told of by the server."""

from __future__ import annotations

from dataclasses import replace

from everyturn_impl.calls import Call, Completion, Context, Fault
from everyturn_impl.endings import CANCELLED
from everyturn_impl.errors import AgentError, error_of
from everyturn_impl.revisions.d4_independent import Independent


class ServerTells(Independent):
    """Differs from `d4` in that the coordinator reports to the server whether it has published a completion.

    Without coordinator nobody reports, and the server leaves it to the dispatcher.
    """

    async def serve(self, call: Call, caller: Context) -> None:
        """The body of an accepted prompt's thread; after an error the waiter is told, unless he was."""
        await self.ports.threads.start(call.prompt)
        fault, told = await self.conclude(call, caller)
        if fault is not None and fault.kind != CANCELLED:
            await self.ports.broker.notify_error(call, fault, run_id=self.error_names_run)
            if call.run_id is not None and not told:
                await self.ports.broker.publish(Completion(call.prompt, call.run_id, fault=fault), caller)
        await self.release(call)

    async def coordinate(self, call: Call, caller: Context) -> None:
        """Run ``call`` as a local caller does, to whom nobody reports."""
        fault, _ = await self.conclude(call, caller)
        if fault is not None:
            raise error_of(fault)

    async def conclude(self, call: Call, caller: Context) -> tuple[Fault | None, bool]:
        """Run ``call``: what it ended in, and whether a completion was published."""
        fault: Fault | None = None
        try:
            if self.direct:
                await self.run(call, caller)
            else:
                await self.ports.model.ready(call.prompt)
                await self.attempt(replace(call, hook=call.prompt), caller)
        except AgentError as error:
            fault = error.fault
        return fault, self.direct or await self.deliver(call, caller)
