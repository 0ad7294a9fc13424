"""Exercises 7 to 9: an assistant with one turn at a time, a queue and a Cancel button. Where does it break?"""

from everyturn import Call, Completion, Context, Ports
from everyturn_impl.calls import Fault, StepEnd
from everyturn_impl.errors import AgentError


class Mine:
    """Answers one prompt after the other; who comes meanwhile waits in the queue. Cancel ends the turn that runs."""

    def __init__(self, ports: Ports, *, direct: bool = False) -> None:
        self.ports = ports

    async def submit(self, call: Call) -> Call:
        """A prompt is accepted."""
        return call

    async def serve(self, call: Call, caller: Context) -> None:
        """Its thread begins: run it now, or leave it in the queue for the turn that runs."""
        await self.ports.threads.start(call.prompt)
        if await self.ports.active.get():
            await self.ports.queue.set((*await self.ports.queue.get(), call))
        else:
            await self.ports.active.set(caller.turn(call.prompt))
            await self.run(call, caller)

    async def run(self, call: Call, caller: Context) -> None:
        """A turn that is active; then whoever is queued."""
        turn = caller.turn(call.prompt)
        await self.answer(call, turn)
        await self.ports.active.delete(turn)
        queued = await self.ports.queue.get()
        if queued:
            await self.ports.queue.set(queued[1:])
            await self.ports.active.set(caller.next_hop().turn(queued[0].prompt))
            await self.run(queued[0], caller.next_hop())

    async def answer(self, call: Call, turn: Context) -> None:
        """The model answers, the store keeps it, the client is told."""
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(None, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        try:
            if result.how is StepEnd.FINISHED:
                await self.ports.store.finish_step(turn, message, result)
            else:
                await self.ports.store.finish_turn(turn, message, Fault(result.how, call.prompt))
        except AgentError:
            pass  # the flush writes it
        await self.ports.store.flush(call.prompt)
        told = Completion(call.prompt, call.run_id, message, result.text, cancelled=result.how is StepEnd.CANCELLED)
        await self.ports.broker.publish(told, None)

    async def cancel(self) -> None:
        """The user presses Cancel."""
        running = await self.ports.active.get()
        if running:
            await self.ports.contexts.cancel(running)
