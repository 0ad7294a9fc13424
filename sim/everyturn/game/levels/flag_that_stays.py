"""The flag of a Cancel hits somebody who came later."""

from dataclasses import replace as with_

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.levels.cancel_finds_nobody import LeavesAFlag
from everyturn.game.things import Total
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_impl.ports import Shared
from everyturn_model.invariants.no_poisoned_prompt import NO_POISONED_PROMPT


class CountsCancels(Desk):
    """Each Cancel begins a new age, and each prompt knows the age that it was sent in."""

    own = {"age": Total()}
    age: Shared[Total]

    async def submit(self, call: Call) -> Call:
        return with_(call, sequence=await self.age.do(Total.read))

    async def handle(self, call: Call, turn: Context) -> None:
        await self.active.set(turn)
        if await self.age.do(Total.read) > call.sequence:  # a Cancel came after us
            await self.contexts.cancel(turn)
        if await self.ask(call, turn):
            await self.tell(call)
        else:
            await self.tell_cancelled(call)
        await self.active.delete(turn)

    async def cancel(self) -> None:
        await self.age.do(Total.add, 1)
        running = await self.active.get()
        if running:
            await self.contexts.cancel(running)


LEVEL = Level(
    name="poisoned-prompt",
    title="The flag that stays",
    goal="Have a prompt cancelled that was sent after the Cancel was over.",
    won="A prompt is cancelled that was sent after the Cancel was over.",
    story="The mended code of the level before: no Cancel is lost any more. But a flag that is raised stays raised.",
    terms=(Term("poisoned", "Cancelled by a Cancel that was over before the prompt was sent."),),
    hints=("What if somebody presses Cancel and nobody is there?", "Let the Cancel be over before p1 comes in."),
    moral="""The Cancel was meant for nobody, and hit the next prompt. One bit cannot say *whom* a Cancel means.
        A number can: each Cancel begins a new age, and ends only what belongs to an earlier one. Such a number
        is called an *epoch*.""",
    program=OnThreads(LeavesAFlag, "A+1c", NO_POISONED_PROMPT.name, "active pressed contexts"),
    mended=OnThreads(CountsCancels, "A+1c", NO_POISONED_PROMPT.name, "active age contexts"),
    fix="A number in place of the flag: a prompt is cancelled only by a Cancel of a later age.",
)
