"""Judges of what is left when nothing can move any more: no-hang, nothing-lost, clean-rest."""

from __future__ import annotations

from tests.sim.referee.ledger import Ledger, Life

from everyturn.formats.crush_lines import CancelReturn, ClearReturn, CrushEvent, EndLine, StoreFailed
from everyturn_model.invariants.clean_rest import CLEAN_REST
from everyturn_model.invariants.no_hang import NO_HANG
from everyturn_model.invariants.nothing_lost import NOTHING_LOST


class NoHang:
    """At rest, a submitted prompt with run id was neither told nor notified, nor has a local caller its own error."""

    name = NO_HANG.name

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        if not isinstance(event, EndLine):
            return None
        waiting = [life.prompt for life in ledger.lives.values() if life.waits and life.submitted and not _told(life)]
        if waiting:
            return f"nothing can move any more, and nobody has told the waiter of {', '.join(waiting)}"
        return None


def _told(life: Life) -> bool:
    return bool(life.told) or life.notified or (life.failed and not life.accepted)


class CleanRest:
    """At rest, the session is busy, or a queued call, an open reservation or a mark is left. No mutex is seen."""

    name = CLEAN_REST.name

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        if not isinstance(event, EndLine):
            return None
        left = [
            text
            for wrong, text in (
                (event.busy, "an active entry"),
                (bool(event.queued), f"{', '.join(event.queued)} in the queue"),
                (event.accepted > 0, f"open reservations: {event.accepted}"),
                (event.mark > 0, f"a cancel mark of {event.mark}"),
            )
            if wrong
        ]
        return f"nothing can move any more, and left over: {'; '.join(left)}" if left else None


class NothingLost:
    """At rest, a prompt has no fate, or two, or its user message is not stored exactly once.

    A prompt without any trace may have been dropped by a Cancel or ClearQueue that came after its submission began, or
    been lost with a failed fold. Neither is logged in every revision: such a prompt is ``undecided``.
    """

    name = NOTHING_LOST.name

    def __init__(self) -> None:
        self._took_silently = -1
        self.undecided: str | None = None

    def see(self, event: CrushEvent, ledger: Ledger) -> str | None:
        """Judge one line."""
        match event:
            case CancelReturn() | ClearReturn() | StoreFailed(by="fold"):
                self._took_silently = event.seq
            case EndLine():
                for life in ledger.lives.values():
                    wrong = self._judge(life, event) if life.submitted else None
                    if wrong is not None:
                        return wrong
        return None

    def _judge(self, life: Life, end: EndLine) -> str | None:
        fates = sorted(life.fates)
        stored = end.store.count(f"u:{life.prompt}")
        if len(fates) > 1:
            return f"{life.prompt} has more than one fate: {', '.join(fates)}"
        if stored > 1 or life.written > 1:
            return f"the user message of {life.prompt} was stored {max(stored, life.written)} times"
        if life.prompt in end.queued:
            return f"nothing can move any more, and {life.prompt} is still in the queue"
        if not fates:
            if (life.called or 0) > self._took_silently:
                return f"{life.prompt} was submitted, and nothing became of it"
            self.undecided = f"{life.prompt} left no trace: whether it was dropped or lost cannot be seen"
            return None
        spared = life.write_failed or life.ended_cancelled or fates[0] in ("dropped", "failed before its turn")
        if not stored and (life.written or not spared):
            return f"the user message of {life.prompt} ({fates[0]}) is not stored"
        return None
