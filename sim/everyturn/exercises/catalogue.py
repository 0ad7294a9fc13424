"""The exercises, by their numbers."""

from __future__ import annotations

from typing import Final

from everyturn.exercises.exercise import Exercise, ExerciseClaim
from everyturn_model.invariants import MISSION
from everyturn_model.invariants.clean_rest import CLEAN_REST
from everyturn_model.invariants.in_order import IN_ORDER
from everyturn_model.invariants.no_double_emit import NO_DOUBLE_EMIT
from everyturn_model.invariants.no_hang import NO_HANG
from everyturn_model.invariants.no_lost_cancel import NO_LOST_CANCEL
from everyturn_model.invariants.no_poisoned_prompt import NO_POISONED_PROMPT
from everyturn_model.invariants.nothing_lost import NOTHING_LOST
from everyturn_model.invariants.one_turn import ONE_TURN
from everyturn_model.invariants.state_before_notice import STATE_BEFORE_NOTICE
from everyturn_model.invariants.true_outcome import TRUE_OUTCOME

_TOLD_ONCE: Final = (NO_HANG.name, NO_DOUBLE_EMIT.name)
_OF_THE_LESSON: Final = (
    NO_HANG.name,
    NO_DOUBLE_EMIT.name,
    ONE_TURN.name,
    NOTHING_LOST.name,
    IN_ORDER.name,
    CLEAN_REST.name,
)

EXERCISES: Final[dict[int, Exercise]] = {
    each.number: each
    for each in (
        Exercise(
            1,
            "The lost wake-up",
            "The worker goes to sleep just when somebody relies on it. Change `work` so that no client waits for ever.",
            "lost_wake_up.py",
            (ExerciseClaim("AA", _TOLD_ONCE), ExerciseClaim("AAA", _TOLD_ONCE)),
            "03_be_the_scheduler",
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
            "04_your_own_fix",
        ),
        Exercise(
            4,
            "The error path",
            "A turn that ends in an error leaves without looking at the queue. Override `take_turn` so that somebody "
            "who is queued behind it gets his turn.",
            "error_path.py",
            (ExerciseClaim("AA+1e", (NO_HANG.name,)), ExerciseClaim("AA", MISSION)),
            "02_a_waiter_that_hangs",
        ),
        Exercise(
            5,
            "Break it",
            "This agent loses no Cancel. Leave something out of one of its methods, so that it does, and still no "
            "client waits for ever.",
            "break_it.py",
            (ExerciseClaim("A+1c", (NO_LOST_CANCEL.name,), refuted=True), ExerciseClaim("A+1c", (NO_HANG.name,))),
            "06_where_a_cancel_can_land",
        ),
        Exercise(
            6,
            "A user who goes away",
            "An asyncio program: one user waits for an answer no longer than a second. When he has gone, the worker "
            "fails, and the others wait for ever. Change `work`.",
            "time_limit.py",
            (ExerciseClaim(""),),
            "11_your_own_asyncio_agent",
        ),
        Exercise(
            7,
            "The assistant: two prompts",
            "The agent of the lesson works for one prompt. Make it right for two, and for three.",
            "assistant.py",
            (
                ExerciseClaim("A", (*_TOLD_ONCE, ONE_TURN.name, NOTHING_LOST.name)),
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
                ExerciseClaim("A+1c", (NO_LOST_CANCEL.name, NO_POISONED_PROMPT.name, TRUE_OUTCOME.name)),
                ExerciseClaim("AA+1c", (NO_HANG.name, NO_LOST_CANCEL.name, NO_POISONED_PROMPT.name)),
            ),
        ),
        Exercise(
            9,
            "The assistant: an error",
            "When the model fails, the client is told that all is well. Go on with your answer to exercise 8.",
            "assistant.py",
            (ExerciseClaim("A+1e", (TRUE_OUTCOME.name,)), ExerciseClaim("AA+1e", (*_OF_THE_LESSON, TRUE_OUTCOME.name))),
        ),
        Exercise(
            10,
            "The truth",
            "A prompt is cancelled, the store fails on the way out, and the client is told that his prompt failed. "
            "Change `break_off` so that he is told how its turn ended.",
            "true_outcome.py",
            (
                ExerciseClaim("A+1c+1f", (TRUE_OUTCOME.name, NO_HANG.name)),
                ExerciseClaim("A+1e+1f", (TRUE_OUTCOME.name, NO_HANG.name)),
                ExerciseClaim("A+1c", (STATE_BEFORE_NOTICE.name, CLEAN_REST.name)),
                ExerciseClaim("AA", (*MISSION, TRUE_OUTCOME.name)),
            ),
            "01_a_prompt_and_its_life",
        ),
    )
}
