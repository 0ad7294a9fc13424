"""Exercise 2: each prompt is answered once. Change `work`."""

from everyturn.game.levels.double_answer import Counter
from everyturn.game.things import PromptLine
from everyturn_impl.calls import Call, Context


class Mine(Counter):
    """Each thread answers whoever is in line."""

    async def handle(self, call: Call, turn: Context) -> None:
        await self.line.do(PromptLine.join, call)
        await self.work()

    async def work(self) -> None:
        while waiting := await self.line.do(PromptLine.peek):
            await self.tell(waiting[0])
            await self.line.do(PromptLine.leave, waiting[0])
