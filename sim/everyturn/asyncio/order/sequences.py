"""Sets of a program's own objects, which CPython orders by their addresses: another order in each run.

Objects of a class of which a set holds two or more are hashed by the order in which their hash is first asked for, so
that a run can be made again. It is one order of all that are possible: the result says of which classes it was trusted.
"""

from __future__ import annotations

import gc
import threading
from asyncio import events
from collections.abc import Collection
from itertools import filterfalse
from typing import Any, Final
from weakref import ref

from everyturn.asyncio.order.earlier import EARLIER, family_of
from everyturn.asyncio.order.hashed import by_address, is_by_address, is_by_text, is_numbered
from everyturn.asyncio.order.sets import is_chosen

_NOTHING: Final = object()
_THREADS: Final[Any] = vars(threading)["_dangling"]
"""In which the standard library keeps all threads for itself."""


class Sequences:
    """The classes of which objects are hashed in the order in which they come."""

    def __init__(self) -> None:
        self.classes: list[type] = []
        self.texts = False
        """Whether the program keeps a set of several texts, which Python orders by hashes that are new in each
        process."""
        self.by_place: set[type] = set()
        """Of which types the program keeps several in a set, which Python orders by where they lie, as nothing can hash
        them otherwise: functions, methods."""
        self.locals = self.threads = False
        """Whether the program has a ``threading.local``; whether several threads of one executor have been busy
        at once."""
        self.merges = False
        """Whether code of the program makes sets of others in C, which asks nobody for a hash."""
        self.codes: dict[int, object] = {}
        """Code of the program that was looked at for such sets, by its address."""
        self._own: dict[type, Any] = {}
        """What these classes had for a hash themselves."""
        self._before: dict[int, object] = {}
        self._numbers: dict[int, tuple[ref[Any], int]] = {}

    def look(self) -> list[type]:
        """Classes that were not known, and of which some set holds two objects or more."""
        found: dict[type, None] = {}
        for each in (*gc.get_objects(), *EARLIER.changed()):
            if issubclass(type(each), set | frozenset) and len(each) > 1 and each is not _THREADS.data:
                members = filterfalse(is_numbered, each.in_order()) if is_chosen(each) else each
                found.update(dict.fromkeys(by_address(members)))
        return [kind for kind in found if kind not in self.classes]

    def look_for_texts(self, members: Collection[Any]) -> None:
        """Note whether a set has several texts."""
        if not self.texts:
            self.texts = sum(map(is_by_text, members)) > 1

    def look_for_places(self, members: Collection[Any]) -> None:
        """Note of which types these are, if they are several and cannot be hashed by the order in which they come."""
        kinds = {type(each() if isinstance(each, ref) else each) for each in members}
        if len(members) > 1:
            self.by_place.update(kind for kind in kinds if not is_by_address(kind))

    def take(self, kinds: Collection[type]) -> None:
        """Take these classes. What exists of them keeps its hash."""
        if not kinds:
            return
        EARLIER.freeze()
        gc.unfreeze()
        family = {each for kind in kinds for each in family_of(kind)}
        self._before.update((id(each), each) for each in gc.get_objects() if type(each) in family)
        gc.freeze()
        for kind in kinds:
            self.classes.append(kind)
            self._own[kind] = kind.__dict__.get("__hash__", _NOTHING)
            kind.__hash__ = self._hash()  # type: ignore[method-assign]

    def _hash(self) -> Any:
        def __hash__(this: Any) -> int:  # noqa: N807 # that is what it is
            known = self._numbers.get(id(this))
            if known is not None and known[0]() is this:
                return known[1]
            loop: Any = events._get_running_loop()
            if id(this) in self._before or not hasattr(loop, "sequence"):
                return object.__hash__(this)
            number: int = next(loop.sequence)
            self._numbers[id(this)] = ref(this), number
            return number

        return __hash__

    def begin(self) -> None:
        """A run begins: what is gone needs no number."""
        self._numbers = {key: known for key, known in self._numbers.items() if known[0]() is not None}

    def put_back(self) -> None:
        """Everything as it was."""
        for kind in self.classes:
            if (own := self._own.pop(kind)) is _NOTHING:
                del kind.__hash__
            else:
                kind.__hash__ = own  # type: ignore[method-assign]
        self.classes.clear()
        self.texts = self.locals = self.threads = self.merges = False
        self.by_place.clear()
        self.codes.clear()
        self._before.clear()
        self._numbers.clear()


NOW: Final = Sequences()
"""Those of the runs that are being made. Only one search runs in a process at a time."""
