"""Which of the messages in the store a step creates: a second order, besides that of the lines, that a log tells of.

At rest a recording lists all messages, in the order of their creation and with the reason for which each ended. Most
are created by hidden steps. How the message of a step ends is told by the end of its stream, so that each creation can
be compared with the next message of the list when it is made.
"""

from __future__ import annotations

from typing import Final

from everyturn.logs.transcript import SUMMARY, Transcript
from everyturn.world.operations import Operation

CREATES: Final = frozenset(
    {"store.write_user", "store.create_assistant", "store.record_cancelled", "store.create_summary"}
)
CANCELLED: Final = "a::canceled"
FAILED: Final = "a::error"
UNFINISHED: Final = "a::"
FOLLOWED: Final = "followed"


class Messages:
    """The messages that a transcript lists; none if it lists none or they are not ``compared``."""

    def __init__(self, transcript: Transcript, *, compared: bool = True) -> None:
        self.list = transcript.stored if compared else None
        self._ends: dict[tuple[str, str, int], list[str]] = {}
        for thread, told in transcript.lines if self.list is not None else ():
            said = dict(told.told)
            if told.ev == "stream_start" and (before := self._ends.get((thread, said["turn"], said["step"] - 1))):
                before[-1] = FOLLOWED
            elif told.ev == "stream_end":
                self._ends.setdefault((thread, said["turn"], said["step"]), []).append(said["how"])

    def after(self, operation: Operation, thread: str, created: int, *, failed: bool) -> tuple[int, ...]:
        """How many messages may be there after a step, if ``created`` are before it; none if it does not fit the list.

        A creation that fails may have been made all the same (``docs/divergences.md``).
        """
        if self.list is None or str(operation) not in CREATES:
            return (created,)
        following = self.list[created] if created < len(self.list) else None
        if failed:
            return (created, created + 1) if following == self._left(operation) else (created,)
        possible = self._possible(operation, thread)
        if not possible:
            return (created,)
        return (created + 1,) if following in possible else ()

    def next_is(self, operation: Operation, thread: str, created: int) -> bool:
        """Whether a step creates the next message of the list, and no other step can."""
        if self.list is None:
            return True
        if created == len(self.list) or self._possible(operation, thread) != (self.list[created],):
            return False
        return not self.list[created].startswith("a::")

    def _left(self, operation: Operation) -> str:
        """The message that a step may leave behind although it failed; an assistant's is never finished."""
        return f"u:{operation.arguments[1]}" if operation.method == "write_user" else UNFINISHED

    def _possible(self, operation: Operation, thread: str) -> tuple[str, ...]:
        """What the message that a step creates can be when all is over; nothing if it is deleted again."""
        match operation.method:
            case "write_user":
                return (f"u:{operation.arguments[1]}",)
            case "create_assistant":
                _, turn, number = operation.arguments
                return self._ended(thread, turn.prompt, number, f"a:answer:{turn.prompt}:end_turn")
            case "record_cancelled":
                return (CANCELLED,)
        if self._ends.get((thread, SUMMARY, 1), [FOLLOWED])[-1] == "cancelled":
            return ()
        return self._ended(thread, SUMMARY, 1, f"a:{SUMMARY}:end_turn")

    def _ended(self, thread: str, turn: str, step: int, finished: str) -> tuple[str, ...]:
        """What the message of a step can be; of one that a thread made twice, since a prompt had two turns, either."""
        ends = self._ends.get((thread, turn, step), [FOLLOWED])
        return tuple(dict.fromkeys(each for how in ends for each in _TOLD.get(how, (finished,))))


_TOLD: Final = {
    FOLLOWED: ("a::tool_use",),
    "tool": (CANCELLED, FAILED),
    "error": (FAILED,),
    "unauthorised": (FAILED,),
    "cancelled": (CANCELLED,),
}
"""The end of a step's stream → its message, where that has no text. A tool round that no further step follows was cut
off."""
