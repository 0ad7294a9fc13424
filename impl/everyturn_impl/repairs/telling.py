"""Repairs of what is told to whom, and of what is stored before."""

from __future__ import annotations

from everyturn_impl.agent import SessionAgent
from everyturn_impl.calls import Call, Completion, Context, Fault, StreamResult
from everyturn_impl.endings import CANCELLED, Ending
from everyturn_impl.errors import AgentError, NotConfigured, StoreError, error_of


class TellsFailedStart(SessionAgent):
    """A turn whose session cannot be read, or whose message cannot be written, publishes a completion."""

    async def open_session(self, call: Call, caller: Context) -> bool:
        """Step 2, first half; a failure is told before it is raised."""
        try:
            return await super().open_session(call, caller)
        except AgentError as error:
            fault = error.fault
        await self.publish_ending(call, caller, Ending(None, fault=fault))
        raise error_of(fault)

    async def write_message(self, call: Call, caller: Context, turn: Context) -> None:
        """Step 2, second half; likewise."""
        try:
            await super().write_message(call, caller, turn)
            return
        except AgentError as error:
            fault = error.fault
        await self.publish_ending(call, caller, Ending(None, fault=fault))
        raise error_of(fault)


class WritesDespiteRead(SessionAgent):
    """The user message is written even if the session cannot be read."""

    async def open_session(self, call: Call, caller: Context) -> bool:
        """Step 2, first half; after a failure the message is written, if that can be done, before it is raised."""
        try:
            return await super().open_session(call, caller)
        except AgentError as error:
            fault = error.fault
        try:  # noqa: SIM105 - a context manager that lives across an await has no value to compare by
            await self.ports.store.write_user(caller, call, "turn", caller.turn(call.prompt))
        except AgentError:
            pass
        raise error_of(fault)


class PublishesAtOnce(SessionAgent):
    """A completion goes to the broker, and into no hook."""

    async def publish(self, call: Call, completion: Completion, context: Context | None) -> None:
        """Publish now."""
        await self.ports.broker.publish(completion, context)

    async def conclude(self, call: Call, caller: Context) -> tuple[Fault | None, bool]:
        """From `d5` on: what a run ended in, and whether it was told. Whoever came to a turn was told by that."""
        fault, told = await super().conclude(call, caller)  # type: ignore[misc]
        return fault, told or (fault is not None and fault.kind != NotConfigured.kind)


class RaisesOwnError(SessionAgent):
    """A call returns the error of its own turn, and of no other that ran behind it."""

    async def run(self, call: Call, caller: Context) -> None:
        """Run ``call`` and what is queued; errors of others were told to others."""
        fault: Fault | None = None
        try:
            await super().run(call, caller)
        except AgentError as error:
            fault = error.fault
        if fault is not None and fault.owner == call.prompt:
            raise error_of(fault)


class FlushesBeforeNotice(SessionAgent):
    """What is buffered is stored before any completion of a turn is published."""

    async def publish_ending(self, call: Call, caller: Context, ending: Ending) -> None:
        """Flush, then publish."""
        await self.ports.store.flush(call.prompt)
        await super().publish_ending(call, caller, ending)


class StoresStateFirst(SessionAgent):
    """The state of a finished step's message is tried to be stored before what the step used, so that a flush can mend
    it."""

    async def finish_step(self, turn: Context, message: str, result: StreamResult) -> None:
        """Store the state, then count what was used; errors are discarded, as before."""
        try:
            await self.ports.store.finish_step(turn, message, result)
            await self.ports.store.read_usage(turn.above(), turn, message)
            await self.ports.store.save_usage(turn.above(), turn, message)
        except AgentError:
            pass


class KeepsTheCause(SessionAgent):
    """A failing write does not take the place of the error that led to it."""

    async def break_off(self, call: Call, turn: Context, message: str | None, fault: Fault, text: str = "") -> Ending:
        """Store how the turn ended before anything else; whether that succeeds, ``fault`` is what happened."""
        try:
            if message is not None:
                await self.ports.store.finish_turn(turn, message, fault)
            elif fault.kind == CANCELLED:
                await self.record_early_cancel(call)
        except StoreError:
            pass
        return Ending(message, text, fault)
