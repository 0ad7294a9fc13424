"""What the world does around a dispatcher's code, where that code alone would show nothing of a call."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from everyturn.world.declarations import Declaration, Outcomes, Values
from everyturn.world.gate import Port
from everyturn.world.operations import CALLS


@Declaration("calls.accepted")
@Declaration("calls.returned")
def _nothing(values: Values, arguments: tuple[Any, ...], thread: str) -> Outcomes:
    return [(None, values)]


class CallsPort(Port):
    """What the world does around a dispatcher's code, where that code alone would show nothing of a call."""

    object = CALLS

    def accepted(self, prompt: str) -> Coroutine[Any, Any, None]:
        """A prompt was accepted, and nobody could notice it yet."""
        return self._made("accepted", prompt)

    def returned(self, thread: str) -> Coroutine[Any, Any, None]:
        """A call has returned, and nobody could notice anything of it."""
        return self._made("returned", thread)
