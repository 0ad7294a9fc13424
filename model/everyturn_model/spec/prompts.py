"""What the specification remembers of one prompt.

Facts that can no longer matter are forgotten (:meth:`Prompt.tidy`), so that many histories lead to the same state.

*Reach.* A Cancel is no single instant: a dispatcher cancels the active turn, covers what is accepted and clears the
queue one after another, while other threads go on. So whether a Cancel has reached a prompt has three answers:
``FREE``, no Cancel overlapped its life so far; ``EXPOSED``, one did, and may have reached it or not; ``DOOMED``, one
surely did, because the prompt was there when the Cancel was called and the Cancel has taken effect, or because the
prompt shows it. A guard that needs a cancelled prompt is content with ``EXPOSED``; a guard that forbids one forbids
only ``DOOMED``. So one state stands for every instant at which a Cancel may take effect, and nothing has to be guessed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from everyturn_model.events import Outcome
from everyturn_model.lifecycle import Fate, Phase


class Reach(IntEnum):
    """Whether a Cancel (or a ClearQueue) has reached a prompt."""

    FREE = 0
    EXPOSED = 1
    DOOMED = 2


class Told(IntEnum):
    """Whether a completion went to the broker, and whether it arrived."""

    UNTOLD = 0
    LOST = 1
    REACHED = 2


class Retry(IntEnum):
    """The one retry of a prompt after an unauthorised error."""

    NONE = 0
    OFFERED = 1
    SPENT = 2


class Written(IntEnum):
    """Whether the prompt's user message is stored. A continuation may write its reworded message besides."""

    NO = 0
    YES = 1
    YES_AND_MORE_MAY = 2


class Prompt(NamedTuple):
    """One prompt.

    ``cancel`` and ``clear``: whether a Cancel or a ClearQueue has reached it. ``outcome``: how it ended, none while it
    goes on (then ``LEFT`` means that a continuation is to come).

    ``queued``: it was in the queue; ``ahead``: the prompts with run id that had entered the queue before it and have
    neither started nor ended. ``excused``: its message need not be there, because the write failed or the turn was
    cancelled before. ``turn`` and ``thread``: the latest turn and who runs it; ``full``: that turn stopped to be
    summarised; ``made``: the messages of its turns; ``unstored``: the one whose final state is not stored.

    ``held``: the thread whose hook keeps its completion; ``passed``: the thread that began another turn while it owed
    that completion. ``notified``: an error notice, or its own return, told its error.
    """

    name: str
    run_id: bool = False
    accepted: bool = False
    phase: Phase = Phase.NEW
    fate: Fate | None = None
    outcome: Outcome | None = None
    cancel: Reach = Reach.FREE
    clear: Reach = Reach.FREE
    queued: bool = False
    ahead: frozenset[str] = frozenset()
    written: Written = Written.NO
    excused: bool = False
    turn: str | None = None
    thread: str | None = None
    retry: Retry = Retry.NONE
    full: bool = False
    made: frozenset[str] = frozenset()
    unstored: str | None = None
    held: str | None = None
    passed: str | None = None
    told: Told = Told.UNTOLD
    notified: bool = False
    returned: bool = False

    @property
    def unfinished(self) -> bool:
        """Whether a turn, a continuation, a retry or the end of a summary is to come."""
        if self.phase in (Phase.NEW, Phase.REFUSED):
            return False
        return self.outcome is None or self.retry is Retry.OFFERED or self.full

    @property
    def waiting(self) -> bool:
        """Whether it is in the queue, or in the hands of whoever took it out, and has not begun."""
        return self.phase in (Phase.QUEUED, Phase.TAKEN) and self.turn is None

    @property
    def may_return(self) -> bool:
        """Whether a prompt whose turn was left may get another: a continuation is to come, or a retry is offered."""
        return self.phase is Phase.LEFT and (self.outcome is None or self.retry is Retry.OFFERED)

    @property
    def owed(self) -> bool:
        """Whether it has ended and somebody still waits for its completion."""
        return self.run_id and self.outcome is not None and self.told is Told.UNTOLD

    def again(self) -> Prompt:
        """The prompt as it comes back for a continuation or a retry."""
        if self.phase is not Phase.LEFT:
            return self
        spent = Retry.SPENT if self.outcome is not None else self.retry
        return self._replace(outcome=None, retry=spent, full=False)

    def reached(self, evidence: bool = True) -> Prompt:
        """The prompt after it showed that a Cancel reached it."""
        return self._replace(cancel=Reach.DOOMED) if evidence else self

    def tidy(self) -> Prompt:
        """The same prompt without what can no longer matter."""
        if self.unfinished:
            return self
        owed = self.owed
        over = self.returned or self.queued or self.retry is not Retry.NONE
        return self._replace(
            cancel=Reach.FREE,
            clear=Reach.FREE,
            thread=self.thread if owed or not over else None,
            held=self.held if owed else None,
            passed=self.passed if owed else None,
            made=self.made if self.told is Told.UNTOLD or not self.run_id else frozenset(),
            unstored=self.unstored if self.told is Told.UNTOLD else None,
            notified=self.notified and self.told is not Told.REACHED,
            written=Written.YES if self.written else self.written,
            excused=self.excused and not self.written,
        )
