"""A turn that has ended clears the entry of a later one."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_model.invariants.one_turn import ONE_TURN


class CleansUpTwice(Desk):
    """One turn at a time; others are told to come back."""

    async def handle(self, call: Call, turn: Context) -> None:
        if not await self.active.set_if_idle(turn):
            await self.tell(call, "busy, come back later")
            return
        try:
            await self.tell(call)
            await self.active.delete(turn)  # free for the next one
        finally:
            await self.active.delete(turn)  # whatever has happened


class CleansUpItsOwn(Desk):
    """One turn at a time; others are told to come back."""

    async def handle(self, call: Call, turn: Context) -> None:
        if not await self.active.set_if_idle(turn):
            await self.tell(call, "busy, come back later")
            return
        try:
            await self.tell(call)
            await self.active.delete(turn)  # free for the next one
        finally:
            await self.active.delete_if(turn)  # whatever has happened, if it is ours


LEVEL = Level(
    name="another-s-entry",
    title="Cleaning up after others",
    goal="Make two turns run at the same time.",
    won="Two turns run at the same time.",
    story="""The real fault of a real agent, which stood for months. Looking and acting is one access here. But a
        turn clears `active` when it is done, and once more in its `finally`, to be on the safe side.""",
    terms=(Term("finally", "Python runs this part on the way out, whatever has happened."),),
    hints=(
        "Whom does the second clearing meet, if somebody has begun in between?",
        "Let p1 clear once, then let p2 begin. Then let p1 go on.",
    ),
    moral="""p1 cleared an entry that was not its own any more, so that p3 found nobody and began beside p2. The
        same fault made a Cancel find nobody. Clear what is yours, and look whether it is, in one access.""",
    program=OnThreads(CleansUpTwice, "AAA", ONE_TURN.name, "active"),
    mended=OnThreads(CleansUpItsOwn, "AAA", ONE_TURN.name, "active"),
    fix="Clear the entry only if it is your own.",
)
