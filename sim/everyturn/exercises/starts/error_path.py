"""Exercise 4: who is queued behind a turn that fails gets his turn.

`take_turn` runs a turn that has been entered already, and raises an AgentError if it fails. What you may need: `leave`,
`hand_off` and `run` of the class above, in impl/everyturn_impl/agent.py.
"""

from everyturn import Call, Context, revisions


class Mine(revisions.Independent):
    """The agent after its first fix, with your change."""

    async def take_turn(self, call: Call, caller: Context, turn: Context) -> None:
        """The steps of the turn, its completion, and the hand-off to the next queued call."""
        await super().take_turn(call, caller, turn)
