"""Footprints: which locations an operation touches and may write, in one scope, and to whom it can be seen to matter.

Two neighbouring operations of different threads whose footprints do not depend on each other can be exchanged: results,
shared data and what is enabled afterwards are the same. A location is a column of the shared data, with three
refinements. The store's column is two locations (whether there are messages; what is buffered). What can never change
in a scope is none: a budget that is empty, messages that are there from the start. And what is *seen* of a step touches
further locations, so that exchanging independent steps does not change what the ledger of
:mod:`everyturn_model.lifecycle` knows in the end: one for each prompt that an event names, written, so that what is
seen of one prompt keeps its order; and one that every visible step reads and the first and last steps of a Cancel,
ClearQueue, Summarise or shutdown write.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from everyturn.world import objects
from everyturn.world.access import Footprint
from everyturn.world.declarations import has_any
from everyturn.world.operations import Operation
from everyturn.world.scope import Scope
from everyturn.world.world import Thread, World
from everyturn_model.events import Event

_PROMPT: Final = re.compile(r"\bp\d+\b")


class Locations:
    """The locations of one world, as bits, and the footprints of its operations."""

    def __init__(self, world: World) -> None:
        self._scope = world.scope
        shared = [location for name, column in objects.BY_NAME.items() for location in _locations(name, column)]
        names = [*shared, "seen"]
        names += [thread.name for thread in world.threads if thread.kind in "AaIi"]
        self._bits = {name: 1 << place for place, name in enumerate(names)}
        self._columns = sum(self._bits[name] for name in shared if name != "budget")
        parted = [name for name, column in objects.BY_NAME.items() if column.parts is not None]
        self._fixed = frozenset([*parted, *(name for name in shared if not _varies(name, world.scope))])

    def names(self, bits: int) -> frozenset[str]:
        """The locations that these bits stand for."""
        return frozenset(name for name, bit in self._bits.items() if bits & bit)

    def of(self, operation: Operation) -> Footprint:
        """The locations of an operation."""
        known = objects.declared(operation)
        written = self._sum(known.changes)
        if has_any(self._scope, known.spends):
            written |= self._bits["budget"]
        return Footprint(self._sum(known.reads) | written, written)

    def seen(self, thread: Thread, events: tuple[Event, ...], *, edge: bool) -> Footprint:
        """The locations of what is seen of a step; ``edge``: it is the thread's first or last."""
        if edge and thread.kind in "cqsx":
            return Footprint(self._columns | self._bits["seen"], self._bits["seen"])
        if not events:
            return Footprint()
        prompts = 0
        for event in events:
            for each in fields(event):
                value = getattr(event, each.name)
                if isinstance(value, str):
                    prompts |= sum(self._bits.get(name, 0) for name in set(_PROMPT.findall(value)))
        return Footprint(prompts | self._bits["seen"], prompts)

    def _sum(self, locations: tuple[str, ...]) -> int:
        """The bits of those locations that can change in this scope; a column that has parts is none itself."""
        return sum(self._bits[name] for name in locations if name not in self._fixed)


def _locations(name: str, column: objects.Column) -> list[str]:
    return [name] if column.parts is None else [f"{name}.{part}" for part in column.parts]


def _varies(location: str, scope: Scope) -> bool:
    """Whether a location can change in a scope at all."""
    name, _, part = location.partition(".")
    parts = objects.BY_NAME[name].parts
    extras = () if parts is None else parts[part]
    return not extras or has_any(scope, extras)
