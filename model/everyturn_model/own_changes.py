"""What a Cancel itself changed of the shared data, however much others change meanwhile.

What is watched of a Cancel are its own thread's steps, and those of the dispatcher's own thread from where that takes
up something that the Cancel has changed: a letter, say, that asks it to cancel. Whatever else is written while a Cancel
is under way is the business of whoever writes it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

from everyturn_model.events import DataChanged, SharedData


class OwnChange(NamedTuple):
    """One part of the shared data as it was before the first change in a row, and as the last one left it."""

    part: str
    before: Any
    after: Any


class OwnChanges(NamedTuple):
    """The changes of one Cancel. ``handed``: what it has changed, for others to take up; ``helped``: who has."""

    operation: str
    changes: tuple[OwnChange, ...] = ()
    handed: frozenset[str] = frozenset()
    helped: frozenset[str] = frozenset()

    def after(self, event: DataChanged) -> OwnChanges:
        """The changes after a step, if it is the Cancel's, or made for it."""
        parts = tuple(_parts(event))
        touched = frozenset((*(part.part for part in parts), *(f"own {name}" for name in event.own)))
        own = event.thread == self.operation
        if not own and event.thread not in self.helped and not touched & self.handed:
            return self
        changes = {change.part: change for change in self.changes}
        for part in parts:
            joined = _joined(changes.pop(part.part, None), part)
            if joined is not None:
                changes[part.part] = joined
        return OwnChanges(
            self.operation,
            tuple(sorted(changes.values(), key=lambda change: change.part)),
            self.handed | touched if own else self.handed,
            self.helped if own else self.helped | {event.thread},
        )

    def left(self, shared: SharedData) -> tuple[str, ...]:
        """The parts of the shared data that it leaves otherwise than it found them."""
        return tuple(each.part for each in self.changes if getattr(shared, each.part) != each.before)


def _parts(event: DataChanged) -> tuple[OwnChange, ...]:
    changes = (
        OwnChange(each.name, getattr(event.before, each.name), getattr(event.after, each.name))
        for each in fields(SharedData)
    )
    return tuple(change for change in changes if change.before != change.after)


def _joined(earlier: OwnChange | None, change: OwnChange) -> OwnChange | None:
    """Two changes in a row as one, none if the second takes the first back. What others wrote between begins a new
    row."""
    if earlier is None or earlier.after != change.before:
        return change
    return None if earlier.before == change.after else OwnChange(change.part, earlier.before, change.after)
