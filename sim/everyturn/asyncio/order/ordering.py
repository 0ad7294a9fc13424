"""Tasks and futures whose order within a set is a choice of the world.

CPython orders a set of tasks by their addresses: ``TaskGroup._tasks``, the sets of ``wait`` and ``as_completed``, what
``all_tasks`` returns. Nothing can hook the iteration of a set. So tasks and futures have a *chosen* number for a hash:
small numbers are the slots of a small set in their order.

An object is numbered when its hash is first asked for where an order can arise. A table that is only looked up in keeps
the order of insertion, so there the hash is 0 always. The order of two objects matters only if they are in one set at
once, which :mod:`everyturn.asyncio.order.neighbours` finds out. A *group* is made of what is in one set, and of what is
in another one with a member; its members share as many numbers as there are members, so that every order of them is a
choice. A run in which others are in one set than the groups say is no use: the search begins anew with those groups.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any, Final

from everyturn.asyncio.order.neighbours import ALL, ALL_TASKS, Neighbours

MOST_PLACES: Final = 5
"""Every order of so many objects is explored: 120. What comes later keeps the order in which it was first in a set."""

Groups = tuple[tuple[str, ...], ...]
"""Labels of objects that may be in one set at once, group by group."""

_LOOKED_UP_ONLY: Final = {
    "asyncio.tasks": {"gather"},
    "weakref": {"__setitem__", "__getitem__", "__delitem__", "__contains__", "get", "pop", "setdefault", "update"},
    "everyturn.asyncio.runtime.loop": {"new_task"},
}
"""Module → its functions that put a task in a dictionary, or that make one: no order arises there."""


class Numbers:
    """The numbers of one run. ``choose`` decides which of those that are left in its group an object gets."""

    def __init__(self, groups: Groups, choose: Callable[[str, Sequence[str]], int], known: Callable[[], bool]) -> None:
        self.neighbours = Neighbours(known)
        self._choose = choose
        self._group = {label: number for number, group in enumerate(groups) for label in group}
        self._left = [list(range(min(len(group), MOST_PLACES))) for group in groups]
        self._named = {_name_of(label) for label in self._group}
        self._met: Counter[str] = Counter()
        self._given: list[dict[int, str]] = [{} for _ in groups]

    def next(self, name: str) -> tuple[str, int | None]:
        """The label of one more object, and its number, if its order matters."""
        self._met[name] += 1
        label = f"{name} {self._met[name]}"
        group = self._group.get(label)
        if group is None:
            return label, None
        left = self._left[group]
        if not left:
            return label, MOST_PLACES
        options = [f"{name} has place {number}" for number in left]
        number = left.pop(self._choose("order in sets", options) if len(left) > 1 else 0)
        self._given[group][number] = label
        return label, number

    def chains(self) -> list[list[str]]:
        """Group by group, the labels of what was met, in their order."""
        return [[given[number] for number in sorted(given)] for given in self._given]

    @property
    def several(self) -> bool:
        """Whether two tasks or futures or more may be in sets."""
        return self._met.total() > 1

    @property
    def left(self) -> tuple[object, ...]:
        """What is still to be given away: the numbers, and how many objects there were of each name that gets one."""
        if not any(self._left):
            return ()
        return tuple(map(tuple, self._left)), tuple(sorted((name, self._met[name]) for name in self._named))


def _name_of(label: str) -> str:
    return label.rpartition(" ")[0]


def joined(groups: Groups, pairs: Iterable[tuple[str, str]]) -> Groups:
    """Groups of all that hang together by groups and by pairs of neighbours."""
    found: list[set[str]] = [set(group) for group in groups]
    for pair in pairs:
        touched = [each for each in found if not each.isdisjoint(pair)]
        found = [each for each in found if each.isdisjoint(pair)] + [set(pair).union(*touched)]
    return tuple(sorted(tuple(sorted(each)) for each in found))


def too_large(groups: Groups) -> int:
    """The size of the largest group, if not every order of it is explored: else 0."""
    largest = max(map(len, groups), default=0)
    return largest if largest > MOST_PLACES else 0


class _Numbered:
    """What has a chosen hash, from the loop that it belongs to."""

    __slots__ = ()
    is_numbered = True
    label_in_sets: str | None = None
    number_in_sets: int | None = None

    def __hash__(self) -> int:
        numbers: Numbers | None = getattr(self.get_loop(), "numbers", None)  # type: ignore[attr-defined]
        if numbers is None or _is_looked_up_only(sys._getframe(1)):
            return 0
        if self.label_in_sets is None:
            together = [self]
            if sys._getframe(1).f_code in ALL_TASKS:  # in the order in which they were made, not in that of weak sets
                tasks = self.get_loop().world.tasks()  # type: ignore[attr-defined]
                together = [each for each in tasks if isinstance(each, _Numbered)]
            for each in together:
                each._is_numbered_by(numbers)
        if sys._getframe(1).f_code.co_name == "__hash__":
            self.get_loop().orders.holds(self.label_in_sets)  # type: ignore[attr-defined]
        if sys._getframe(1).f_code not in ALL_TASKS:
            numbers.neighbours.asked(self)
        return self.number_in_sets or 0

    def _is_numbered_by(self, numbers: Numbers) -> None:
        if self.label_in_sets is None:
            # in the dictionary of a future or task
            self.label_in_sets, self.number_in_sets = numbers.next(name_in_sets(self))  # type: ignore[misc]


def _is_looked_up_only(caller: FrameType) -> bool:
    module = caller.f_globals.get("__name__")
    if module == "_weakrefset":
        return caller.f_locals.get("self") is ALL
    return caller.f_code.co_name in _LOOKED_UP_ONLY.get(module, ())  # type: ignore[arg-type]


def name_in_sets(numbered: Any) -> str:
    """What a task or future is called where its order is chosen."""
    if not isinstance(numbered, asyncio.Task):
        return "a future"
    name = numbered.get_name()
    return getattr(numbered.get_coro(), "__qualname__", "a task") if name.startswith("Task-") else name


class WorldTask(_Numbered, asyncio.Task):  # type: ignore[type-arg]
    """A task whose place in sets is chosen, and of which it is known who named it."""

    def set_name(self, value: object) -> None:
        super().set_name(self.get_loop().gives(value))  # type: ignore[attr-defined] # it is our loop's


class WorldFuture(_Numbered, asyncio.Future):  # type: ignore[type-arg]
    """A future whose place in sets is chosen."""
