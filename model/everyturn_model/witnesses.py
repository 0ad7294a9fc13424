"""What keeps a proof honest: things that must be reachable, and claims that must be refuted.

A *witness* is shown by one event; if a proof reached none of its kind, it may have proved nothing. A *non-property* is
a plausible but wrong claim about dispatchers; a checker that cannot refute it cannot refute anything. Both are data.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

from everyturn_model.events import (
    CancelCalled,
    CancelledOnEntry,
    CancelReturned,
    Completed,
    Dropped,
    DropReason,
    ErrorNotified,
    Event,
    FailedBeforeTurn,
    Folded,
    MessageFailed,
    Queued,
    ReadFailed,
    Refused,
    StreamEnd,
    StreamEnded,
    StreamStarted,
    Submitted,
    SummaryStreamEnded,
    SummaryStreamStarted,
    TurnReleased,
    TurnStarted,
)


@dataclass(frozen=True, slots=True)
class Witness:
    """Something that must be reachable: ``shows`` says whether an event is an instance of it."""

    name: str
    sentence: str
    shows: Callable[[Event], bool]


def _stream_ends(how: StreamEnd) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StreamEnded) and event.how is how


def _drops(reason: DropReason) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, Dropped) and event.reason is reason


WITNESSES: Final[tuple[Witness, ...]] = (
    Witness("queued", "A prompt waits in the queue.", lambda event: isinstance(event, Queued)),
    Witness("fold", "A queued prompt is folded into a running turn.", lambda event: isinstance(event, Folded)),
    Witness(
        "hand-off",
        "A prompt's turn is run by another thread than the one that submitted it.",
        lambda event: isinstance(event, TurnStarted) and event.thread != event.prompt,
    ),
    Witness("drop", "A prompt that a Cancel covers is dropped from the queue.", _drops(DropReason.COVERED)),
    Witness("clear", "A queued prompt is cleared.", _drops(DropReason.CLEARED)),
    Witness(
        "cancel-on-entry",
        "An accepted prompt is cancelled before it could start.",
        lambda event: isinstance(event, CancelledOnEntry),
    ),
    Witness("finished-turn", "A turn finishes.", _stream_ends(StreamEnd.FINISHED)),
    Witness("failed-turn", "A turn fails by an error of the provider.", _stream_ends(StreamEnd.ERROR)),
    Witness("cancelled-turn", "A turn is cancelled while it streams.", _stream_ends(StreamEnd.CANCELLED)),
    Witness("tool-round", "A turn has more than one step.", _stream_ends(StreamEnd.TOOL)),
    Witness(
        "completion",
        "A waiter is told of the end of its prompt.",
        lambda event: isinstance(event, Completed) and event.delivered and event.run_id and not event.lost,
    ),
    Witness("error-notice", "An error is notified.", lambda event: isinstance(event, ErrorNotified)),
    Witness(
        "summary",
        "A user's summary is finished.",
        lambda event: isinstance(event, SummaryStreamEnded) and event.how is StreamEnd.FINISHED,
    ),
    Witness(
        "turn-summary",
        "A turn is summarised from within.",
        lambda event: isinstance(event, SummaryStreamStarted) and event.turn is not None,
    ),
    Witness(
        "store-failure",
        "The store fails a prompt before or in its turn.",
        lambda event: isinstance(event, FailedBeforeTurn | ReadFailed | MessageFailed),
    ),
    Witness("refusal", "A closing workspace refuses a prompt.", lambda event: isinstance(event, Refused)),
)
"""The witnesses. Which of them a scope can show depends on the scope."""


# claims that are false --------------------------------------------------------------------------------------------

REFUTED: Final = "refuted"
"""The memory of a non-property that has been refuted."""


@dataclass(frozen=True, slots=True)
class NonProperty:
    """A false claim: ``step(memory, event)`` is the next memory, or :data:`REFUTED`; ``start`` is the first memory."""

    name: str
    sentence: str
    step: Callable[[Any, Event], Hashable]
    start: Hashable = None


def _refuted_by(shows: Callable[[Event], bool]) -> Callable[[Any, Event], Hashable]:
    return lambda memory, event: REFUTED if shows(event) else memory


_ENDED: Final = (StreamEnd.FINISHED, StreamEnd.ERROR, StreamEnd.CANCELLED)


def _alone(live: frozenset[str], event: Event) -> Hashable:
    """Memory: the prompts that were submitted and not told yet."""
    match event:
        case Submitted(prompt=prompt):
            return REFUTED if live else live | {prompt}
        case Completed(prompt=prompt) | Folded(prompt=prompt) | Dropped(prompt=prompt):
            return live - {prompt}
    return live


def _cancel_ends_all(streaming: tuple[frozenset[str], frozenset[str]], event: Event) -> Hashable:
    """Memory: the turns that stream, and those of them that a Cancel met."""
    running, met = streaming
    match event:
        case StreamStarted(turn=turn):
            return (running | {turn}, met)
        case CancelCalled():
            return (running, met | running)
        case StreamEnded(turn=turn, how=how):
            if turn in met and how is StreamEnd.FINISHED:
                return REFUTED
            return (running - {turn}, met - {turn})
    return streaming


def _released_before_told(active: frozenset[str], event: Event) -> Hashable:
    """Memory: the turns that are active, with their prompts."""
    match event:
        case TurnStarted(turn=turn, prompt=prompt):
            return active | {f"{turn} of {prompt}"}
        case TurnReleased(turn=turn):
            return frozenset(each for each in active if not each.startswith(f"{turn} of "))
        case Completed(prompt=prompt) if any(each.endswith(f" of {prompt}") for each in active):
            return REFUTED
    return active


def _first_come(waiting: tuple[str, ...], event: Event) -> Hashable:
    """Memory: the prompts that were submitted and have not begun, in order."""
    match event:
        case Submitted(prompt=prompt):
            return (*waiting, prompt)
        case TurnStarted(prompt=prompt) if prompt in waiting and prompt != waiting[0]:
            return REFUTED
        case TurnStarted(prompt=prompt) | Folded(prompt=prompt) | Dropped(prompt=prompt):
            return tuple(each for each in waiting if each != prompt)
        case CancelledOnEntry(prompt=prompt) | FailedBeforeTurn(prompt=prompt):
            return tuple(each for each in waiting if each != prompt)
    return waiting


def _cancel_stops_the_world(state: frozenset[str], event: Event) -> Hashable:
    """Memory: the Cancels that are under way."""
    match event:
        case CancelCalled(operation=operation):
            return state | {operation}
        case CancelReturned(operation=operation):
            return state - {operation}
        case Submitted() if state:
            return REFUTED
    return state


NON_PROPERTIES: Final[tuple[NonProperty, ...]] = (
    NonProperty(
        "nobody-is-folded",
        "No prompt is ever folded into another one's turn.",
        _refuted_by(lambda event: isinstance(event, Folded)),
    ),
    NonProperty(
        "nobody-waits",
        "No prompt ever waits in the queue.",
        _refuted_by(lambda event: isinstance(event, Queued)),
    ),
    NonProperty(
        "everybody-finishes",
        "Every turn finishes.",
        _refuted_by(
            lambda event: isinstance(event, StreamEnded) and event.how in _ENDED and event.how is not StreamEnd.FINISHED
        ),
    ),
    NonProperty(
        "everybody-starts",
        "Every prompt gets a turn of its own.",
        _refuted_by(lambda event: isinstance(event, Dropped | CancelledOnEntry | Folded)),
    ),
    NonProperty(
        "cancel-ends-all",
        "A turn that streams when a Cancel is called does not finish any more.",
        _cancel_ends_all,
        (frozenset(), frozenset()),
    ),
    NonProperty(
        "cancel-stops-the-world",
        "Nobody submits anything while a Cancel is under way.",
        _cancel_stops_the_world,
        frozenset(),
    ),
    NonProperty("one-at-a-time", "Two prompts never live at once.", _alone, frozenset()),
    NonProperty(
        "idle-before-told",
        "A completion is published only when the session is idle again.",
        _released_before_told,
        frozenset(),
    ),
    NonProperty("first-come", "Prompts begin in the order in which they were submitted.", _first_come, ()),
)
"""The claims that exploration must refute."""
