"""Tasks and futures whose order within a set is a choice of the world.

CPython orders a set of tasks by their addresses: ``TaskGroup._tasks``, the sets of ``wait`` and ``as_completed``, what
``all_tasks`` returns. Nothing can hook the iteration of a set. So tasks and futures have a *chosen* number for a hash:
small numbers are the slots of a small set in their order.

An object is numbered when its hash is first asked for where an order can arise. A table that is only looked up in keeps
the order of insertion, so there the hash is 0 always. With ``places`` numbers to give away, every order of so many
objects is a choice; a run that wants more says so (:attr:`Numbers.wanted`), and is made again with more.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, Final

MOST_PLACES: Final = 5
"""Every order of so many objects is explored: 120. What comes later keeps the order in which it was first in a set."""

_LOOKED_UP_ONLY: Final = {
    "asyncio.tasks": {"gather"},
    "weakref": {"__setitem__", "__getitem__", "__delitem__", "__contains__", "get", "pop", "setdefault", "update"},
    "everyturn.asyncio.loop": {"create_task"},
}
"""Module → its functions that put a task in a dictionary, or that make one: no order arises there."""

_ALL: Final = vars(asyncio.tasks).get("_scheduled_tasks", vars(asyncio.tasks).get("_all_tasks"))
"""The weak set of all tasks: from Python 3.12 on, of those that were not begun eagerly."""


class Numbers:
    """The numbers of one run. ``choose`` decides which of those that are left an object gets."""

    def __init__(self, places: int, choose: Callable[[str, Sequence[str]], int]) -> None:
        self.places = places
        self.wanted = 0
        self._choose = choose
        self._left = list(range(places))

    def next(self, name: str) -> int:
        """The number of one more object."""
        self.wanted += 1
        if not self._left:
            return self.wanted - 1
        if len(self._left) == 1:
            return self._left.pop()
        place = self._choose("order in sets", [f"{name} has place {number}" for number in self._left])
        return self._left.pop(place)

    @property
    def left(self) -> tuple[int, ...]:
        """The numbers that nobody has yet."""
        return tuple(self._left)


class _Numbered:
    """What has a chosen hash, from the loop that it belongs to."""

    __slots__ = ()
    number: int | None = None

    def __hash__(self) -> int:
        numbers: Numbers | None = getattr(self.get_loop(), "numbers", None)  # type: ignore[attr-defined]
        if numbers is None or _is_looked_up_only(sys._getframe(1)):
            return 0
        if self.number is None:
            self.number = numbers.next(_name(self))  # type: ignore[misc] # in the dictionary of a future or task
        return self.number


def _is_looked_up_only(caller: FrameType) -> bool:
    module = caller.f_globals.get("__name__")
    if module == "_weakrefset":
        return caller.f_locals.get("self") is _ALL
    return caller.f_code.co_name in _LOOKED_UP_ONLY.get(module, ())  # type: ignore[arg-type]


def _name(numbered: Any) -> str:
    return numbered.get_name() if isinstance(numbered, asyncio.Task) else "a future"


class WorldTask(_Numbered, asyncio.Task):  # type: ignore[type-arg]
    """A task whose place in sets is chosen."""


class WorldFuture(_Numbered, asyncio.Future):  # type: ignore[type-arg]
    """A future whose place in sets is chosen."""
