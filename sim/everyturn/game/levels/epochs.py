"""No Cancel is lost, and none hits who came later."""

from everyturn.game.level import Level, Term
from everyturn.game.levels.cancel_finds_nobody import LeavesAFlag
from everyturn.game.levels.flag_that_stays import CountsCancels
from everyturn.game.threads import OnThreads
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL

LEVEL = Level(
    name="epochs",
    title="Ages in place of flags",
    goal="Press Cancel so that it is lost: p1 came before it, and is answered all the same.",
    story="""The flag is a number now. Each Cancel adds one, and each prompt knows the number that it was sent
        at. Find a moment in which a Cancel of p1 is lost.""",
    terms=(Term("epoch", "A number for an age; what belongs to an earlier age is recognised by it."),),
    hints=(
        "A turn says that it is active, and then looks at the number. A Cancel adds one, and then looks who is active.",
        "Each acts before it looks. Can both look too early?",
    ),
    moral="""Each of the two says what it does *before* it looks at the other. Whoever is second sees the first;
        it cannot be that neither sees the other. And nobody who came later is hit: that is proved, too.""",
    program=OnThreads(CountsCancels, "A+1c", NO_LOST_CANCEL.name, "active age contexts"),
    before=OnThreads(LeavesAFlag, "A+1c", NO_LOST_CANCEL.name, "active pressed contexts"),
    fix="This is what was changed since the level before.",
)
