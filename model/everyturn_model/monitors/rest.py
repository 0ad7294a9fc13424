"""What must hold when nothing can move any more: no hang, nothing lost, clean rest, no deadlock."""

from __future__ import annotations

from typing import Final

from everyturn_model.events import Event, Outcome, Rest
from everyturn_model.lifecycle import Fate, Ledger
from everyturn_model.monitor import Invariant, Kind, Needs, Violated

# no hang -----------------------------------------------------------------------------------------------------------


def no_hang(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest, everybody who waits was told."""
    if not isinstance(event, Rest):
        return state
    waiting = [life for life in ledger if life.run_id and Fate.REFUSED not in life.fates]
    hanging = [life.prompt for life in waiting if not (life.reached or life.notified)]
    if hanging:
        first, *others = hanging
        besides = f"; nor was that of {', '.join(others)}" if others else ""
        return Violated(f"{first} has a run id, nothing can move any more, and its waiter was never told{besides}")
    return state


NO_HANG: Final = Invariant(
    "no-hang",
    "Every submitted prompt with run id that was not refused is told of its end.",
    Kind.AT_REST,
    no_hang,
    needs=Needs(run_ids=1),
    sees=(Rest,),
)


# nothing lost ------------------------------------------------------------------------------------------------------


_WRITES: Final = frozenset({Fate.STARTED, Fate.FOLDED, Fate.CANCELLED_ON_ENTRY})


def nothing_lost(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest, every prompt has one fate, and its message is stored once where the fate asks for it."""
    if not isinstance(event, Rest):
        return state
    for life in ledger:
        if Fate.REFUSED in life.fates:
            continue
        if not life.fates:
            return Violated(f"{life.prompt} was accepted, and nothing became of it")
        if len(life.fates) > 1:
            return Violated(f"{life.prompt} has more than one fate: {', '.join(sorted(life.fates))}")
        if life.fates & _WRITES:
            spared = life.excused or ledger.ending(life) is Outcome.CANCELLED
            if life.written > 1:
                return Violated(f"the user message of {life.prompt} is stored more than once")
            if life.written < 1 and not spared:
                return Violated(f"the user message of {life.prompt} ({', '.join(life.fates)}) is not stored")
    return state


NOTHING_LOST: Final = Invariant(
    "nothing-lost",
    "Every prompt that was not refused has exactly one fate, and its message is stored once.",
    Kind.AT_REST,
    nothing_lost,
    sees=(Rest,),
)


# clean rest --------------------------------------------------------------------------------------------------------


def clean_rest(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest nothing is left over."""
    if not isinstance(event, Rest):
        return state
    shared = event.shared
    left = [
        text
        for wrong, text in (
            (shared.active is not None, f"{shared.active} is still active"),
            (bool(shared.queue), f"{', '.join(shared.queue)} still queued"),
            (shared.reservations > 0, f"{shared.reservations} reservation(s) open"),
            (shared.mark > 0, f"a cancel mark of {shared.mark}"),
            (shared.mutex is not None, f"the dispatch mutex held by {shared.mutex}"),
        )
        if wrong
    ]
    return Violated(f"nothing can move any more, and left over: {'; '.join(left)}") if left else state


CLEAN_REST: Final = Invariant(
    "clean-rest",
    "When nothing can move, nothing is active, queued, reserved, marked or held.",
    Kind.AT_REST,
    clean_rest,
    sees=(Rest,),
)


# no deadlock -------------------------------------------------------------------------------------------------------


def no_deadlock(state: None, event: Event, ledger: Ledger) -> Violated | None:
    """At rest no thread waits."""
    if isinstance(event, Rest) and event.blocked:
        return Violated(f"nothing can move any more, and {', '.join(event.blocked)} still wait(s)")
    return state


NO_DEADLOCK: Final = Invariant("no-deadlock", "No thread waits for ever.", Kind.AT_REST, no_deadlock, sees=(Rest,))
