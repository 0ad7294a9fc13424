"""Dispatchers that do nothing, or nothing at first, where anybody else could notice it."""

from __future__ import annotations

from tests.sim.small_agents import Small

from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.errors import Refused
from everyturn_impl.revisions.hardened import Hardened


class IgnoresCancel(Hardened):
    """A Cancel that returns at once."""

    async def cancel(self) -> None:
        pass


class IgnoresClear(Hardened):
    """A ClearQueue that only looks at what nobody else changes."""

    async def clear_queue(self) -> None:
        await self.ports.closing.get()


class IgnoresAll(Hardened):
    """Neither Cancel, ClearQueue, Summarise nor shutdown does anything."""

    async def cancel(self) -> None:
        pass

    async def clear_queue(self) -> None:
        pass

    async def coordinate_summary(self, caller: Context) -> None:
        pass

    async def shut_down(self, workspace: Context) -> None:
        pass


class Forgets(Small):
    """What it accepts, or is asked to run, is forgotten."""

    async def serve(self, call: Call, caller: Context) -> None:
        pass

    async def run_local(self, call: Call, caller: Context) -> None:
        pass

    async def shut_down(self, workspace: Context) -> None:
        pass


class Looks(Forgets):
    """Looks whether a model is configured, the workspace is closing, the caller has gone; then forgets."""

    async def run_local(self, call: Call, caller: Context) -> None:
        await self.ports.closing.get()
        await self.ports.model.ready(call.prompt)
        await self.ports.contexts.done(caller)


class Refuses(Forgets):
    """Says no to everybody."""

    async def submit(self, call: Call) -> Call:
        raise Refused(call.prompt, "not today")


class Keeps(Forgets):
    """Its first access gives a completion to a hook."""

    async def run_local(self, call: Call, caller: Context) -> None:
        completion = Completion(call.prompt, call.run_id)
        await self.ports.hooks.keep(call.prompt, completion)
        await self.ports.broker.publish(completion, None)


class Tells(Forgets):
    """Its first access is a look at its caller's context; p2 tells only if it saw p1's mark."""

    async def run_local(self, call: Call, caller: Context) -> None:
        await self.ports.contexts.done(caller)
        if call.prompt == "p1":
            await self.ports.mark.set(1)
        elif not await self.ports.mark.get():
            return
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class Notes(Forgets):
    """Says that its call was cancelled on entry before it has done anything."""

    async def run_local(self, call: Call, caller: Context) -> None:
        self.ports.journal.cancelled_on_entry(call)
        await self.ports.closing.get()


class Streams(Forgets):
    """Its first access is to the model."""

    async def run_local(self, call: Call, caller: Context) -> None:
        await self.ports.model.end(await self.ports.model.start(caller.turn(call.prompt), call.prompt, 1))


class Locks(Forgets):
    """Whoever comes first tells, and keeps the mutex for ever: the other is never let in."""

    async def run_local(self, call: Call, caller: Context) -> None:
        await self.ports.mutex.lock()
        await self.ports.broker.publish(Completion(call.prompt, call.run_id), None)


class Waits(Small):
    """An accepted prompt is nowhere until its thread has got the mutex: a Cancel may come between."""

    async def serve(self, call: Call, caller: Context) -> None:
        turn = caller.turn(call.prompt)
        await self.ports.mutex.lock()
        await self.ports.active.set(turn)
        await self.ports.store.write_user(None, call, "turn", turn)
        message = await self.ports.store.create_assistant(turn, turn, 1)
        result = await self.ports.model.end(await self.ports.model.start(turn, call.prompt, 1))
        await self.ports.store.finish_step(turn, message, result)
        await self.ports.broker.publish(Completion(call.prompt, call.run_id, message, result.text), None)
        await self.ports.active.delete(turn)
        await self.ports.mutex.unlock()

    async def cancel(self) -> None:
        await self.ports.mutex.lock()
        active = await self.ports.active.get()
        if active is not None:
            await self.ports.contexts.cancel(active)
        await self.ports.mutex.unlock()


class Started(Waits):
    """The same, but its thread is started first."""

    async def serve(self, call: Call, caller: Context) -> None:
        await self.ports.threads.start(call.prompt)
        await super().serve(call, caller)
