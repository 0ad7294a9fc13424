"""What a session promises its users, as data: what a Cancel does, and what becomes of a prompt that finds it busy.

An invariant that rests on a promise which is not made says *not promised* and is not judged. Promises of less than
everything change what is judged: a session whose Cancel ends the turn and spares the queue may run what was queued.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

CANCELS: Final = {
    "nothing": "a Cancel may do anything or nothing",
    "turn": "a Cancel ends what is active, and spares the queue",
    "turn and queue": "a Cancel ends what is active and drops what is queued",
    "turn, queue and accepted": "a Cancel also covers prompts that are accepted and on their way to the queue or to a "
    "turn",
}
"""What a Cancel can promise, the least first."""

BUSY: Final = {
    "queue": "a prompt that finds the session busy waits, and those with run id start in the order of their queueing",
    "refuse": "a prompt that finds the session busy may be refused",
}
"""What can become of a prompt that finds the session busy."""

FOLDS: Final = {
    True: "a prompt for which nobody waits may be folded into the running turn",
    False: "every prompt gets a turn of its own",
}
"""Whether prompts are folded. Nobody with run id ever may be, whatever is promised."""


@dataclass(frozen=True, slots=True)
class Promises:
    """What a class names in ``promises``: one of :data:`CANCELS` and :data:`BUSY`, and whether it ``folds``.

    By default everything, as the revisions do. Raises :class:`ValueError` for other words.
    """

    cancel: str = "turn, queue and accepted"
    busy: str = "queue"
    folds: bool = True

    def __post_init__(self) -> None:
        for name, words in (("cancel", CANCELS), ("busy", BUSY), ("folds", FOLDS)):
            value = getattr(self, name)
            if value not in words:
                raise ValueError(f"{name}={value!r}: expected one of {', '.join(map(repr, words))}")


@dataclass(frozen=True, slots=True)
class RestsOn:
    """What an invariant rests on: it is not promised by a session whose ``promise`` (a field of :class:`Promises`) is
    ``without``.

    ``reason`` is the sentence that says so.
    """

    promise: str
    without: str | bool
    reason: str

    def missing(self, promises: Promises) -> str | None:
        """The reason, of a session that does not promise it; else none."""
        return self.reason if getattr(promises, self.promise) == self.without else None


ALL: Final = Promises()
"""What the revisions promise, and every session that names nothing else."""
