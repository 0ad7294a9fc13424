"""Exercise 1: no client may wait for ever. Change `work`."""

from everyturn.game.levels.lost_wake_up import Shop
from everyturn.game.things import Flag, PromptLine
from everyturn_impl.calls import Call, Context


class Mine(Shop):
    """Whoever finds nobody working works: for all who stand in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        if not await self.working.do(Flag.hoist):
            return  # it is up: somebody works, and will take us, too
        while waiting := await self.line.do(PromptLine.take):
            await self.tell(waiting)
        await self.working.do(Flag.lower)  # nobody is left: sleep
