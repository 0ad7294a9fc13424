"""What stands between callers and the dispatcher: the server's submit, the coordinator with its one retry, shutdown.

An accepted prompt goes through :meth:`Server.submit` and then, on a thread of its own, :meth:`Server.serve`; an
in-process prompt is run by its caller with :meth:`Server.run_local`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

from everyturn_impl.calls import Call, Context, Fault
from everyturn_impl.errors import AgentError, Cancelled, InvalidPrompt, Refused, Unauthorised
from everyturn_impl.ports import Ports


class Server(ABC):
    """One session's door. ``direct``: no coordinator stands between callers and the dispatcher."""

    error_names_run = True
    """Whether an agent-error notification carries the run id of the prompt that it is about."""

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports
        self.direct = direct

    # the dispatcher ----------------------------------------------------------------------------------------------

    @abstractmethod
    async def run(self, call: Call, caller: Context) -> None:
        """Run ``call``, or queue it; raises what the turn, or the last turn of its chain, ended in."""

    @abstractmethod
    async def cancel(self) -> None:
        """Cancel the active turn, every prompt that waits, and every prompt that has been accepted so far."""

    @abstractmethod
    async def clear_queue(self) -> None:
        """Remove every prompt that waits."""

    @abstractmethod
    async def summarise(self, caller: Context) -> None:
        """Replace the conversation by a summary. Raises :class:`SessionBusy` while something is active."""

    # the server --------------------------------------------------------------------------------------------------

    async def submit(self, call: Call) -> Call:
        """Accept ``call``: the call to :meth:`serve`. Raises :class:`InvalidPrompt` or :class:`Refused`."""
        if not call.text:
            raise InvalidPrompt(call.prompt, "expected a text, found an empty prompt")
        accepted = await self.accept(call)
        if await self.ports.closing.get():
            await self.withdraw(accepted)
            raise Refused(call.prompt, "the workspace is closing")
        return accepted

    async def serve(self, call: Call, caller: Context) -> None:
        """The body of an accepted prompt's thread."""
        await self.ports.threads.start(call.prompt)
        fault: Fault | None = None
        try:
            await self.coordinate(call, caller)
        except Cancelled:
            pass
        except AgentError as error:
            fault = error.fault
        if fault is not None:
            await self.ports.broker.notify_error(call, fault, run_id=self.error_names_run)
        await self.release(call)

    async def run_local(self, call: Call, caller: Context) -> None:
        """Run an in-process prompt on its caller's thread; raises what :meth:`run` raises."""
        await self.coordinate(call, caller)

    async def accept(self, call: Call) -> Call:
        """Open a reservation for ``call``."""
        return replace(call, reservation=await self.ports.reservations.begin(call.prompt))

    async def release(self, call: Call) -> None:
        """Close the call's reservation, if it has one that is still open."""
        if call.reservation is not None:
            await self.ports.reservations.close(call.reservation)

    async def withdraw(self, call: Call) -> None:
        """Give up the reservation of a call that never came to :meth:`run`."""
        await self.release(call)

    # the coordinator ---------------------------------------------------------------------------------------------

    async def coordinate(self, call: Call, caller: Context) -> None:
        """Run ``call``, once more if the credentials had to be refreshed; deliver the latest completion at the end."""
        if self.direct:
            await self.run(call, caller)
            return
        await self.ports.model.ready(call.prompt)
        hooked = replace(call, hook=call.prompt)
        try:
            await self.attempt(hooked, caller)
        finally:
            await self.deliver(call, caller)

    async def attempt(self, call: Call, caller: Context) -> None:
        """Run ``call``, once more if the credentials had to be refreshed."""
        try:
            await self.run(call, caller)
            retry = False
        except Unauthorised:
            retry = True
        if retry:
            await self.run(call, caller.child("retry"))

    async def deliver(self, call: Call, caller: Context) -> bool:
        """Publish what the hook of ``call`` kept; whether it kept anything."""
        kept = await self.ports.hooks.take(call.prompt)
        if kept is not None:
            await self.ports.broker.publish(kept, caller)
        return kept is not None

    async def coordinate_summary(self, caller: Context) -> None:
        """Summarise for a user, once more if the credentials had to be refreshed."""
        try:
            await self.summarise(caller)
            retry = False
        except Unauthorised:
            retry = not self.direct
            if not retry:
                raise
        if retry:
            await self.summarise(caller.child("retry"))

    # shutdown ----------------------------------------------------------------------------------------------------

    async def shut_down(self, workspace: Context) -> None:
        """Close the workspace: refuse new prompts, cancel what runs, wait for the server's threads."""
        await self.ports.closing.set()
        await self.ports.contexts.cancel(workspace)
        await self.cancel_all()
        await self.ports.threads.join_all()

    async def cancel_all(self) -> None:
        """Cancel the session if it is busy. The wait until it is idle is bounded, so that it promises nothing."""
        if await self.ports.active.get() is not None:
            await self.cancel()
