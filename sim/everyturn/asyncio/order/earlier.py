"""Sets that were there before a run, such as ``BACKGROUND = set()`` of a module.

What is there before a run is kept from the collector (``gc.freeze``), which by that finds no such set any more when
somebody asks in which sets a task is. So they are remembered, by weak references: a run may still throw them away.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from operator import call
from typing import Any, Final
from weakref import ref


class EarlierSets:
    """The sets that :meth:`freeze` has come upon. A frozen set takes nothing in later, and is none of them."""

    def __init__(self) -> None:
        self._found: dict[int, ref[set[Any]]] = {}
        self._members: dict[int, frozenset[int]] = {}
        self._used: dict[int, ref[set[Any]]] = {}
        """Those that ever held something of a run, also of a search before."""
        self.touched = False
        """Whether any of them may have taken something in, or given it away, since they were tidied."""

    def freeze(self, *, all_anew: bool = False) -> None:
        """Keep all that is there from the collector. Sets that are empty are as if nothing had ever been in them: those
        that were seen to hold something of a run, or ``all_anew``."""
        if self.touched:
            for known in (self._found if all_anew else self._used).values():
                _tidy(known())
            self.touched = False
        for each in gc.get_objects():
            if type(each) is set:
                _tidy(each)
                self._found[id(each)] = ref(each)
                self._members[id(each)] = frozenset(map(id, each))
        gc.freeze()

    def forget(self) -> None:
        """The collector finds everything again."""
        gc.unfreeze()
        self._found.clear()
        self._members.clear()

    def __iter__(self) -> Iterator[set[Any]]:
        """Those that hold something."""
        return filter(None, map(call, self._found.values()))

    def changed(self) -> list[set[Any]]:
        """Those that hold something that they did not hold when they were found."""
        return [each for each in self if not self._members[id(each)].issuperset(map(id, each))]

    def holding(self, members: Iterable[Any]) -> list[set[Any]]:
        """Those that hold one of these."""
        wanted = set(members)
        found = [each for each in self if not wanted.isdisjoint(each)]
        self._used.update((id(each), ref(each)) for each in found)
        return found


def _tidy(each: set[Any] | None) -> None:
    """What a set that is empty gives next depends on what was in it: on where ``pop`` was last, and on places that are
    not used again. Make that what it is in a new one."""
    if each is not None and not each:
        each.add(7)  # in the last of eight places, behind which the next one is the first
        each.pop()
        each.clear()


EARLIER: Final = EarlierSets()
"""Those of the runs that are being made. Only one search runs in a process at a time."""
