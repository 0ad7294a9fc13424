"""The exercises, by their numbers."""

from __future__ import annotations

from typing import Final

from everyturn.exercises.exercise import Exercise, ExerciseClaim
from everyturn_model.invariants import MISSION

_TOLD_ONCE: Final = ("no-hang", "no-double-emit")
_OF_THE_LESSON: Final = ("no-hang", "no-double-emit", "one-turn", "nothing-lost", "in-order", "clean-rest")

EXERCISES: Final[dict[int, Exercise]] = {
    each.number: each
    for each in (
        Exercise(
            1,
            "The lost wake-up",
            "The worker goes to sleep just when somebody relies on it. Change `work` so that no client waits for ever.",
            "lost_wake_up.py",
            (ExerciseClaim("AA", _TOLD_ONCE), ExerciseClaim("AAA", _TOLD_ONCE)),
            "08_be_the_scheduler",
        ),
        Exercise(
            2,
            "The double answer",
            "Two threads answer one prompt. Change `work` so that each prompt is answered once.",
            "double_answer.py",
            (ExerciseClaim("AA", _TOLD_ONCE),),
        ),
        Exercise(
            3,
            "The fold",
            "The running turn folds every queued prompt, even one whose client waits. Override two small methods of "
            "the real agent so that every client is told.",
            "fold.py",
            (ExerciseClaim("AA", MISSION),),
            "02_your_own_fix",
        ),
        Exercise(
            4,
            "The error path",
            "A turn that ends in an error leaves without looking at the queue. Override `take_turn` so that somebody "
            "who is queued behind it gets his turn.",
            "error_path.py",
            (ExerciseClaim("AA+1e", ("no-hang",)), ExerciseClaim("AA", MISSION)),
            "01_a_waiter_that_hangs",
        ),
        Exercise(
            5,
            "Break it",
            "This agent loses no Cancel. Leave something out of one of its methods, so that it does, and still no "
            "client waits for ever.",
            "break_it.py",
            (ExerciseClaim("A+1c", ("no-lost-cancel",), refuted=True), ExerciseClaim("A+1c", ("no-hang",))),
            "03_where_a_cancel_can_land",
        ),
        Exercise(
            6,
            "A user who goes away",
            "An asyncio program: one user waits for an answer no longer than a second. When he has gone, the worker "
            "fails, and the others wait for ever. Change `work`.",
            "time_limit.py",
            (ExerciseClaim(""),),
            "06_your_own_asyncio_agent",
        ),
        Exercise(
            7,
            "The assistant: two prompts",
            "The agent of the lesson works for one prompt. Make it right for two, and for three.",
            "assistant.py",
            (
                ExerciseClaim("A", (*_TOLD_ONCE, "one-turn", "nothing-lost")),
                ExerciseClaim("AA", _OF_THE_LESSON),
                ExerciseClaim("AAA", _OF_THE_LESSON),
            ),
        ),
        Exercise(
            8,
            "The assistant: a Cancel",
            "A Cancel may find the prompt neither active nor queued. No Cancel may be lost, and none may hit who comes "
            "later. Go on with your answer to exercise 7.",
            "assistant.py",
            (
                ExerciseClaim("A+1c", ("no-lost-cancel", "no-poisoned-prompt", "true-outcome")),
                ExerciseClaim("AA+1c", ("no-hang", "no-lost-cancel", "no-poisoned-prompt")),
            ),
        ),
        Exercise(
            9,
            "The assistant: an error",
            "When the model fails, the client is told that all is well. Go on with your answer to exercise 8.",
            "assistant.py",
            (ExerciseClaim("A+1e", ("true-outcome",)), ExerciseClaim("AA+1e", (*_OF_THE_LESSON, "true-outcome"))),
        ),
    )
}
