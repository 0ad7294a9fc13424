"""Take somebody out of the line in the same access in which you look: only one thread can have him."""

from everyturn.game.levels.double_answer import Counter
from everyturn.game.things import PromptLine
from everyturn_impl.calls import Call, Context


class Mine(Counter):
    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        while waiting := await self.line.do(PromptLine.take):
            await self.tell(waiting)
