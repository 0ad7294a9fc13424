"""Looking and acting is one access."""

from everyturn.game.level import Level, Term
from everyturn.game.levels.look_then_act import LooksAndActs, LooksThenActs
from everyturn.game.threads import OnThreads
from everyturn_model.invariants.one_turn import ONE_TURN

LEVEL = Level(
    name="look-and-act",
    title="Look and act at once",
    goal="Make two turns run at the same time.",
    story="""Somebody has mended the first level: `set_if_idle` looks and acts in one access. Try again. Some
        levels cannot be won. If you think that this is one, say so with the button.""",
    terms=(
        Term("atomic", "Nobody can come in between: it happens as a whole or not at all."),
        Term("proved", "Every order of all steps was tried by the tool, and the bad thing happened in none of them."),
    ),
    hints=("Where is the gap now?", "Total the accesses between looking and acting."),
    moral="There is no gap left. You have tried a few orders; the tool has tried all of them.",
    program=OnThreads(LooksAndActs, "AA", ONE_TURN.name, "active"),
    before=OnThreads(LooksThenActs, "AA", ONE_TURN.name, "active"),
    fix="This is what was changed in the code of the first level.",
)
