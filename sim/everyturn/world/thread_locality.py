"""What only its own thread touches, and a check that it is so.

An operation that no other thread can notice is no scheduling point (docs/semantics.md, 2). For hooks, callers'
contexts, the closing flag and the count of threads this holds of the agent under study. Another dispatcher may use them
otherwise: then leaving these points out would leave out behaviour, and it has to say so.
"""

from __future__ import annotations

from everyturn.errors import AgentFault
from everyturn.world import objects
from everyturn.world.declarations import EntryPath
from everyturn.world.operations import Operation

Location = tuple[str, EntryPath]


class ThreadLocality:
    """Who touched what, of the objects that may be private."""

    def __init__(self) -> None:
        self._touched: dict[Location, set[tuple[str, bool, bool]]] = {}

    def check(self, thread: str, operation: Operation, *, point: bool) -> None:
        """Raise :class:`AgentFault` if a location is touched by two threads, changed by one, and not always at a
        point."""
        known = objects.declared(operation)
        if known.entries is None:
            return
        reads = not known.changes
        for entry in known.entries(operation.arguments):
            location = (known.columns[0], entry)
            touched = self._touched.setdefault(location, set())
            touched.add((thread, reads, point))
            for other, read, at_point in touched:
                commute = reads == read and (reads or known.commutes)
                if other != thread and not commute and not (point and at_point):
                    raise AgentFault(
                        f"{operation}: expected {operation.object} that one thread keeps to itself, found {other} and "
                        f"{thread} at the same; if they share it, add {operation.object!r} to the tuple `shares` of "
                        f"the "
                        "dispatcher's class, so that others may run before each access"
                    )
