"""What only its own thread touches, and a check that it is so.

An operation that no other thread can notice is no scheduling point (docs/semantics.md, 2). For hooks, callers' contexts,
the closing flag and the count of threads this holds of the agent under study. Another dispatcher may use them otherwise:
then leaving these points out would leave out behaviour, and it has to say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from everyturn.errors import AgentFault
from everyturn.world.operations import Operation

_USAGE: Final = ("store.read_usage", "store.save_usage")
_READS: Final = frozenset({"closing.get", "contexts.done", "threads.join_all", *_USAGE})
_OBJECTS: Final = frozenset({"hooks", "contexts", "closing", "threads"})

Location = tuple[str, tuple[str, ...]]


class Privacy:
    """Who touched what, of the objects that may be private."""

    def __init__(self) -> None:
        self._touched: dict[Location, set[tuple[str, bool, bool]]] = {}

    def check(self, thread: str, operation: Operation, *, point: bool) -> None:
        """Raise :class:`AgentFault` if a location is touched by two threads, changed by one, and not always at a point."""
        if operation.object not in _OBJECTS and str(operation) not in _USAGE:
            return
        reads = str(operation) in _READS
        for location in _locations(operation):
            touched = self._touched.setdefault(location, set())
            touched.add((thread, reads, point))
            for other, read, at_point in touched:
                commute = reads == read and (reads or operation.object != "hooks")
                if other != thread and not commute and not (point and at_point):
                    raise AgentFault(
                        f"{operation}: expected {operation.object} that one thread keeps to itself, found {other} and "
                        f"{thread} at the same; if they share it, add {operation.object!r} to the tuple `shares` of the "
                        "dispatcher's class, so that others may run before each access"
                    )


def _locations(operation: Operation) -> Iterator[Location]:
    """What an operation touches. A context is done when it or one above it is cancelled."""
    match str(operation):
        case "hooks.keep" | "hooks.take":
            yield "hooks", (operation.arguments[0],)
        case "contexts.done" | "store.read_usage" | "store.save_usage":
            path = operation.arguments[0].path
            for length in range(len(path) + 1):
                yield "contexts", path[:length]
        case "contexts.cancel":
            yield "contexts", operation.arguments[0].path
        case "closing.get" | "closing.set" | "threads.end" | "threads.join_all":
            yield operation.object, ()
