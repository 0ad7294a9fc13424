"""Look once more after lowering the flag: who came meanwhile is seen."""

from everyturn.game.levels.lost_wake_up import Shop
from everyturn.game.things import Flag, PromptLine
from everyturn_impl.calls import Call, Context


class Mine(Shop):
    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        if not await self.working.do(Flag.hoist):
            return
        while waiting := await self.line.do(PromptLine.take):
            await self.tell(waiting)
        await self.working.do(Flag.lower)
        if await self.line.do(PromptLine.peek):
            await self.work()
