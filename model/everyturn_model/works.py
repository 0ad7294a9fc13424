"""Which turns and summaries are under way: what the monitors of turns and of Cancels both have to know."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from everyturn_model.events import (
    Event,
    StreamEnded,
    StreamStarted,
    SummaryReleased,
    SummaryStarted,
    SummaryStreamEnded,
    SummaryStreamStarted,
    TurnReleased,
    TurnStarted,
)


@dataclass(frozen=True, slots=True)
class Works:
    """``entered``: those whose entry was set and not deleted on their own behalf; ``streaming``: those whose stream
    runs.

    One is under way as long as it is either: whoever deletes the entry of a turn does not end its stream.
    """

    entered: frozenset[str] = frozenset()
    streaming: frozenset[str] = frozenset()

    def after(self, event: Event) -> Works:
        """The works after an event of :data:`SEEN`."""
        match event:
            case TurnStarted(turn=name):
                return replace(self, entered=self.entered | {name})
            case SummaryStarted(summary=name):
                return replace(self, entered=self.entered | {name})
            case StreamStarted(turn=name):
                return replace(self, streaming=self.streaming | {name})
            case SummaryStreamStarted(summary=name):
                return replace(self, streaming=self.streaming | {name})
            case StreamEnded(turn=name) | SummaryStreamEnded(summary=name):
                return replace(self, streaming=self.streaming - {name})
            case TurnReleased(turn=name) | SummaryReleased(summary=name):
                return replace(self, entered=self.entered - {name})
        return self

    @property
    def under_way(self) -> frozenset[str]:
        """The names of all that are under way."""
        return self.entered | self.streaming

    def beside(self, event: Event) -> frozenset[str]:
        """Before an event that begins a turn, a summary or a stream of one: what is under way that may not be beside
        it.

        That is everything but itself, the turn that a summary is made within, and a turn's own summary while the turn
        goes on.
        """
        match event:
            case TurnStarted():
                return self.under_way
            case SummaryStarted(turn=turn):
                return self.under_way - {turn}
            case StreamStarted(turn=name) if name not in self.under_way:
                return self.under_way
            case SummaryStreamStarted(summary=name, turn=turn) if name not in self.under_way:
                return self.under_way - {turn}
        return frozenset()


NO_WORKS: Final = Works()
"""Nothing is under way."""

BEGINS: Final = (TurnStarted, SummaryStarted, StreamStarted, SummaryStreamStarted)
"""The events with which a turn, a summary, or a stream of one begins."""

SEEN: Final[tuple[type[Event], ...]] = (
    *BEGINS,
    StreamEnded,
    SummaryStreamEnded,
    TurnReleased,
    SummaryReleased,
)
"""The events that tell which are under way."""
