"""What an agent keeps outside of its frames, where no identity sees it, and whether a resumption changed it.

Two local states are one if their frames are equal. That is true only as long as the agent remembers nothing elsewhere:
neither in what is reachable from it, nor in its classes, nor in the globals that its code reads.
"""

from __future__ import annotations

from everyturn.errors import HiddenState
from everyturn.identity.encoder import Encoder
from everyturn.identity.memory import Changed, Memory, OpaqueMemory
from everyturn.world.entering import shown


class AgentMemory:
    """The memory of one agent, as it is when its constructor has run; ``values`` knows what is nobody's business."""

    def __init__(self, agent: object, values: Encoder) -> None:
        try:
            self._memory = Memory([("agent", agent)], values)
        except OpaqueMemory as error:
            raise HiddenState(
                f"{error.path}: expected what can be looked into, as it must not change while threads wait; found a "
                f"{error.kind.__qualname__}; keep it behind a port or an object of the agent's own, see "
                f"docs/your_own_agent.md"
            ) from None

    def begin(self) -> None:
        """Code of the agent is about to run."""
        self._memory.begin()

    def check(self, where: object) -> None:
        """Raise :class:`HiddenState` if something has changed since last time, or the interpreter's settings since
        :meth:`begin`, by code that went on at ``where``."""
        try:
            self._memory.check()
        except Changed as error:
            raise HiddenState(
                f"{where}: {error.path} is changed from here to the next await, and is then {shown(error.value, 100)}: "
                f"expected "
                "nothing outside of local variables to change; what threads share belongs into an object of the "
                "agent's own, "
                "see docs/your_own_agent.md"
            ) from None
