"""Footprints: which locations an operation touches and may write, in one scope, and to whom it can be seen to matter.

Two neighbouring operations of different threads whose footprints do not depend on each other can be exchanged: results,
shared data and what is enabled afterwards are the same. A location is a column of the shared data, with three
refinements. The store's column is two locations (whether there are messages; what is buffered). What can never change
in a scope is none: a budget that is empty, messages that are there from the start. And what is *seen* of a step touches
further locations, so that exchanging independent steps does not change what the ledger of :mod:`everyturn_model.lifecycle`
knows in the end: one for each prompt that an event names, written, so that what is seen of one prompt keeps its order;
and one that every visible step reads and the first and last steps of a Cancel, ClearQueue, Summarise or shutdown write.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

from everyturn.world import objects
from everyturn.world.access import Footprint
from everyturn.world.operations import Operation
from everyturn.world.world import Thread, World
from everyturn_model.events import Event

READS_ONLY: Final = frozenset(
    {
        "active.get",
        "queue.get",
        "closing.get",
        "reservations.count",
        "reservations.look",
        "mark.get",
        "contexts.done",
        "model.start",
        "titles.join",
        "threads.join_all",
        "broker.notify_error",
    }
)
"""Operations that change nothing, whatever the values are."""

MAKES_MESSAGES: Final = frozenset({"store.write_user", "store.create_assistant", "store.record_cancelled"})
BUFFERS: Final = frozenset({"store.finish_step", "store.finish_turn", "store.flush", "store.flush_under"})

_PROMPT: Final = re.compile(r"\bp\d+\b")


class Locations:
    """The locations of one world, as bits, and the footprints of its operations."""

    def __init__(self, world: World) -> None:
        self._scope = world.scope
        names = [name for name in objects.COLUMNS if name not in ("store", "budget")]
        names += ["messages", "buffered", "budget", "seen"]
        names += [thread.name for thread in world.threads if thread.kind in "AaIi"]
        self._bits = {name: 1 << place for place, name in enumerate(names)}
        self._columns = sum(self._bits[name] for name in names if name in (*objects.COLUMNS, "messages", "buffered"))

    def names(self, bits: int) -> frozenset[str]:
        """The locations that these bits stand for."""
        return frozenset(name for name, bit in self._bits.items() if bits & bit)

    def of(self, operation: Operation) -> Footprint:
        """The locations of an operation's columns."""
        name = str(operation)
        touched = written = 0
        for column in objects.columns(operation):
            location, writes = self._location(name, column)
            touched |= location
            if writes:
                written |= location
        return Footprint(touched, written)

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

    def _location(self, name: str, column: str) -> tuple[int, bool]:
        """The bits of one column for an operation, and whether it may write them."""
        if column == "store":
            return self._store(name)
        if column == "budget":
            budget = self._spends(name)
            return (self._bits["budget"], True) if budget else (0, False)
        writes = name not in READS_ONLY and not (column == "contexts" and name != "contexts.cancel")
        return self._bits[column], writes

    def _store(self, name: str) -> tuple[int, bool]:
        if name in BUFFERS:
            return self._bits["buffered"], True
        if self._scope.new_session and (name in MAKES_MESSAGES or name == "store.read"):
            return self._bits["messages"], name in MAKES_MESSAGES
        return 0, False

    def _spends(self, name: str) -> bool:
        """Whether the operation can use up anything of the world's unkindness in this scope."""
        scope = self._scope
        if name == "model.end":
            return bool(scope.tools or scope.errors or scope.refusals or scope.nearly_full)
        if name == "broker.publish":
            return bool(scope.losses)
        if name == "broker.notify_error":
            return bool(scope.notices)
        return bool(scope.failures)
