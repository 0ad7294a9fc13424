"""Two threads look, and then both act."""

from everyturn.game.desk import Desk
from everyturn.game.level import Level, Term
from everyturn.game.threads import OnThreads
from everyturn_impl.calls import Call, Context
from everyturn_model.invariants.one_turn import ONE_TURN


class LooksThenActs(Desk):
    """One turn at a time."""

    async def handle(self, call: Call, turn: Context) -> None:
        if await self.active.get() is None:  # nobody runs?
            await self.active.set(turn)  # then we do
            await self.tell(call)
            await self.active.delete(turn)
        else:
            await self.tell(call, "busy, come back later")


class LooksAndActs(Desk):
    """One turn at a time."""

    async def handle(self, call: Call, turn: Context) -> None:
        if await self.active.set_if_idle(turn):  # nobody runs?
            # then we do, in the same access
            await self.tell(call)
            await self.active.delete(turn)
        else:
            await self.tell(call, "busy, come back later")


LEVEL = Level(
    name="look-then-act",
    title="Look, then act",
    goal="Make two turns run at the same time.",
    won="Two turns run at the same time.",
    story="""An agent answers prompts, the texts that its users send. Two of them, p1 and p2, come in, each on a
        thread of its own. Both threads run the same code. You decide who goes next: each click is one access to
        what they share.""",
    terms=(
        Term("thread", "It runs the code from top to bottom; others may run between any two of its steps."),
        Term("turn", "The work on one prompt. While it lasts, `active` says whose turn it is."),
        Term("race", "The result depends on who comes first."),
    ),
    hints=(
        "Between looking and acting there is a gap. Who may run in it?",
        "Let p1 look. Do not let it act yet.",
    ),
    moral="""Both looked before either acted, so both saw nobody. What a thread has seen may be old by the time
        it acts. This is called *check-then-act*, or look-then-act.""",
    program=OnThreads(LooksThenActs, "AA", ONE_TURN.name, "active"),
    mended=OnThreads(LooksAndActs, "AA", ONE_TURN.name, "active"),
    fix="Look and act in one access: nobody fits in between.",
)
