"""Tasks and futures whose order in sets is scripted, for a script that makes a recorded run.

What stands behind the next comment is copied into the script, behind the constants of the run.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import itertools
import sys
from typing import Any

ORDER_IN_SETS: list[int] = []
# what follows is the same for every run


class ScriptedPlaces:
    """The places of tasks and futures in sets, in the order in which they are first in one."""

    def __init__(self) -> None:
        self.given = itertools.count()

    def next(self) -> int:
        place = next(self.given)
        return ORDER_IN_SETS[place] if place < len(ORDER_IN_SETS) else place


LOOKED_UP_ONLY: dict[str, set[str]] = {
    "asyncio.tasks": {"gather"},
    "weakref": {"__setitem__", "__getitem__", "__delitem__", "__contains__", "get", "pop", "setdefault", "update"},
    __name__: {"new_task"},
}
REGISTERED: Any = vars(asyncio.tasks).get("_scheduled_tasks", vars(asyncio.tasks).get("_all_tasks"))


class ScriptedPlace:
    """What has a scripted place in sets. A table that is only looked up in keeps the order of insertion."""

    place: int | None = None

    def __hash__(self) -> int:
        caller = sys._getframe(1)
        module = str(caller.f_globals.get("__name__"))
        looked_up = caller.f_code.co_name in LOOKED_UP_ONLY.get(module, ())
        if looked_up or (module == "_weakrefset" and caller.f_locals.get("self") is REGISTERED):
            return 0
        if self.place is None:
            self.place = self.get_loop().numbers.next()  # type: ignore[attr-defined]
        return self.place


class ScriptedTask(ScriptedPlace, asyncio.Task):  # type: ignore[type-arg]
    """A task with a scripted place in sets."""


class ScriptedFuture(ScriptedPlace, asyncio.Future):  # type: ignore[type-arg]
    """A future with a scripted place in sets."""
