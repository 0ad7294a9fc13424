"""A turn that fails leaves as one that ends well does: it looks at the queue, and runs who is first there."""

from everyturn import Call, Context, revisions
from everyturn_impl.errors import AgentError


class Mine(revisions.Independent):
    async def take_turn(self, call: Call, caller: Context, turn: Context) -> None:
        try:
            await super().take_turn(call, caller, turn)
        except AgentError:
            await self.leave(turn)
            hand_off = await self.hand_off(call)
            if hand_off.first is not None:
                await self.run(hand_off.first, caller.next_hop())
            raise
