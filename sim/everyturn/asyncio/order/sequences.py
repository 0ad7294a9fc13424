"""Sets of a program's own objects, which CPython orders by their addresses: another order in each run.

Objects of a class of which a set holds two or more are hashed by the order in which their hash is first asked for, so
that a run can be made again. It is one order of all that are possible: the result says of which classes it was trusted.
Of a class of which no set holds more than one there is no order; its objects are all hashed alike, or a set would
remember where the address of one has put it, and states that are the same would not be equal.

A class that a function makes is another one in each run; it is known by its name, and taken when the statement that
makes it has made it.
"""

from __future__ import annotations

import _weakrefset
import builtins
import gc
import threading
from asyncio import events
from collections import Counter
from collections.abc import Collection
from itertools import filterfalse
from typing import Any, Final, NamedTuple
from weakref import WeakSet, ref

from everyturn.asyncio.order.earlier import EARLIER, family_of
from everyturn.asyncio.order.hashed import (
    UNSEEN,
    by_address,
    is_by_address,
    is_by_text,
    is_numbered,
    name_of,
    of_places,
)
from everyturn.asyncio.order.sets import is_chosen

PASSING: Final[type] = vars(_weakrefset)["_IterationGuard"]
"""What stands in a set of a weak container while somebody goes through that, and leaves its place there behind. None is
there between two runs."""
_MOST_ALIKE: Final = 64
"""So many objects of a class are hashed alike; if there are more, a dictionary of all would be slow."""
_NOTHING: Final = object()
_THREADS: Final[Any] = vars(threading)["_dangling"]
"""In which the standard library keeps all threads for itself."""
_BUILD: Final = builtins.__build_class__


class SaidOfSets(NamedTuple):
    """What the attributes of these names are in :class:`Sequences`."""

    texts: bool
    locals: bool
    threads: bool
    merges: bool
    by_place: frozenset[str]


class Sequences:
    """The classes of which objects are hashed in the order in which they come."""

    def __init__(self) -> None:
        self.classes: list[type] = []
        self._alone: set[str] = set()
        """Names of classes of which no set holds two objects, as far as is known."""
        self._alike: Counter[str] = Counter()
        """How many objects of such a class were hashed in this run."""
        self.elsewhere = False
        """Whether a run is made with its objects elsewhere, to see whether that matters."""
        self._made: WeakSet[type] = WeakSet()
        """Classes that were made since, of a name that is known."""
        self.texts = False
        """Whether the program keeps a set of several texts, which Python orders by hashes that are new in each
        process."""
        self.by_place: set[str] = set()
        """What is to be said of types of which the program keeps several in a set, which Python orders by where they
        lie, as nothing can hash them otherwise: functions, methods."""
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
        return [kind for kind in found if not self.has_order(kind)]

    def has_order(self, kind: type) -> bool:
        """Whether objects of this class are hashed by the order in which they come."""
        if kind in self._made:
            return name_of(kind) not in self._alone
        return kind in self.classes

    def is_taken(self, kind: type) -> bool:
        """Whether objects of this class are hashed otherwise than by their addresses."""
        return kind in self._own or kind in self._made

    def lacks(self, kinds: Collection[type], alone: Collection[type]) -> bool:
        """Whether one of these is still to be taken: of ``kinds`` sets hold several, of those ``alone`` one."""
        return not all(map(self.has_order, kinds)) or not all(map(self.is_taken, alone))

    def look_for_texts(self, members: Collection[Any]) -> None:
        """Note whether a set has several texts."""
        if not self.texts:
            self.texts = sum(map(is_by_text, members)) > 1

    def look_for_places(self, members: Collection[Any]) -> None:
        """Note of which types these are, if they are several and cannot be hashed by the order in which they come."""
        kinds = {type(each() if isinstance(each, ref) else each) for each in members}
        if len(members) > 1:
            self.by_place.update(of_places(kind) for kind in kinds if not is_by_address(kind))

    def take(self, kinds: Collection[type]) -> None:
        """Take these classes. What exists of them keeps its hash."""
        new = [each for each in kinds if not self.has_order(each)]
        self._hash_otherwise([each for each in new if each not in self._own])
        self._alone.difference_update(map(name_of, new))
        self.classes.extend(new)

    def take_alone(self, kinds: Collection[type]) -> None:
        """Take these classes, of which no set holds two objects."""
        new = [each for each in kinds if not self.is_taken(each)]
        self._hash_otherwise(new)
        self._alone.update(map(name_of, new))

    @property
    def alone(self) -> list[type]:
        """What was taken alone."""
        return [each for each in self._own if name_of(each) in self._alone]

    def _hash_otherwise(self, kinds: Collection[type]) -> None:
        self._before.update((id(each), each) for each in _objects([each for each in kinds if each is not PASSING]))
        known = set(map(name_of, self._own))
        for kind in kinds:
            if name_of(kind) in known:  # made once more, where no statement has made it
                UNSEEN.add(name_of(kind))
            self._own[kind] = kind.__dict__.get("__hash__", _NOTHING)
            kind.__hash__ = self._hash(name_of(kind))  # type: ignore[method-assign]
        if any("<locals>" in name_of(kind) for kind in kinds):
            builtins.__build_class__ = self._build

    def _build(self, *given: Any, **named: Any) -> Any:
        """A class statement: a class of a name that was taken is taken, too."""
        made = _BUILD(*given, **named)
        if isinstance(made, type) and any(name_of(each) == name_of(made) for each in self._own) and is_by_address(made):
            self._made.add(made)
            made.__hash__ = self._hash(name_of(made))  # type: ignore[method-assign]
        return made

    def _hash(self, name: str) -> Any:
        def __hash__(this: Any) -> int:  # noqa: N807 # that is what it is
            known = self._numbers.get(id(this))
            if known is not None and known[0]() is this:
                return known[1]
            number = self._next(this, name)
            if number is None:
                return object.__hash__(this)
            self._numbers[id(this)] = ref(this), number
            return number

        __hash__.is_ours = True  # type: ignore[attr-defined]
        return __hash__

    def said(self) -> SaidOfSets:
        """What runs have shown that the result has to say."""
        return SaidOfSets(self.texts, self.locals, self.threads, self.merges, frozenset(self.by_place))

    def hear(self, said: SaidOfSets) -> None:
        """What runs of another process have shown."""
        self.texts |= said.texts
        self.locals |= said.locals
        self.threads |= said.threads
        self.merges |= said.merges
        self.by_place |= said.by_place

    def _next(self, this: Any, name: str) -> int | None:
        """What ``this``, of a class of this name, is to be hashed by; nothing if that is where it lies."""
        if id(this) in self._before:
            return None
        if name in self._alone:  # where it matters that no set holds two of them, a run elsewhere shows it
            self._alike[name] += 1
            return object.__hash__(this) if self.elsewhere or self._alike[name] > _MOST_ALIKE else 0
        loop: Any = events._get_running_loop()
        return next(loop.sequence) if hasattr(loop, "sequence") else None

    def begin(self) -> None:
        """A run begins: what is gone needs no number."""
        self._alike.clear()
        self._numbers = {key: known for key, known in self._numbers.items() if known[0]() is not None}

    def put_back(self) -> None:
        """Everything as it was."""
        builtins.__build_class__ = _BUILD
        UNSEEN.clear()
        for kind, own in self._own.items():
            if own is _NOTHING:
                del kind.__hash__
            else:
                kind.__hash__ = own  # type: ignore[method-assign]
        self._own.clear()
        self.classes.clear()
        self._alone.clear()
        self._made.clear()
        self.texts = self.locals = self.threads = self.merges = False
        self.by_place.clear()
        self.codes.clear()
        self._before.clear()
        self._numbers.clear()


def _objects(kinds: Collection[type]) -> list[Any]:
    """All objects of these classes that are there, kept from the collector or not."""
    if not kinds:
        return []
    EARLIER.freeze()
    gc.unfreeze()
    family = {each for kind in kinds for each in family_of(kind)}
    found = [each for each in gc.get_objects() if type(each) in family]
    gc.freeze()
    return found


NOW: Final = Sequences()
"""Those of the runs that are being made. Only one search runs in a process at a time."""
