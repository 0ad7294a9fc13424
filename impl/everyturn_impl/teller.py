"""Who is told of what became of a call: its completion goes to the call's hook, or to the broker; what no operation
shows, to the journal."""

from __future__ import annotations

from everyturn_impl.calls import Call, Completion, Context
from everyturn_impl.endings import CANCELLED, Ending
from everyturn_impl.server import Server


class Teller(Server):
    """What a dispatcher publishes."""

    async def publish(self, call: Call, completion: Completion, context: Context | None) -> None:
        """Hand a completion to the call's hook, or to the broker if it has none."""
        if call.hook is not None:
            await self.ports.hooks.keep(call.hook, completion)
        else:
            await self.ports.broker.publish(completion, context)

    async def publish_ending(self, call: Call, caller: Context, ending: Ending) -> None:
        """Publish the completion of a turn of its own."""
        if ending.fault is None:
            cancelled = await self.ports.contexts.done(caller)
        else:
            cancelled = ending.fault.kind == CANCELLED
        await self.publish(
            call,
            Completion(call.prompt, call.run_id, ending.message, ending.text, ending.fault, cancelled),
            caller,
        )

    async def publish_drops(self, dropped: tuple[Call, ...]) -> None:
        """Tell the waiters of calls that were removed from the queue."""
        for call in dropped:
            if call.run_id is not None:
                await self.publish(call, Completion(call.prompt, call.run_id, cancelled=True), None)

    def note_drops(self, dropped: tuple[Call, ...]) -> None:
        """Write into the journal which calls a cancel's coverage removed."""
        for call in dropped:
            self.ports.journal.dropped(call, "covered")

    def note_folds(self, turn: Context, folded: tuple[Call, ...]) -> None:
        """Write into the journal which calls ``turn`` takes in."""
        for call in folded:
            self.ports.journal.folded(call, turn)
