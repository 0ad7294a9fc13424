"""What a small dispatcher begins with, a level's or a notebook's, so that it shows only what it is about."""

from __future__ import annotations

from typing import Any

from everyturn_impl.calls import Call, Completion, Context, StepEnd
from everyturn_impl.ports import Ports


class Desk:
    """A small dispatcher to begin with: each prompt comes in on a thread of its own, in :meth:`handle`.

    ``active`` is the turn that runs, if any; ``queue`` the prompts that wait; ``mutex`` lets one thread in at a time;
    ``contexts`` knows which turns are cancelled. What a class declares in ``own`` is an attribute by its name.
    """

    def __init__(self, ports: Ports, *, direct: bool = False, **own: Any) -> None:
        self.ports = ports
        self.active = ports.active
        self.queue = ports.queue
        self.mutex = ports.mutex
        self.contexts = ports.contexts
        for name, port in own.items():
            setattr(self, name, port)

    async def submit(self, call: Call) -> Call:
        """Accept whatever comes."""
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        """A thread begins for an accepted prompt."""
        await self.ports.threads.start(call.prompt)
        await self.handle(call, caller.turn(call.prompt))

    async def handle(self, call: Call, turn: Context) -> None:
        """What becomes of a prompt: to be written. ``turn`` is the context of the turn that is made for it."""
        raise NotImplementedError

    async def ask(self, call: Call, turn: Context) -> bool:
        """Ask the model: whether it has answered; it is not asked, or breaks off, if the turn is cancelled."""
        stream = await self.ports.model.start(turn, call.prompt, 1)
        return (await self.ports.model.end(stream)).how is StepEnd.FINISHED

    async def tell(self, call: Call, text: str = "done") -> None:
        """Send a prompt's completion: the client that waits for it goes on."""
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, None, text), None)

    async def tell_cancelled(self, call: Call) -> None:
        """Send a completion that says: cancelled."""
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, None, "", None, True), None)
