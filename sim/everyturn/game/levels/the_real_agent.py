"""The dispatcher of a real agent, after its fix."""

from everyturn.game.level import Level, Term
from everyturn.game.threads import OnThreads
from everyturn_impl.agent import SessionAgent
from everyturn_model.invariants.no_hang import NO_HANG

LEVEL = Level(
    name="the-real-agent",
    title="The real agent",
    goal="Make a client wait for ever.",
    story="""This is no toy: it is the dispatcher of a real agent after the fix, with its messages, steps and
        completions, and you see the part in which a prompt comes in. A step may be a whole line: the button with
        the two arrows.""",
    terms=(
        Term("dispatcher", "The part of an agent that decides which prompt becomes a turn, waits, or is cancelled."),
        Term("state space", "Everything that a program can be in, in whatever order its threads run."),
    ),
    hints=(
        "Two prompts may come in at any moment. Is there one at which both find somebody else responsible?",
        "You may try for a long time. The tool has tried everything.",
    ),
    moral="""With two prompts and nothing that fails, nobody hangs: every state was looked at. That says nothing
        about three prompts, an error of the model or a Cancel; ask the tool about `AA+1e`, and somebody hangs
        again.""",
    program=OnThreads("d4-independent", "AA", NO_HANG.name, "mutex active queue", part=SessionAgent.run_accepted),
)
