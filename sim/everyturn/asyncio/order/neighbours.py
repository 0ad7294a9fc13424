"""Which tasks and futures are in one set at once, in one run: only their order matters.

A set calls for the hash of a member before it takes it in or gives it away, and each time all sets are looked at; and
once more at the end of the step. What may have come and gone between two looks counts as having been there.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from types import CodeType
from typing import Any, Final, NamedTuple
from weakref import getweakrefs, ref

from everyturn.asyncio.order.earlier import EARLIER
from everyturn.asyncio.order.sets import is_chosen, plainly

ALL: Final[Any] = vars(asyncio.tasks).get("_scheduled_tasks", vars(asyncio.tasks).get("_all_tasks"))
"""The weak set of all tasks: from Python 3.12 on, of those that were not begun eagerly."""


ALL_TASKS: Final = frozenset(
    {asyncio.all_tasks.__code__, *(each for each in asyncio.all_tasks.__code__.co_consts if isinstance(each, CodeType))}
)
"""Code of ``all_tasks``: its set is seen by nobody until it returns, and then it is one whose order is chosen later."""


class OwnReference(ref[Any]):
    """A weak reference of ours. Python gives a program that asks for one the one that is there, with the hash that was
    asked of it first, be it by a set or by a dictionary; but never one of a class of its own, as this."""

    __slots__ = ()


class _Seen(NamedTuple):
    """A set as it was seen, with its members' labels by their addresses."""

    where: ref[Any]
    members: dict[int, str]


class Neighbours:
    """``pairs``: labels of two objects that were, or may have been, in one set at once. ``known``: whether this part of
    the run was made before, so that nothing new can be seen."""

    def __init__(self, known: Callable[[], bool]) -> None:
        self.pairs: set[tuple[str, str]] = set()
        self.holders = False
        """Whether a tuple with one of them in it may have been in a set with another one."""
        self._known = known
        self._seen: list[_Seen] = []
        self._met: dict[str, OwnReference] = {}
        self._asks = False
        self._asked: dict[str, bool] = {}
        """Label of what a set asked in this step → whether it was in some set at that time."""

    def asked(self, numbered: Any) -> None:
        """A set takes in ``numbered`` now, or gives it away, or looks for it."""
        if self._asks:  # for a hash, itself
            return
        EARLIER.touched = True
        label = numbered.label_in_sets
        others = self._alive(label)
        self._met.setdefault(label, OwnReference(numbered))
        if not others or self._known():
            return
        within = False
        self.holders = self.holders or _are_held([each for met in self._met.values() if (each := met()) is not None])
        for each in self._sets([numbered, *others]):
            within = within or id(numbered) in each.members
            self._seen.append(each)
            self._are_together(each.members)
        self._asked[label] = within

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Around hashes that somebody asks for, and no set."""
        before, self._asks = self._asks, True
        try:
            yield
        finally:
            self._asks = before

    def kept(self, found: set[Any] | frozenset[Any]) -> None:
        """A set that was met in a state: it may have been made of others in C, which asks nobody for a hash."""
        if not is_chosen(found):
            self._are_together(_members(found))

    def step_ends(self) -> None:
        """The loop comes to its next handle."""
        if not self._asked:
            return
        asked, seen = self._asked, self._seen
        self._asked, self._seen = {}, []
        now = list(self._sets([each for met in self._met.values() if (each := met()) is not None]))
        for each in now:
            self._are_together(each.members)
        there = {label for each in now for label in each.members.values()}
        gone = {label for label, within in asked.items() if not within and label not in there}
        for each in seen:
            held = each.where()
            left = {} if held is None else _members(held)
            lost = {label for key, label in each.members.items() if key not in left and not asked.get(label)}
            for one in gone.union(*([asked] if lost else [])):
                for other in lost or each.members.values():
                    self._pair(one, other)

    def _sets(self, numbered: list[Any]) -> list[_Seen]:
        self._asks = True
        try:
            return list(_sets(numbered))
        finally:
            self._asks = False

    def _alive(self, label: str) -> list[Any]:
        """What was numbered and is there, of which it is not known that it was beside the one of this label."""
        found = []
        for each, reference in self._met.items():
            other = reference()
            if other is not None and each != label and (min(each, label), max(each, label)) not in self.pairs:
                found.append(other)
        return found

    def _are_together(self, members: dict[int, str]) -> None:
        for one, other in combinations(members.values(), 2):
            self._pair(one, other)

    def _pair(self, one: str, other: str) -> None:
        if one != other:
            self.pairs.add((min(one, other), max(one, other)))


def _sets(numbered: list[Any]) -> Iterator[_Seen]:
    """The sets that hold one of these, or a weak reference to it; but for those whose order the world chooses later."""
    every = None if ALL is None else ALL.data  # where no order arises
    held = [*numbered, *(reference for each in numbered for reference in getweakrefs(each))]
    for each in (*gc.get_referrers(*held), *EARLIER.holding(held)):
        if issubclass(type(each), set | frozenset) and not is_chosen(each) and each is not every:
            yield _Seen(ref(each), _members(each))


def _are_held(numbered: list[Any]) -> bool:
    """Whether a tuple that holds one of these is in a set."""
    tuples = [each for each in gc.get_referrers(*numbered) if isinstance(each, tuple)]
    if not tuples:
        return False
    known = set(map(id, tuples))
    sets = [each for each in gc.get_referrers(*tuples) if issubclass(type(each), set | frozenset)]
    return any(not known.isdisjoint(map(id, plainly(each))) for each in sets)


def _members(found: Any) -> dict[int, str]:
    members = {}
    for each in plainly(found):
        member = each() if type(each) is ref else each
        label = getattr(member, "label_in_sets", None) if hasattr(type(member), "is_numbered") else None
        if label is not None:
            members[id(member)] = label
    return members
