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
ALL_TASKS = {asyncio.all_tasks.__code__, *asyncio.all_tasks.__code__.co_consts}
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
            for each in self.all_tasks() if caller.f_code in ALL_TASKS else [self]:
                if each.place is None:
                    each.place = self.get_loop().numbers.next()  # type: ignore[attr-defined]
        return self.place or 0

    def all_tasks(self) -> list[Any]:
        """The tasks that have not ended, in the order in which they were made."""
        found = [each for each in REGISTERED if isinstance(each, ScriptedTask) and not each.done()]
        here = [each for each in found if each.get_loop() is self.get_loop()]  # type: ignore[attr-defined]
        return sorted(here, key=lambda each: each.made)


MADE = itertools.count()


class ScriptedTask(ScriptedPlace, asyncio.Task):  # type: ignore[type-arg]
    """A task with a scripted place in sets."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.made = next(MADE)
        super().__init__(*args, **options)


class ScriptedFuture(ScriptedPlace, asyncio.Future):  # type: ignore[type-arg]
    """A future with a scripted place in sets."""
