"""What the turn ended in is what its client is told; that the store failed afterwards changes nothing in that."""

from dataclasses import replace

from everyturn import Call, Context, revisions
from everyturn_impl.calls import Fault
from everyturn_impl.endings import Ending


class Mine(revisions.Independent):
    async def break_off(self, call: Call, turn: Context, message: str | None, fault: Fault, text: str = "") -> Ending:
        return replace(await super().break_off(call, turn, message, fault, text), fault=fault)
