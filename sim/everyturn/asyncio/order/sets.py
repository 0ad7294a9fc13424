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


class SetOrders:
    """What was seen in one run of the order of tasks and futures. ``choose`` decides what is open."""

    def __init__(self, choose: Callable[[str, Sequence[str]], int], name: Callable[[Any], str]) -> None:
        self._choose = choose
        self.name = name
        self._before: set[tuple[int, int]] = set()
        self._alive: dict[int, ref[Any]] = {}
        self.trusted: set[str] = set()
        """What of the orders that were looked at was one of all that are possible."""

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


class _Set(type):
    """The class of the stand-in: what is asked of it as a class is asked of ``set``."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, set)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, set)

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is set

    def __hash__(cls) -> int:
        return hash(set)


class WorldSet(set[Any], metaclass=_Set):
    """A set whose tasks and futures come in an order that the world chooses. Coroutines that it was made of, of which
    CPython makes tasks in the order of their addresses, come in the order in which they were given."""

    popped = False
    """Whether something was taken out of it: ``pop`` goes on behind that, wherever what is added later lies."""

    def __init__(self, members: Iterable[Any] = ()) -> None:
        if isinstance(members, set | frozenset):  # whose members are not asked for their hashes again
            super().__init__(members)
            return
        given = list(members)
        for each in given:
            _comes(each)
        super().__init__(given)
        if any(type(each) is CoroutineType for each in given):
            self.places = {id(each): place for place, each in enumerate(given)}

    def add(self, member: Any) -> None:
        _comes(member)
        super().add(member)

    def in_order(self) -> list[Any]:
        """The members, in an order that is the same in each run: not that of their addresses."""
        members = list(set.__iter__(self))
        if any(hasattr(each, "came_to_sets") for each in members):
            members.sort(key=lambda each: getattr(each, "came_to_sets", -1))
        return members

    def __iter__(self) -> Iterator[Any]:
        members = self.in_order()
        numbered = list(filter(is_numbered, members))
        orders: SetOrders | None = getattr(events._get_running_loop(), "orders", None)
        if orders is not None and hasattr(self, "places") and len(members) > 1:
            orders.trusted.add(_COROUTINES)
            members.sort(key=lambda each: self.places.get(id(each), len(self.places)))
            return iter(members) if len(numbered) < 2 else self._arranged(members, numbered, orders)
        if len(numbered) < 2 or orders is None or _is_no_matter(sys._getframe(1)):
            return set.__iter__(self)
        return self._arranged(members, numbered, orders)

    def _arranged(self, members: list[Any], numbered: list[Any], orders: SetOrders) -> Iterator[Any]:
        chosen = iter(orders.arrange(numbered))
        for each in [next(chosen) if is_numbered(each) else each for each in members]:
            if len(self) != len(members):
                raise RuntimeError("Set changed size during iteration")
            yield each
        if len(self) != len(members):
            raise RuntimeError("Set changed size during iteration")

    def pop(self) -> Any:
        numbered = list(filter(is_numbered, self.in_order()))
        orders: SetOrders | None = getattr(events._get_running_loop(), "orders", None)
        if len(numbered) < 2 or orders is None:
            return set.pop(self)
        taken = orders.any(numbered) if self.popped else orders.first(numbered)
        self.popped = True
        self.remove(taken)
        return taken

    def __repr__(self) -> str:
        return repr(set(self))

    def __reduce__(self) -> Any:
        return set, (list(set.__iter__(self)),)


def _of_two(name: str) -> Callable[..., Any]:
    """A method of sets that makes another one: one of ours."""
    original = getattr(set, name)

    def method(self: WorldSet, *others: Any) -> Any:
        made = original(self, *others)
        return made if made is NotImplemented else WorldSet(made)

    return method


for _name in (
    *(f"__{side}{name}__" for name in ("and", "or", "sub", "xor") for side in ("", "r")),
    *("union", "intersection", "difference", "symmetric_difference", "copy"),
):
    setattr(WorldSet, _name, _of_two(_name))

WorldSet.__name__ = WorldSet.__qualname__ = "set"  # so it is called by who reads of a run


def _is_no_matter(caller: FrameType) -> bool:
    """Whether who goes through a set does the same whatever the order: or is of ours."""
    if caller.f_code.co_name == "find_root_task" and caller.f_globals.get("__name__") == "anyio._backends._asyncio":
        return True  # looks for the one task of asyncio.run
    return caller.f_code in _NO_MATTER or str(caller.f_globals.get("__name__")).startswith("everyturn.")


_FUTURE: Final = asyncio.Future
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


def is_numbered(member: Any) -> bool:
    """Whether this is a task or a future, of whatever class."""
    return issubclass(type(member), _FUTURE)
