"""Sets whose order is decided when somebody looks at it.

A set that a module makes by calling ``set`` is one of these while a program is explored. Its tasks and futures come in
an order that the world chooses when they are gone through, consistent with what was seen of them before: one that came
before another one does so again. So only orders are explored that somebody sees. Sets that are made in other ways
(``{…}``, in C) are ordered by numbers: :mod:`everyturn.asyncio.order.ordering`.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
from asyncio import events
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType, CoroutineType, FrameType
from typing import Any, Final
from weakref import ref

from everyturn.asyncio.order.called import StandsFor
from everyturn.asyncio.order.hashed import HOLDERS, by_address, is_numbered, said_of

_NO_MATTER: Final[frozenset[CodeType]] = frozenset(
    {
        vars(asyncio.tasks)["_wait"].__code__,  # hangs one callback on each, and takes each off
        vars(asyncio.tasks)["wait"].__code__,  # asks of each whether it is a coroutine
    }
)
"""Code that goes through a set and does the same whatever the order."""


_COROUTINES: Final = (
    "coroutines of which as_completed makes tasks begin in the order in which they were given; it is one of all that "
    "are possible"
)


_NUMBERS: Final = frozenset({int, float, bool, type(None)})


class SetOrders:
    """What was seen in one run of the order of tasks and futures. ``choose`` decides what is open."""

    def __init__(self, choose: Callable[[str, Sequence[str]], int], name: Callable[[Any], str]) -> None:
        self._choose = choose
        self.name = name
        self._before: set[tuple[int, int]] = set()
        self._alive: dict[int, ref[Any]] = {}
        self.trusted: set[str] = set()
        """What of the orders that were looked at was one of all that are possible."""
        self.unordered: set[type] = set()
        """Classes of objects that were gone through in the order of their addresses."""
        self._held: set[str] = set()

    def arrange(self, members: Sequence[Any]) -> list[Any]:
        """The members in an order that the world chooses, which is remembered."""
        left, found = list(members), []
        while left:
            found.append(self._next(left))
        for place, one in enumerate(found):
            self._remember([one], found[place + 1 :])
        return found

    def _remember(self, ones: list[Any], others: list[Any]) -> None:
        for each in (*ones, *others):
            self._alive.setdefault(id(each), ref(each, self._gone(id(each))))
        self._before.update((id(one), id(other)) for one in ones for other in others)

    def first(self, members: Sequence[Any]) -> Any:
        """The member that comes before all others, which is remembered."""
        left = list(members)
        taken = self._next(left)
        self._remember([taken], left)
        return taken

    def any(self, members: Sequence[Any]) -> Any:
        """One of the members: any."""
        return members[self._choice(list(members))]

    def sees(self, members: Sequence[Any]) -> None:
        """Somebody goes through these, which are no tasks or futures, in the order that they have."""
        if len(members) < 2 or _NUMBERS.issuperset(map(type, members)):
            return
        self.unordered.update(by_address(members))
        self.trusted |= said_of(members)

    def holds(self, label: str) -> None:
        """A hash of the program's own is made of that of this task or future."""
        self._held.add(label)
        if len(self._held) > 1:
            self.trusted.add(HOLDERS)

    def _next(self, left: list[Any]) -> Any:
        free = [one for one in left if not any((id(other), id(one)) in self._before for other in left)]
        taken = free[self._choice(free)]
        left.remove(taken)
        return taken

    def _choice(self, members: list[Any]) -> int:
        if len(members) < 2:
            return 0
        return self._choose("order in sets", [f"{self.name(each)} comes next" for each in members])

    def _gone(self, address: int) -> Callable[[object], None]:
        def gone(_: object) -> None:
            del self._alive[address]
            self._before = {pair for pair in self._before if address not in pair}

        return gone

    def known(self) -> list[tuple[Any, Any]]:
        """Pairs of which the first is known to come before the second."""
        pairs = [(self._alive[one](), self._alive[other]()) for one, other in self._before]
        return [pair for pair in pairs if None not in pair]


class _InChosenOrder:
    """What both kinds of sets do where somebody goes through them."""

    real: Any
    places: dict[int, int]

    def in_order(self) -> list[Any]:
        """The members, in an order that is the same in each run: not that of their addresses."""
        members: list[Any] = list(self.real.__iter__(self))
        numbered = list(filter(is_numbered, members))
        if not any(hasattr(each, "came_to_sets") for each in numbered):
            return members
        numbered.sort(key=lambda each: getattr(each, "came_to_sets", -1))
        ordered = iter(numbered)
        return [next(ordered) if is_numbered(each) else each for each in members]

    def __iter__(self) -> Iterator[Any]:
        members = self.in_order()
        numbered = list(filter(is_numbered, members))
        orders = _orders()
        if orders is None or len(members) < 2:
            return self.real.__iter__(self)  # type: ignore[no-any-return]
        if hasattr(self, "places"):
            orders.trusted.add(_COROUTINES)
            members.sort(key=lambda each: self.places.get(id(each), len(self.places)))
            return iter(members) if len(numbered) < 2 else self._arranged(members, numbered, orders)
        if _is_no_matter(sys._getframe(1)):
            return self.real.__iter__(self)  # type: ignore[no-any-return]
        if len(numbered) < len(members):
            orders.sees([each for each in members if not is_numbered(each)])
        if len(numbered) < 2:
            return self.real.__iter__(self)  # type: ignore[no-any-return]
        return self._arranged(members, numbered, orders)

    def _arranged(self, members: list[Any], numbered: list[Any], orders: SetOrders) -> Iterator[Any]:
        chosen = iter(orders.arrange(numbered))
        size = self.real.__len__
        for each in [next(chosen) if is_numbered(each) else each for each in members]:
            if size(self) != len(members):
                raise RuntimeError("Set changed size during iteration")
            yield each
        if size(self) != len(members):
            raise RuntimeError("Set changed size during iteration")

    def _remember_places(self, given: list[Any]) -> None:
        if any(type(each) is CoroutineType for each in given):
            self.places = {id(each): place for place, each in enumerate(given)}

    def __repr__(self) -> str:
        return repr(self.real(self))

    def __reduce__(self) -> Any:
        return self.real, (list(self.real.__iter__(self)),)


class WorldSet(_InChosenOrder, set[Any], metaclass=StandsFor):
    """A set whose tasks and futures come in an order that the world chooses. Coroutines that it was made of, of which
    CPython makes tasks in the order of their addresses, come in the order in which they were given."""

    real = set
    popped = False
    """Whether something was taken out of it: ``pop`` goes on behind that."""
    mixed = False
    """Whether something was added since, which lies anywhere."""

    def __init__(self, members: Iterable[Any] = ()) -> None:
        if isinstance(members, set | frozenset):  # whose members are not asked for their hashes again
            super().__init__(members)
            return
        given = list(members)
        for each in given:
            _comes(each)
        super().__init__(given)
        self._remember_places(given)

    def add(self, member: Any) -> None:
        _comes(member)
        self.mixed = self.popped
        super().add(member)

    def pop(self) -> Any:
        numbered = list(filter(is_numbered, self.in_order()))
        orders = _orders()
        if len(numbered) < 2 or orders is None:
            return set.pop(self)
        taken = orders.any(numbered) if self.mixed else orders.first(numbered)
        self.popped = True
        self.remove(taken)
        return taken


class WorldFrozenSet(_InChosenOrder, frozenset[Any], metaclass=StandsFor):
    """The same for a set that does not change."""

    real = frozenset

    def __new__(cls, members: Iterable[Any] = ()) -> WorldFrozenSet:
        if type(members) is cls:
            return members
        if isinstance(members, set | frozenset):
            return super().__new__(cls, members)
        given = list(members)
        for each in given:
            _comes(each)
        made = super().__new__(cls, given)
        made._remember_places(given)
        return made


STAND_INS: Final[dict[str, type]] = {"set": WorldSet, "frozenset": WorldFrozenSet}
"""Name of a built-in class → what takes its place in modules."""
CHOSEN: Final = (WorldSet, WorldFrozenSet)
"""Classes of sets whose order is decided when somebody looks at it."""


def is_chosen(found: object) -> bool:
    """Whether this is one of them, and no other set, whatever its class says that it is equal to."""
    return type(found) is WorldSet or type(found) is WorldFrozenSet


def plainly(found: Any) -> Iterator[Any]:
    """The members of a set as they lie, whatever its class makes of that."""
    return frozenset.__iter__(found) if issubclass(type(found), frozenset) else set.__iter__(found)


def _orders() -> SetOrders | None:
    found: SetOrders | None = getattr(events._get_running_loop(), "orders", None)
    return found


def _of_two(kind: Any, name: str) -> Callable[..., Any]:
    """A method of sets that makes another one: one of ours."""
    original = getattr(kind.real, name)

    def method(self: Any, *others: Any) -> Any:
        made = original(self, *others)
        return made if made is NotImplemented else kind(made)

    return method


def _adding(name: str) -> Callable[..., Any]:
    """A method of a set that may add to it."""
    original = getattr(set, name)

    def method(self: WorldSet, *others: Any) -> Any:
        self.mixed = self.popped
        return original(self, *others)

    return method


for _kind in CHOSEN:
    for _name in (
        *(f"__{side}{name}__" for name in ("and", "or", "sub", "xor") for side in ("", "r")),
        *("union", "intersection", "difference", "symmetric_difference", "copy"),
    ):
        setattr(_kind, _name, _of_two(_kind, _name))
    _kind.__name__ = _kind.__qualname__ = _kind.real.__name__  # so it is called by who reads of a run
for _name in ("update", "symmetric_difference_update", "__ior__", "__ixor__"):
    setattr(WorldSet, _name, _adding(_name))


def _is_no_matter(caller: FrameType) -> bool:
    """Whether who goes through a set does the same whatever the order: or is of ours."""
    if caller.f_code.co_name == "find_root_task" and caller.f_globals.get("__name__") == "anyio._backends._asyncio":
        return True  # looks for the one task of asyncio.run
    return caller.f_code in _NO_MATTER or str(caller.f_globals.get("__name__")).startswith("everyturn.")


_OF_PYTHONS_OWN: Final = (asyncio.Future, asyncio.Task)


def _comes(member: Any) -> None:
    """A future or task of another class than the loop's own is hashed by its address. It is known by when it first came
    to a set."""
    if is_numbered(member) and not hasattr(member, "is_numbered") and not hasattr(member, "came_to_sets"):
        loop = member.get_loop()
        if getattr(loop, "numbers", None) is not None:
            member.came_to_sets = next(loop.sequence)
            if type(member) in _OF_PYTHONS_OWN:
                member.label_in_sets, _ = loop.numbers.next(loop.orders.name(member))
