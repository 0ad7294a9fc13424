"""Steps that commute with whatever other threads may do before them, so that nothing is lost if they are taken at once.

One thread before such a step is a persistent set: see Godefroid, Partial-Order Methods for the Verification of
Concurrent Systems (LNCS 1032, 1996), chapter 4. The rules are for the worlds of recordings: without shutdown, new
sessions and full buffers; where stores fail by themselves, only how often is shared, and that is not changed by another
order.
"""

from __future__ import annotations

from everyturn.engines.coroutines.transitions import FIRST_THREAD, Row, Transitions
from everyturn.logs.stored_messages import CREATES, Messages
from everyturn.world import objects
from everyturn.world.declarations import Concerns
from everyturn.world.operations import Operation


class Independence:
    """Finds such steps in the rows of one world, with the ``messages`` of the log that it is matched against."""

    def __init__(self, transitions: Transitions, messages: Messages) -> None:
        self._locals = transitions.locals
        self._messages = messages
        self._names = [thread.name for thread in transitions.world.threads]
        self._cancels = [index for index, thread in enumerate(transitions.world.threads) if thread.kind == "c"]
        self._kinds: dict[int, Concerns] = {}

    def alone(self, row: Row, created: int) -> int | None:
        """The first thread before such a step, if there is one; ``created`` messages are in the store."""
        quiet = all(self._locals[row[FIRST_THREAD + thread]].operation is None for thread in self._cancels)
        for thread, name in enumerate(self._names):
            local = row[FIRST_THREAD + thread]
            kind = self._kinds.get(local)
            if kind is None:
                kind = self._kinds[local] = _kind(self._locals[local].operation)
            if kind is Concerns.NOBODY or (kind is Concerns.CANCELS and quiet):
                operation = self._locals[local].operation
                assert operation is not None
                if str(operation) not in CREATES or self._messages.next_is(operation, name, created):
                    return thread
        return None


def _kind(operation: Operation | None) -> Concerns:
    """Whom a step concerns: with all others it commutes."""
    if operation is None:
        return Concerns.OTHERS
    return objects.declared(operation).concerned(operation.arguments)
